"""An installed package adds tokenizers, formats of vectors, baselines and objectives by entry points."""

from __future__ import annotations

import sys
import textwrap

import numpy as np
import pytest

from lit_transfer import WordVectors
from lit_transfer.baselines.catalogue import class_of
from lit_transfer.errors import ConfigError, LitTransferError
from lit_transfer.plugins import find_plugin, plugin_names
from lit_transfer.pretraining.objectives import make_objectives
from lit_transfer.tokenizers.registry import cache_key, get_tokenizer

MODULE = """
from lit_transfer.baselines.counts import Majority
from lit_transfer.pretraining.objectives.same_document import SameDocument
from lit_transfer.vectors.formats import FORMATS, Format


def letters(text):
    return list(text.replace(" ", ""))


class Coin(Majority):
    pass


class Twice(SameDocument):
    name = "twice"


# Files of the GloVe format behind a first line of their own.
percent = Format(lambda head: head.startswith(b"%%"), FORMATS["glove"].open)
"""
METADATA = "Metadata-Version: 2.1\nName: small-plugin\nVersion: 1.0\n"
ENTRY_POINTS = """
[lit_transfer.tokenizers]
letters = small_plugin:letters
broken = small_plugin:no_such_name

[lit_transfer.vector_formats]
percent = small_plugin:percent

[lit_transfer.baselines]
coin = small_plugin:Coin

[lit_transfer.objectives]
twice = small_plugin:Twice
"""


@pytest.fixture(autouse=True)
def installed(tmp_path, monkeypatch):
    """Install a small package, as an installer lays it out."""
    (tmp_path / "small_plugin.py").write_text(textwrap.dedent(MODULE))
    info = tmp_path / "small_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "small_plugin", raising=False)
    return tmp_path


def test_a_tokenizer_is_found_by_its_name_also_when_a_checkpoint_names_it():
    for allow_import in (True, False):
        tokenizer = get_tokenizer("letters", allow_import=allow_import)
        assert tokenizer("a bc") == ["a", "b", "c"]
    assert cache_key(tokenizer) is None, "its results may change with the package"
    with pytest.raises(LitTransferError, match="letters"):
        get_tokenizer("lettrs")


def test_a_format_of_vectors_is_detected_and_named():
    assert plugin_names("vector_formats") == ["percent"]
    assert find_plugin("vector_formats", "percent").sniff(b"%% made by hand")


def test_other_formats_are_read_as_before(installed):
    (installed / "v.txt").write_text("good 1 2\nbad 3 4\n")
    matrix, found = WordVectors.open(installed / "v.txt").lookup(["bad", "none"])
    np.testing.assert_array_equal(matrix, [[3, 4], [0, 0]])
    assert found.tolist() == [True, False]


def test_baselines_and_objectives_are_found_by_their_names():
    assert class_of("coin").__name__ == "Coin"
    [objective] = make_objectives("0.5*twice")
    assert (type(objective).__name__, objective.weight) == ("Twice", 0.5)
    with pytest.raises(ConfigError, match="expected document, .*, twice or distill:TEACHER"):
        make_objectives("thrice")


def test_a_plugin_that_cannot_be_imported_is_named_with_its_package():
    with pytest.raises(
        ConfigError, match=r"plug-in broken of small-plugin \(small_plugin:no_such_name\) cannot be imported"
    ):
        get_tokenizer("broken")
    assert find_plugin("baselines", "nothing") is None
