"""Damaged and malicious files: only errors of this package, bounded memory, and no execution of code."""

import bz2
import gzip
import io
import lzma
import pickle
import random
import resource
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lit_transfer.errors import VectorsError
from lit_transfer.vectors import FORMATS, WordVectors, convert

from .shared import FIXTURES

WORDS = ["the", "cat", "</s>", "영화", ". . .", "", "w1", "\n", "\ud800"]
MEGABYTES = 1 << 10  # ru_maxrss counts kilobytes


def text(dim=4, header=True):
    rows = [f"{word} " + " ".join(f"{i / 7 - k:.5g}" for k in range(dim)) for i, word in enumerate(WORDS[:6] * 20)]
    return ((f"{len(rows)} {dim}\n" if header else "") + "\n".join(rows) + "\n").encode()


def word2vec_binary(dim=4, newline=b"\n"):
    rows = [f"w{i} ".encode() + np.arange(dim, dtype="<f4").tobytes() + newline for i in range(120)]
    return f"{len(rows)} {dim}\n".encode() + b"".join(rows)


def fasttext_bin(dim=4, words=40, buckets=50, versioned=True):
    header = struct.pack("<2i", 793712314, 12) if versioned else b""
    header += struct.pack("<12id", dim, 5, 5, 1, 5, 1, 2, 2, buckets, 2, 3, 100, 1e-4)
    header += struct.pack("<3iq", words, words, 0, 1000) + (struct.pack("<q", -1) if versioned else b"")
    entries = b"".join(f"w{i}".encode() + b"\0" + struct.pack("<qb", 9, 0) for i in range(words))
    matrix = np.arange((words + buckets) * dim, dtype="<f4").tobytes()
    return header + entries + b"\0" * versioned + struct.pack("<2q", words + buckets, dim) + matrix


def npy():
    out = io.BytesIO()
    np.save(out, np.ones((3, 4), np.float32))
    return out.getvalue()


def mapped(folder):
    (folder / "seed.txt").write_bytes(text())
    return convert(WordVectors.open(folder / "seed.txt"), folder / "seed.mapped").path.read_bytes()


def zipped(content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v.txt", content)
    return out.getvalue()


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Return complete files of every format, including the small shared ones if available."""
    folder = tmp_path_factory.mktemp("seeds")
    seeds = [text(), text(header=False), word2vec_binary(), word2vec_binary(newline=b""), npy(), mapped(folder)]
    seeds += [fasttext_bin(), fasttext_bin(versioned=False)]
    seeds += [gzip.compress(text()), bz2.compress(text()), lzma.compress(text()), zipped(text())]
    seeds += [gzip.compress(fasttext_bin())]
    if FIXTURES.is_dir():
        seeds += [path.read_bytes() for path in sorted(FIXTURES.iterdir()) if path.stat().st_size < 1 << 18]
    return seeds


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "case.txt").write_text("a\nb\nc\n")  # the words of the matrix case.npy
    return folder


def cut(data, rng):
    return data[: rng.randrange(len(data))]


def flip(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice([1, 3, 30])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def flip_the_beginning(data, rng):
    return flip(data[:120], rng) + data[120:]


def shuffle_the_beginning(data, rng):
    head = bytearray(data[: rng.choice([16, 64, 100])])
    rng.shuffle(head)
    return bytes(head) + data[len(head) :]


def huge_number(data, rng):
    at = rng.randrange(min(len(data), 120))
    number = rng.choice([b"9" * 17, struct.pack("<i", 2**31 - 1), struct.pack("<q", 2**62), b"\xff" * 8])
    return data[:at] + number + data[at + rng.choice([0, len(number)]) :]


def twice(data, rng):
    at = rng.randrange(len(data))
    return data[:at] + data[: rng.randrange(len(data))] + data[at:]


def drop_the_middle(data, rng):
    begin, end = sorted((rng.randrange(len(data)), rng.randrange(len(data))))
    return data[:begin] + data[end:]


MUTATIONS = [cut, flip, flip_the_beginning, shuffle_the_beginning, huge_number, twice, drop_the_middle]


def read(path, format="auto"):
    """Use a file in all ways; check that errors are of this package, and that results are complete."""
    try:
        vectors = WordVectors.open(path, format=format)
        matrix, found = vectors.lookup(WORDS)
        assert matrix.shape == (len(WORDS), vectors.dim)
        assert np.isfinite(matrix).all()
        assert not matrix[~found].any()
        for words, rows in vectors.chunks():
            assert len(words) == len(rows)
        if vectors.has_subwords:
            assert np.isfinite(vectors.subword(WORDS)[0]).all()
        assert len(str(vectors.problems)) < 1000
    except VectorsError as error:
        assert len(str(error)) < 2000


def fuzz(seeds, folder, cases, seed):
    rng = random.Random(seed)
    path = folder / "case.npy"
    read(path.with_suffix(".txt"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in range(cases):
        data = rng.choice(seeds)
        for _ in range(rng.choice([1, 1, 2])):
            data = rng.choice(MUTATIONS)(data, rng) or b"x"
        path.write_bytes(data)
        try:
            read(path, rng.choice(["auto", "auto", "auto", *(f for f in FORMATS if not FORMATS[f].pickled)]))
        except BaseException:
            print(f"seed {seed}, case {case}")
            raise
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * MEGABYTES


def test_mutated_files_raise_only_our_errors(seeds, folder):
    fuzz(seeds, folder, 400, seed=0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1, 11))
def test_ten_thousand_mutated_files_raise_only_our_errors(seeds, folder, seed):
    fuzz(seeds, folder, 1000, seed)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=400),
        st.text(alphabet="0123456789.-e \n\tab\r\u00a0é", max_size=400).map(str.encode),
        st.binary(max_size=200).map(lambda tail: b"3 2\n" + tail),
    )
)
@example(b"0 0\n")
@example(b"9999999999999999 300\nthe 0.1\n")
@example(b"the 1e999 nan\n")
def test_arbitrary_bytes_raise_only_our_errors(folder, data):
    path = folder / "case.npy"
    path.write_bytes(data)
    for format in FORMATS:
        if not FORMATS[format].pickled:
            read(path, format)
    read(path)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("before", [b"", b"gensim.models.keyedvectors"])
def test_a_pickle_is_never_loaded_unasked(tmp_path, before):
    path = tmp_path / "v.kv"
    path.write_bytes(pickle.dumps((before, Bomb(tmp_path / "executed"))))
    for format in ["auto", "gensim", "npy"]:
        with pytest.raises(VectorsError):
            WordVectors.open(path, format)
    objects = np.array([Bomb(tmp_path / "executed")] * 3, object)
    np.save(tmp_path / "case.npy", objects, allow_pickle=True)
    with pytest.raises(VectorsError, match="numbers"):
        WordVectors.open(tmp_path / "case.npy")
    assert not (tmp_path / "executed").exists()
