"""The package for an index, and its installation in an empty environment."""

import ast
import re
import sys
from email import message_from_string
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

import lit_transfer

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def metadata(tmp_path_factory):
    """Return the metadata that setuptools writes into the wheel."""
    build_meta = pytest.importorskip("setuptools.build_meta", reason="setuptools is not installed")
    folder = tmp_path_factory.mktemp("metadata")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setattr(sys, "argv", ["setup.py"])
        name = build_meta.prepare_metadata_for_build_wheel(str(folder))
    return message_from_string((folder / name / "METADATA").read_text(encoding="utf-8"))


# Modules whose name differs from that of the distribution, where it is not installed or does not name them to Python 3.10.
NAMES = {"mecab": ["python-mecab-ko"], "sklearn": ["scikit-learn"]}


def requirements(metadata):
    """Return the extra of each distribution; None for required ones."""
    found = {}
    for line in metadata.get_all("Requires-Dist"):
        name = re.match(r"[\w.-]+", line)[0].lower().replace("_", "-")
        extra = re.search(r"extra == ['\"](\w+)", line)
        found[name] = None if found.get(name, "") is None or extra is None else extra[1]
    return found


def test_each_import_of_the_package_is_a_declared_dependency(metadata):
    declared = requirements(metadata)
    distributions = packages_distributions()
    for path in Path(lit_transfer.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in {name.partition(".")[0] for name in names} - {"lit_transfer"}:
                if top in sys.stdlib_module_names:
                    continue
                known = {name.lower().replace("_", "-") for name in distributions.get(top, NAMES.get(top, [top]))}
                assert known & declared.keys(), f"{path.name} imports {top}"


def test_the_long_description_has_no_link_that_only_a_checkout_can_follow(metadata):
    text = metadata.get_payload()
    assert text.startswith("# lit_transfer")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_the_metadata_name_version_keywords_and_addresses(metadata):
    assert metadata["Version"] == lit_transfer.__version__
    assert "word vectors" in metadata["Keywords"]
    assert metadata["Author"]
    assert metadata.get_all("Project-URL")


def test_the_citation_has_the_packages_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == lit_transfer.__version__
