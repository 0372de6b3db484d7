import sys

import pytest

from lit_transfer.errors import ConfigError
from lit_transfer.vectors import WordVectors
from lit_transfer.vectors.adaptation import adapt_vectors
from lit_transfer.vectors.training import train_vectors

SAID = r"need gensim, which is not installed .*no release for Python 3\.14: use Python 3\.10 to 3\.13"


@pytest.fixture
def without_gensim(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "gensim"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gensim", None)


def test_without_gensim_text_vectors_are_read_and_commands_that_need_it_say_so(tmp_path, without_gensim):
    (tmp_path / "v.txt").write_text("good 1 2\nbad 3 4\n")
    vectors = WordVectors.open(tmp_path / "v.txt")
    assert vectors.lookup(["bad"])[0].tolist() == [[3, 4]]
    (tmp_path / "v.kv").write_bytes(b"\x80\x04gensim.models.keyedvectors")
    for needing in (
        lambda: train_vectors([["good", "bad"]] * 9, tmp_path / "out.txt"),
        lambda: adapt_vectors([["good", "bad"]] * 9, vectors, tmp_path / "out"),
        lambda: WordVectors.open(tmp_path / "v.kv", allow_pickle=True),
    ):
        with pytest.raises(ConfigError, match=SAID):
            needing()
    assert not list(tmp_path.glob("out*"))
