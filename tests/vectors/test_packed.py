import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.packed import PackedVectors, round_to_int8


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


values = st.floats(-1000, 1000, width=16)


@given(st.lists(st.lists(values, min_size=3, max_size=3), min_size=1))
def test_int8_rows_are_within_half_a_scale_of_the_vectors_and_their_largest_value_is_exact(vectors):
    rows = np.array(vectors, dtype=np.float16)
    rounded, scales = round_to_int8(rows)
    assert rounded.dtype == np.int8 and scales.dtype == np.float32
    largest = np.abs(rows.astype(np.float64)).max(axis=1)
    again = rounded * scales[:, None].astype(np.float64)
    assert (np.abs(again - rows) <= largest[:, None] / 254 * (1 + 1e-5)).all()
    assert np.abs(again).max(axis=1) == pytest.approx(largest, rel=1e-6, abs=1e-30)


def test_more_rows_than_a_block_are_rounded_each_by_its_own_scale(monkeypatch):
    monkeypatch.setattr("lit_transfer.vectors.packed.BLOCK", 2)
    rounded, scales = round_to_int8(np.array([[1, 127], [0, 0], [-254, 2], [0.5, 1], [3, 0]], np.float16))
    assert rounded.tolist() == [[1, 127], [0, 0], [-127, 1], [64, 127], [127, 0]]
    assert scales[[0, 2, 4]] == pytest.approx([1, 2, 3 / 127])


def test_int8_vectors_are_looked_up_stored_and_joined_like_float16_ones(source):
    half = PackedVectors.of(source, None)
    small = half.as_precision("int8")
    assert small.precision == "int8" and small.as_precision("int8") is small
    assert small.as_precision("float16").rows == pytest.approx(half.rows, abs=9 / 254 + 0.01)
    state = small.state_dict()
    assert {name for name, value in state.items() if isinstance(value, np.ndarray)} == {"letters", "rows", "scales"}
    again = PackedVectors.from_state_dict(state)
    words = ["good", "NEW", "zzz", "fresh"]
    for packed in (small, again, again.union(half)):
        found, form = packed.lookup(words)
        assert found == pytest.approx(half.lookup(words)[0], abs=1 / 254 + 1e-3)
        assert form.tolist() == half.lookup(words)[1].tolist()
    assert again.union(half).words == half.words
    assert half.num_bytes - small.num_bytes == 4 * (2 * 2 - 2 - 4)


@pytest.mark.parametrize("scales", [None, np.ones(1, np.float32)])
def test_int8_vectors_without_a_scale_for_each_are_an_error(scales):
    state = PackedVectors(["a", "b"], np.zeros((2, 2), np.int8), True, np.ones(2, np.float32)).state_dict()
    with pytest.raises(ValueError, match=r"2 vectors of int8 with [01] scales"):
        PackedVectors.from_state_dict({**state, "scales": scales})


def test_a_row_too_few_is_an_error():
    state = PackedVectors(["a", "b"], np.zeros((2, 2), np.float16)).state_dict()
    with pytest.raises(ValueError, match="2 words with vectors of shape"):
        PackedVectors.from_state_dict({**state, "rows": state["rows"][:1]})
