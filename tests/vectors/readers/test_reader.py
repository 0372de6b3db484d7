"""Rules for the rows of all formats."""

import codecs
import re

import numpy as np
import pytest

from lit_transfer.errors import VectorsError
from lit_transfer.vectors import WordVectors, convert
from tests.vectors.shared import gensim

WORDS = ["the", "film", "moon"]


def write(folder, format, rows):
    vectors = gensim().KeyedVectors(rows.shape[1])
    vectors.add_vectors(WORDS, rows)
    if format == "npy":
        np.save(folder / "v.npy", rows)
        (folder / "v.txt").write_text("\n".join(WORDS))
        return folder / "v.npy"
    if format == "gensim":
        vectors.save(str(folder / "v.kv"))
        return folder / "v.kv"
    if format == "glove":
        vectors.save_word2vec_format(str(folder / "v.vec"), write_header=False)
        return folder / "v.vec"
    vectors.save_word2vec_format(str(folder / "v.vec"), binary=format == "word2vec_binary")
    return folder / "v.vec"


@pytest.mark.parametrize("format", ["npy", "gensim", "glove", "word2vec_text", "word2vec_binary"])
@pytest.mark.parametrize("value", [3e38, -1e6])
def test_absurd_value_is_refused_with_file_row_and_word(tmp_path, format, value):
    rows = np.ones((3, 4), np.float32)
    rows[1, 2] = value
    vectors = WordVectors.open(write(tmp_path, format, rows), allow_pickle=True)
    line = 3 if format == "word2vec_text" else 2
    said = rf"v\.\w+, (line|row) {line}: the vector of 'film' has the value " + re.escape(f"{value:.3g}")
    with pytest.raises(VectorsError, match=said):
        vectors.lookup(["moon", "film"])
    assert vectors.lookup(["moon"])[0].tolist() == [[1, 1, 1, 1]]  # only the rows that are used are checked
    with pytest.raises(VectorsError, match="expected values up to 65,504"):
        convert(vectors, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_largest_values_of_float16_are_read(tmp_path):
    rows = np.full((3, 4), 65504, np.float32)
    assert WordVectors.open(write(tmp_path, "glove", rows)).lookup(["film"])[0].tolist() == [[65504.0] * 4]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_byte_order_mark_of_a_list_of_words_is_no_part_of_the_first(tmp_path, end):
    np.save(tmp_path / "v.npy", np.arange(6, dtype=np.float32).reshape(3, 2))
    (tmp_path / "v.txt").write_bytes(codecs.BOM_UTF8 + end.join(word.encode() for word in WORDS) + end)
    matrix, found = WordVectors.open(tmp_path / "v.npy").lookup(WORDS)
    assert found.all()
    assert matrix.tolist() == [[0, 1], [2, 3], [4, 5]]
