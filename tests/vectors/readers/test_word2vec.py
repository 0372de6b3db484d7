"""word2vec's binary format with words that contain spaces, compared with the rows that were written."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lit_transfer.errors import VectorsError
from lit_transfer.vectors import WordVectors
from lit_transfer.vectors.readers import word2vec
from tests.vectors.shared import everything, gensim

PHRASES = [
    "New York",
    "a b",
    "cat dog",
    "Frankfurt am Main",
    "x  y",
    "in spite of",
    "z ",
    "무엇 이다",
    "the end of the line .",
]


def write(path, words, rows, separator=b""):
    body = b"".join(word.encode() + b" " + row.tobytes() + separator for word, row in zip(words, rows, strict=True))
    path.write_bytes(b"%d %d\n" % rows.shape + body)
    return WordVectors.open(path)


def usual(count, dim, seed=0):
    return np.random.default_rng(seed).normal(0, 0.3, (count, dim)).astype("<f4")


@pytest.mark.parametrize("separator", [b"", b"\n"])
@pytest.mark.parametrize("block", [1 << 22, 5000])
@pytest.mark.parametrize("dim", [8, 50])
def test_words_with_spaces_and_the_words_after_them_get_their_rows(tmp_path, monkeypatch, separator, block, dim):
    monkeypatch.setattr(word2vec, "BLOCK_BYTES", block)
    phrases = {i: f"{PHRASES[i // 50 % 9]} {i}" for i in range(0, 2000, 50)}
    words = [phrases.get(i, f"w{i}") for i in range(2000)]
    rows = usual(len(words), dim)
    vectors = write(tmp_path / "v.bin", words, rows, separator)
    assert everything(vectors)[0] == words
    matrix, found = vectors.lookup([*words, "New", "York"])
    assert found.tolist() == [True] * len(words) + [False, False]
    np.testing.assert_array_equal(matrix[:-2], rows)
    assert not vectors.problems


@given(
    st.lists(
        st.lists(st.text(st.characters(categories=["L", "P"]), min_size=1, max_size=12), min_size=1, max_size=4).map(
            " ".join
        ),
        min_size=1,
        max_size=40,
        unique=True,
    ),
    st.integers(12, 40),
    st.sampled_from([b"", b"\n"]),
    st.integers(0, 10**6),
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_word_gets_its_row(tmp_path, words, dim, separator, seed):
    rows = usual(len(words), dim, seed)
    rows[:, seed % dim] = 0
    vectors = write(tmp_path / "v.bin", words, rows, separator)
    matrix, found = vectors.lookup(words)
    assert found.all()
    np.testing.assert_array_equal(matrix, rows)


def test_newlines_before_a_word_are_those_of_the_row_before_it(tmp_path):
    words, rows = ["a", "\nb", "c"], usual(3, 20)
    vectors = write(tmp_path / "v.bin", words, rows, b"")
    matrix, found = vectors.lookup(["a", "b", "\nb", "\n", "c"])
    assert found.tolist() == [True, True, False, False, True]
    np.testing.assert_array_equal(matrix[[0, 1, 4]], rows)


def test_a_file_that_gensim_writes_with_phrases_is_read(tmp_path):
    words, rows = ["in", "New York", "the", "New"], usual(4, 20)
    vectors = gensim().KeyedVectors(20)
    vectors.add_vectors(words, rows)
    vectors.save_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    matrix, found = WordVectors.open(tmp_path / "v.bin").lookup(words)
    assert found.all()
    np.testing.assert_array_equal(matrix, rows)


def test_unusually_small_values_do_not_move_a_row(tmp_path):
    rows = usual(50, 10)
    rows[7] *= 1e-20
    rows[8, 3] = 1e-30
    words = [f"word {i}" if i == 20 else f"w{i}" for i in range(50)]
    np.testing.assert_array_equal(write(tmp_path / "v.bin", words, rows).lookup(words)[0], rows)


@pytest.mark.parametrize("dim", [2, 20])
@pytest.mark.parametrize("dtype", [">f4", "<i4", ">i4"])
def test_numbers_of_another_type_and_the_same_size_are_an_error(tmp_path, dtype, dim):
    rows = (1000 * usual(300, dim)).astype(dtype)
    with pytest.raises(VectorsError, match=r"v\.bin.*(no vector|not a row|has the value)"):
        everything(write(tmp_path / "v.bin", [f"w{i}" for i in range(300)], rows))
    with pytest.raises(VectorsError, match=r"v\.bin.*(no vector|not a row|has the value)"):
        WordVectors.open(tmp_path / "v.bin").lookup(["none", "of", "them"])


@pytest.mark.parametrize("dtype", ["<f8", "<f2", ">f4"])
def test_rows_of_another_type_are_an_error_with_the_row(tmp_path, dtype):
    rows = usual(300, 20).astype(dtype)
    body = b"".join(b"w%d " % i + row.tobytes() for i, row in enumerate(rows))
    path = tmp_path / "v.bin"
    path.write_bytes(b"300 20\n" + body.ljust(300 * 90, b"\1"))
    with pytest.raises(VectorsError, match=r"v\.bin"):
        everything(WordVectors.open(path))
