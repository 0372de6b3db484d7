"""The rooms of the package, and the direction of imports between them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import lit_transfer

PACKAGE = Path(lit_transfer.__file__).parent
SETTINGS = ConfigParser()
SETTINGS.read(Path(__file__).parent.parent / "setup.cfg", encoding="utf-8")
# In the order of the house plan: `lint-imports` checks that a room imports only from rooms before it.
ROOMS = SETTINGS["importlinter:contract:rooms"]["layers"].split()[::-1]
# The entry points of the package, and an earlier class path of the progress bar.
DOORS = {"__init__", "__main__", "progress_bar"}
FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in DOORS
)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("errors.py", "import lit_transfer.files", "errors -> lit_transfer.files"),
        ("data/reading/options.py", "import lit_transfer.data.corpus", ".reading -> .corpus"),
        ("attic/__init__.py", "", "- lit_transfer.attic"),
    ],
    ids=[
        "a room that imports a later one",
        "a sub-room and a file that import each other",
        "a room that is in no list",
    ],
)
def test_the_import_order_is_held(tmp_path, file, line, message):
    """Break it in a copy of the package."""
    root = PACKAGE.parent
    shutil.copytree(PACKAGE, tmp_path / "lit_transfer", ignore=shutil.ignore_patterns("__pycache__", "configs"))
    shutil.copy(root / "setup.cfg", tmp_path)
    (tmp_path / "lit_transfer" / file).parent.mkdir(exist_ok=True)
    with (tmp_path / "lit_transfer" / file).open("a", encoding="utf-8") as stream:
        stream.write(f"\n{line}\n")
    lint = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as run; run()",
        "--config",
        "setup.cfg",
        "--no-cache",
    ]
    found = subprocess.run(
        lint, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert found.returncode == 1 and message in found.stdout


def test_the_hall_has_no_more_files_than_the_house_plan_gives_it():
    assert len(list(PACKAGE.glob("*.py"))) <= 16


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES} - {PACKAGE, PACKAGE / "cli"}), ids=name_of)
def test_a_room_has_at_most_a_dozen_files_besides_its_init(folder):
    assert len(set(folder.glob("*.py")) - {folder / "__init__.py"}) <= 13


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES} - {PACKAGE}), ids=name_of)
def test_a_room_is_a_package_that_the_wheel_takes(folder):
    assert (folder / "__init__.py").is_file()


def test_tests_lie_where_the_code_lies():
    root = Path(__file__).parent
    for path in sorted(root.rglob("test_*.py")):
        folder = PACKAGE / path.parent.relative_to(root)
        assert folder.is_dir(), f"{path.relative_to(root)} tests no folder of the package"
