"""Files written by fastText, word2vec, GloVe and gensim: the rows equal gensim's, and damaged files are rejected."""

import numpy as np
import pytest

from lit_transfer.errors import VectorsError
from lit_transfer.vectors import WordVectors, convert
from tests.vectors.shared import gensim

from .shared import FIXTURES, SHARED, everything, needs_shared

pytestmark = needs_shared

TEXT = [
    "crime-and-punishment.vec",
    "en_cbow12.vec",
    "high_precision.kv.txt",
    "ko_small_skipgram16.vec",
    "lee_fasttext.vec",
    "test_glove.txt",
    "toy-model.vec",
    "word2vec_pre_kv_c",
]
FASTTEXT = [
    "cp852_fasttext.bin",
    "crime-and-punishment.bin",
    "en_cbow12.bin",
    "ko_small_skipgram16.bin",
    "lee_fasttext.bin",
    "lee_fasttext_new.bin",
    "non_ascii_fasttext.bin",
    "toy-model-pretrained.bin",
    "toy-model.bin",
]


def gensim_rows(name, **options):
    keyed = gensim().KeyedVectors.load_word2vec_format(str(FIXTURES / name), **options)
    return keyed.index_to_key, keyed.vectors


@pytest.mark.parametrize("name", TEXT)
def test_text_rows_equal_gensims_to_the_last_bit(name):
    headless = name == "test_glove.txt"
    words, rows = gensim_rows(name, no_header=headless)
    vectors = WordVectors.open(FIXTURES / name)
    matrix, found = vectors.lookup([*words, "no such word"])
    assert vectors.format == ("glove" if headless else "word2vec_text")
    assert found.tolist() == [True] * len(words) + [False]
    np.testing.assert_array_equal(matrix[:-1], rows)
    assert vectors.count == len(words)
    assert not vectors.problems


@pytest.mark.parametrize("name", ["euclidean_vectors.bin", "high_precision.kv.bin"])
def test_word2vec_binary_rows_equal_gensims(name):
    words, rows = gensim_rows(name, binary=True)
    vectors = WordVectors.open(FIXTURES / name)
    matrix, found = vectors.lookup(words)
    assert vectors.format == "word2vec_binary"
    assert found.all()
    np.testing.assert_array_equal(matrix, rows)


@pytest.mark.parametrize("name", FASTTEXT)
@pytest.mark.parametrize("encoding", ["utf-8", "cp852"])
def test_fasttext_rows_and_subwords_equal_gensims(name, encoding):
    keyed = gensim("models.fasttext").load_facebook_vectors(str(FIXTURES / name), encoding=encoding)
    words = [word for word in keyed.index_to_key if word != "</s>"]  # has n-grams in gensim, but not in fastText
    vectors = WordVectors.open(FIXTURES / name, encoding=encoding)
    matrix, found = vectors.lookup(words)
    assert vectors.format == "fasttext_bin"
    assert found.all()
    assert vectors.count == len(keyed)
    np.testing.assert_allclose(matrix, keyed[words], atol=1e-6)

    unseen = ["unseeable", "ненаглядный", "처음보는말", "x", "naïveté", "😀"]
    unseen = [word for word in unseen if word not in keyed.key_to_index]
    assert vectors.has_subwords
    made, known = vectors.subword(unseen)
    for word, row, is_known in zip(unseen, made, known, strict=True):
        try:
            expected = keyed.get_vector(word)
        except KeyError:
            assert not is_known
            continue
        np.testing.assert_allclose(row, expected, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["en_cbow12", "lee_fasttext", "ko_small_skipgram16", "crime-and-punishment", "toy-model"]
)
def test_a_fasttext_bin_gives_what_fasttext_wrote_as_text(name):
    words, rows = everything(WordVectors.open(FIXTURES / f"{name}.vec"))
    matrix, found = WordVectors.open(FIXTURES / f"{name}.bin").lookup(words)
    assert found.all()
    np.testing.assert_allclose(matrix, rows, rtol=1e-4, atol=1e-6)  # the text file has five digits


def test_a_supervised_model_gives_its_words_and_not_its_labels():
    vectors = WordVectors.open(FIXTURES / "en_supervised10.bin")
    words, _ = everything(vectors)
    assert len(words) == vectors.count == 1745
    assert not any(word.startswith("__label__") for word in words)
    assert not vectors.has_subwords


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pretrained.vec", "header states 3 rows, the file has 1"),
        ("pang_lee_polarity_fasttext.vec", "line 150: word not UTF-8; so are 5 of 1694 rows.*encoding="),
        ("w2v_keyedvectors_load_test.modeldata", "line 2: word not UTF-8"),
        ("en_supervised10.ftz", "quantized.*Use the .bin"),
    ],
)
def test_broken_files_are_refused_with_what_to_do(name, said):
    with pytest.raises(VectorsError, match=said):
        WordVectors.open(FIXTURES / name).lookup(["the"])


def test_the_right_encoding_reads_what_is_not_utf8():
    vectors = WordVectors.open(FIXTURES / "pang_lee_polarity_fasttext.vec", encoding="latin-1")
    _, found = vectors.lookup(["clichés", "orquídeas", "cliche"])
    assert found.tolist() == [True, True, False]


@pytest.mark.parametrize("name", ["test_glove.txt", "ko_small_skipgram16.bin", "euclidean_vectors.bin"])
def test_a_converted_file_gives_the_same_rows(name, tmp_path):
    source = WordVectors.open(FIXTURES / name)
    words, _ = everything(source)
    converted = convert(source, tmp_path / "out")
    assert converted.format == "mapped"
    assert converted.count == len(words)
    for one, other in zip(source.lookup([*words, "?!"]), converted.lookup([*words, "?!"]), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("name", "format", "shape"),
    [
        ("glove.6B.100d.pruned.txt.gz", "glove", (73_241, 100)),
        ("GoogleNews.300d.pruned.bin.gz", "word2vec_binary", (26_423, 300)),
        ("ko.reviews.100d.pruned.vec.gz", "word2vec_text", (56_165, 100)),
    ],
)
def test_the_shared_pruned_files_are_read(name, format, shape):
    vectors = WordVectors.open(SHARED / "vectors" / name)
    words = {"glove": "movie", "word2vec_binary": "movie", "word2vec_text": "영화"}
    matrix, found = vectors.lookup([words[format]])
    assert vectors.format == format
    assert (vectors.count, vectors.dim) == shape
    assert found.all()
    assert np.abs(matrix).sum() > 0
    assert not vectors.problems
