"""A .npy matrix with its words in a second file: a Parquet index (as in the demo's package) or one word per line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.files import without_marks
from lit_transfer.vectors.readers.matrix import ColumnMatrix, Matrix, grouped
from lit_transfer.vectors.readers.reader import Chunk, Problems, VectorReader
from lit_transfer.vectors.source import Source, brief

MAGIC = b"\x93NUMPY"
_WORDS_AT_ONCE = 1 << 14


class NpyReader(VectorReader):
    """Reader of a matrix whose row i is the vector of word i of the index."""

    def __init__(self, source: Source, encoding: str) -> None:
        if source.member:
            raise VectorsError(f"{source}: a .npy matrix needs a second file with its words. Unzip it first.")
        shape, self._by_column, self._dtype, self._start = _read_header(source)
        if len(shape) != 2 or shape[0] < 0 or self._dtype.kind not in "fiu":
            raise VectorsError(
                f"{source}: expected an array of numbers (words, dim), got shape {shape} and type {self._dtype}. "
                "Save one with numpy.save."
            )
        super().__init__(source, shape[1], shape[0], encoding)
        self._height = shape[0]
        self._index = _find_index(source.path)
        end = self._start + shape[0] * shape[1] * self._dtype.itemsize
        if source.size is not None and source.size < end:
            raise VectorsError(
                f"{source}: expected {end} bytes, got {source.size}. It is truncated; download it again."
            )

    @property
    def paths(self) -> list[Path]:
        """The matrix and its index."""
        return [self.source.path, self._index]

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """Read the words once, and the matrix from the first to the last wanted row."""
        self.problems = Problems("row")
        with self.source.reading() as stream:
            layout = (stream, self.source, self._start, self._dtype, self.dim)
            matrix = ColumnMatrix(*layout, self._height) if self._by_column else Matrix(*layout)
            for ids, words in grouped(self._hits(wanted), self.dim):
                for which, rows in matrix.rows(ids):
                    yield self._finite(words[which], rows, ids[which] + 1)
        self.problems.check(self.source, self._height)

    def _hits(self, wanted: Mapping[bytes, object] | None) -> Iterator[list[tuple[int, bytes]]]:
        seen = 0
        for words in _INDEXES[self._index.suffix](self._index):
            if seen == 0 and words:
                words[0] = without_marks(words[0])
            if seen + len(words) > self._height:
                break
            undecodable = {*self._undecodable(words)}
            self.problems.add("word not UTF-8", [seen + i + 1 for i in sorted(undecodable)])
            yield [
                (seen + i, word)
                for i, word in enumerate(words)
                if (wanted is None or word in wanted) and i not in undecodable
            ]
            seen += len(words)
        else:
            if seen == self._height:
                return
        raise VectorsError(
            f"{self.source}: expected a word for each of {self._height} rows, but {self._index} has another number "
            "of words. Use the index that was written with the matrix."
        )


def _read_header(source: Source) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with source.reading() as stream:
        try:
            version = np.lib.format.read_magic(stream)
            shape, fortran, dtype = read[version](stream)
        except Exception as error:  # the header is a Python literal, and parsing it may raise various exceptions
            raise VectorsError(
                f"{source}: invalid .npy header: {brief(error)}. Write it again with numpy.save."
            ) from error
        return shape, fortran, dtype, stream.tell()


def _find_index(matrix: Path) -> Path:
    """Return the file of words: the one with the name of the matrix, or the only candidate in its folder."""
    stem = matrix.name.partition(".npy")[0]
    named = [path for suffix in _INDEXES if (path := matrix.with_name(stem + suffix)).is_file()]
    others = [path for path in matrix.parent.iterdir() if path.suffix in _INDEXES]
    if named or len(others) == 1:
        return (named or others)[0]
    raise VectorsError(
        f"{matrix}: the file of its words is missing. Put it into the same folder, in the order of the rows: "
        f"one per line in {stem}.txt, or as the only column of {stem}.parquet."
    )


def _read_parquet(path: Path) -> Iterator[list[bytes]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(_WORDS_AT_ONCE):
                yield [word or b"" for word in batch.column(0).cast(pyarrow.binary()).to_pylist()]
    except (pyarrow.ArrowException, OSError, IndexError) as error:
        raise VectorsError(
            f"{path}: expected a Parquet file with a column of words: {brief(error)}. Download it again."
        ) from error


def _read_lines(path: Path) -> Iterator[list[bytes]]:
    try:
        with path.open("rb") as stream:
            while lines := stream.readlines(1 << 20):
                yield [line.rstrip(b"\r\n") for line in lines]
    except OSError as error:
        raise VectorsError(f"{path}: cannot be read: {brief(error)}.") from error


_INDEXES: dict[str, Callable[[Path], Iterator[list[bytes]]]] = {".parquet": _read_parquet, ".txt": _read_lines}
