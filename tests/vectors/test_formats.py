"""All formats and compressions, written by other programs if possible."""

import bz2
import gzip
import lzma
import os
import zipfile

import numpy as np
import pytest

from lit_transfer.errors import VectorsError
from lit_transfer.vectors import FORMATS, WordVectors, convert
from lit_transfer.vectors.inspection import inspect
from lit_transfer.vectors.readers.fasttext import ngram_hashes
from tests.vectors.shared import gensim

from .shared import everything

SENTENCES = [
    ["the", "cat", "sat", "on", "the", "mat"],
    ["영화", "정말", "재미있다", "영화"],
    ["naïve", "café", "😀"],
] * 20
UNSEEN = ["cats", "seated", "영화관", "cafés", "x", "😀😀"]


@pytest.fixture(scope="module")
def fasttext():
    return gensim().FastText(
        SENTENCES, vector_size=6, min_count=1, min_n=2, max_n=4, bucket=500, epochs=1, seed=1, workers=1
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory, fasttext):
    """Return a small vocabulary in every format, as files by name of the format."""
    folder = tmp_path_factory.mktemp("formats")
    paths = {name: folder / name for name in FORMATS}
    keyed = fasttext.wv
    keyed.save_word2vec_format(str(paths["word2vec_text"]))
    keyed.save_word2vec_format(str(paths["glove"]), write_header=False)
    keyed.save_word2vec_format(str(paths["word2vec_binary"]), binary=True)
    gensim("models.fasttext").save_facebook_model(fasttext, str(paths["fasttext_bin"]))
    keyed.save(str(paths["gensim"]))
    paths["npy"] = folder / "v.npy"
    np.save(paths["npy"], keyed.vectors)
    (folder / "v.txt").write_text("".join(f"{word}\n" for word in keyed.index_to_key), encoding="utf-8")
    convert(WordVectors.open(paths["word2vec_text"]), paths["mapped"])
    return paths


@pytest.mark.parametrize("format", FORMATS)
def test_each_format_is_recognised_and_gives_the_same_rows(files, fasttext, format):
    words = fasttext.wv.index_to_key
    vectors = WordVectors.open(files[format], allow_pickle=True)
    matrix, found = vectors.lookup([*words, "unknown"])
    assert vectors.format == format
    assert (vectors.dim, vectors.path) == (6, files[format])
    assert found.tolist() == [True] * len(words) + [False]
    np.testing.assert_allclose(matrix[:-1], fasttext.wv[words], atol=1e-6)
    np.testing.assert_array_equal(matrix[-1], np.zeros(6))
    listed, rows = everything(vectors)
    assert listed == words
    np.testing.assert_array_equal(rows, matrix[:-1])
    assert vectors.count == len(words)
    assert vectors.identity() == WordVectors.open(files[format], allow_pickle=True).identity()


@pytest.mark.parametrize("format", ["fasttext_bin", "gensim"])
def test_unseen_words_get_gensims_vectors_from_their_ngrams(files, fasttext, format):
    vectors = WordVectors.open(files[format], allow_pickle=True)
    matrix, found = vectors.subword(UNSEEN)
    assert vectors.has_subwords
    assert found.all()
    np.testing.assert_allclose(matrix, [fasttext.wv.get_vector(word) for word in UNSEEN], atol=1e-6)


def test_a_format_of_whole_words_says_what_unseen_words_need(files):
    vectors = WordVectors.open(files["glove"])
    assert not vectors.has_subwords
    with pytest.raises(VectorsError, match=r"fastText \.bin"):
        vectors.subword(["cats"])


@pytest.mark.parametrize(("minn", "maxn"), [(1, 3), (3, 6), (2, 2), (4, 3)])
def test_ngram_hashes_are_gensims(minn, maxn):
    ft_hash_bytes = gensim("models.fasttext_inner").ft_hash_bytes
    words = ["the", "영화관", "naïveté", "a", "😀", ""]
    hashes, owners = ngram_hashes([word.encode() for word in words], minn, maxn)
    for i, word in enumerate(words):
        spelled = f"<{word}>" if word else ""
        ngrams = [spelled[a : a + n] for n in range(minn, maxn + 1) for a in range(len(spelled) - n + 1)]
        expected = [ft_hash_bytes(ngram.encode()) for ngram in ngrams if ngram not in "<>"]
        assert sorted(hashes[owners == i].tolist()) == sorted(expected)


@pytest.mark.parametrize("format", ["word2vec_text", "glove", "word2vec_binary", "fasttext_bin"])
@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, "zip", "zip of two"])
def test_each_format_is_read_through_each_wrapping(files, tmp_path, format, pack):
    content = files[format].read_bytes()
    path = tmp_path / "packed"
    if callable(pack):
        path.write_bytes(pack(content))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/v", content)
            if pack == "zip of two":
                archive.writestr("readme", "x")
        path = path if pack == "zip" else path / "folder/v"
    packed = WordVectors.open(path)
    assert packed.format == format
    for one, other in zip(everything(packed), everything(WordVectors.open(files[format])), strict=True):
        assert np.array_equal(one, other)
    np.testing.assert_array_equal(packed.lookup(["mat"])[0], WordVectors.open(files[format]).lookup(["mat"])[0])


def test_a_zip_of_several_asks_which(tmp_path):
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "the 1 2")
        archive.writestr("b.txt", "the 3 4")
        archive.writestr("__MACOSX/._a.txt", "x")
    with pytest.raises(VectorsError, match=r"got 2 members. Name one, as in .*v.zip/a.txt"):
        WordVectors.open(path)
    with pytest.raises(VectorsError, match=r"no member 'c.txt'.*a.txt, b.txt"):
        WordVectors.open(path / "c.txt")
    assert WordVectors.open(path / "b.txt").lookup(["the"])[0].tolist() == [[3, 4]]


def test_a_zip_with_a_broken_name_is_an_error(tmp_path):
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("é.txt", "the 1 2")
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xae\xae"))
    with pytest.raises(VectorsError, match=r"damaged \.zip"):
        WordVectors.open(path)


@pytest.mark.parametrize("separator", [b"", b"\n"])
def test_word2vec_binary_is_read_with_and_without_newlines(tmp_path, separator):
    rows = np.arange(3 * 20_000, dtype="<f4").reshape(-1, 3)
    rows[5] = np.frombuffer(b" x \x3f\n\n \x3e a \x3f", "<f4")  # usual values whose bytes look like words and lines
    body = b"".join(b"w%d " % i + row.tobytes() + separator for i, row in enumerate(rows))
    path = tmp_path / "v.bin"
    path.write_bytes(b"20000 3\n" + body)
    matrix, found = WordVectors.open(path).lookup(["w0", "w5", "w19999", "w20000"])
    assert found.tolist() == [True, True, True, False]
    np.testing.assert_array_equal(matrix[:3], rows[[0, 5, 19999]])
    for broken, said in [(path.read_bytes()[:-9], "truncated"), (path.read_bytes() + b"w1 ", "continues after")]:
        path.write_bytes(broken)
        with pytest.raises(VectorsError, match=said):
            WordVectors.open(path).lookup(["w0"])


def test_a_word_that_is_a_newline_is_in_no_binary_file(tmp_path):
    path = tmp_path / "v.bin"
    path.write_bytes(b"2 2\n\n " + bytes(8) + b"a " + b"\0\0\x80?" * 2)
    assert WordVectors.open(path).lookup(["\n", "\ud800", "", "a"])[1].tolist() == [False, False, True, True]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f8"])
@pytest.mark.parametrize("packed", [False, True])
def test_an_array_is_read_in_any_order_and_type(tmp_path, order, dtype, packed):
    import pandas as pd

    rows = np.arange(30, dtype=dtype).reshape(10, 3)
    path = tmp_path / "v.npy"
    np.save(path, np.asarray(rows, order=order))
    pd.DataFrame({"index": [f"w{i}" for i in range(10)]}).to_parquet(tmp_path / "v.parquet")
    if packed:
        path = tmp_path / "v.npy.gz"
        path.write_bytes(gzip.compress((tmp_path / "v.npy").read_bytes()))
    matrix, found = WordVectors.open(path).lookup(["w9", "w3", "x"])
    assert found.tolist() == [True, True, False]
    np.testing.assert_array_equal(matrix, [[27, 28, 29], [9, 10, 11], [0, 0, 0]])


@pytest.mark.parametrize(
    ("words", "said"), [(None, "the file of its words is missing"), ("a\n", "another number"), ("a\nb\nc\n", "anoth")]
)
def test_an_array_without_its_words_is_refused(tmp_path, words, said):
    np.save(tmp_path / "v.npy", np.ones((2, 3), np.float32))
    if words:
        (tmp_path / "v.txt").write_text(words)
    with pytest.raises(VectorsError, match=said):
        WordVectors.open(tmp_path / "v.npy").lookup(["a", "c"])


def test_a_gensim_pickle_needs_permission(files):
    with pytest.raises(VectorsError, match=r"any code.*allow_pickle=True.*save_word2vec_format"):
        WordVectors.open(files["gensim"])


def test_identity_follows_the_file(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("the 1 2\n")
    os.utime(path, ns=(1, 1))
    first = WordVectors.open(path).identity()
    path.write_text("the 1 3\n")
    os.utime(path, ns=(1, 1))
    assert WordVectors.open(path).identity() != first
    path.write_text("the 1 2\n")
    os.utime(path, ns=(1, 1))
    assert WordVectors.open(path).identity() == first
    os.utime(path, ns=(2, 2))
    vectors = WordVectors.open(path)
    assert vectors.identity() != first
    path.unlink()
    with pytest.raises(VectorsError, match="no longer readable"):
        vectors.identity()


@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b + b"x", lambda b: b[:70]])
def test_a_mapped_file_of_another_size_is_noticed(files, tmp_path, damage):
    path = tmp_path / "v"
    path.write_bytes(damage(files["mapped"].read_bytes()))
    with pytest.raises(VectorsError, match="convert it again"):
        WordVectors.open(path)


def test_a_mapped_file_keeps_the_first_of_two_and_all_rows(tmp_path):
    (tmp_path / "v.txt").write_text("the 1 2\ncat 3 4\nthe 5 6\n")
    vectors = convert(WordVectors.open(tmp_path / "v.txt"), tmp_path / "v")
    assert vectors.lookup(["the", "cat"])[0].tolist() == [[1, 2], [3, 4]]
    assert everything(vectors)[0] == ["the", "cat", "the"]


def test_a_failed_conversion_leaves_the_old_file_and_no_other(tmp_path):
    (tmp_path / "v.txt").write_text("3 2\nthe 1 2\n")
    (tmp_path / "out").write_text("old")
    with pytest.raises(VectorsError, match="truncated"):
        convert(WordVectors.open(tmp_path / "v.txt"), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "v.txt"]
    with pytest.raises(VectorsError, match="cannot be written"):
        convert(WordVectors.open(tmp_path / "v.txt"), tmp_path / "v.txt" / "out")


def test_inspection_finds_gensims_neighbours(files, fasttext):
    found = inspect(WordVectors.open(files["word2vec_binary"]), ["cat", "영화", "unknown"], nearest=4)
    norms = np.linalg.norm(fasttext.wv.vectors, axis=1)
    assert found.rows == len(fasttext.wv)
    np.testing.assert_allclose(found.norms, [norms.min(), norms.mean(), norms.max()], rtol=1e-6)
    assert list(found.neighbours) == ["cat", "영화"]
    for word, neighbours in found.neighbours.items():
        expected = fasttext.wv.most_similar(word, topn=4)
        assert [other for other, _ in neighbours] == [other for other, _ in expected]
        np.testing.assert_allclose([c for _, c in neighbours], [c for _, c in expected], atol=1e-6)


def test_an_unknown_format_is_named_with_those_there_are(files):
    with pytest.raises(VectorsError, match=r"is 'glov'; expected auto or one of .*glove"):
        WordVectors.open(files["glove"], "glov")
    with pytest.raises(VectorsError, match="encoding 'utf-9'"):
        WordVectors.open(files["glove"], encoding="utf-9")
    with pytest.raises(VectorsError, match="got a directory"):
        WordVectors.open(files["glove"].parent)
