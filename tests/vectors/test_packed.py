import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.packed import PackedVectors


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("good 1 0.5\nfresh 2 2\nnew 3 3\nnew 9 9\n")
    return VectorSource(str(path))


def test_the_whole_file_or_some_words_are_taken(source):
    everything = PackedVectors.of(source, None)
    assert everything.words == ["good", "fresh", "new", "new"]
    some = PackedVectors.of(source, ["New", "zzz", "good"])
    assert some.words == ["New", "good"] and some.rows.tolist() == [[3, 3], [1, 0.5]]
    assert some.num_bytes == 2 * 2 * 2 + len("New") + len("good") + 2


def test_lookup_finds_what_the_file_finds(source):
    words = ["good", "NEW", "zzz", "fresh"]
    packed, file = PackedVectors.of(source, None).lookup(words), source.lookup(words)
    assert packed[0].tolist() == file[0].tolist() == [[1, 0.5], [3, 3], [0, 0], [2, 2]]
    assert packed[1].tolist() == file[1].tolist()


@given(st.lists(st.text(st.characters(exclude_characters="\n"), min_size=1), min_size=1, unique=True))
def test_the_state_is_arrays_and_comes_back(words):
    before = PackedVectors(words, np.arange(2 * len(words), dtype=np.float16).reshape(-1, 2), case_fallback=False)
    state = before.state_dict()
    torch.from_numpy(state["letters"]), torch.from_numpy(state["rows"])
    after = PackedVectors.from_state_dict(state)
    assert after.words == words and after.rows.tolist() == before.rows.tolist() and after.case_fallback is False


def test_a_row_too_few_is_an_error():
    state = PackedVectors(["a", "b"], np.zeros((2, 2), np.float16)).state_dict()
    with pytest.raises(ValueError, match="2 words with vectors of shape"):
        PackedVectors.from_state_dict({**state, "rows": state["rows"][:1]})
