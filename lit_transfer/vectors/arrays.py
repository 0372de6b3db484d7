"""A .npy matrix with its words beside it: a parquet index (the demo's package) or a list of words, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.source import Source
from lit_transfer.vectors.table import Chunk, Table

MAGIC = b"\x93NUMPY"
_CHUNK = 1 << 14


class ArrayTable(Table):
    """Row i of the matrix belongs to word i of the index; the matrix is mapped, not read."""

    def __init__(self, source: Source, encoding: str) -> None:
        if not source.plain:
            raise VectorsError(f"{source}: a compressed .npy cannot be mapped into memory. Unpack it first.")
        try:
            matrix = np.load(source.path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise VectorsError(
                f"{source}: not a whole .npy of numbers: {error}. Write it again with numpy.save."
            ) from error
        if matrix.ndim != 2 or matrix.dtype.kind not in "fiu":
            raise VectorsError(
                f"{source}: an array of shape {matrix.shape} and type {matrix.dtype}; (words, dim) numbers were wanted."
            )
        super().__init__(source, matrix.shape[1], len(matrix), encoding)
        self._matrix = matrix
        self._index = _find_index(source.path)

    @property
    def paths(self) -> list[Path]:
        """The matrix and its index."""
        return [self.source.path, self._index]

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """One pass over the words; only the rows of those that are wanted are touched."""
        problems = self.problems = type(self.problems)()
        start = 0
        for words in _read_index(self._index):
            places = [i for i, word in enumerate(words) if wanted is None or word in wanted]
            rows = np.zeros((0, self.dim), np.float32)
            if start + len(words) <= len(self._matrix):
                rows = np.asarray(self._matrix[start : start + len(words)][places], np.float32)
            finite = np.isfinite(rows).all(1)
            problems.add("NaN or infinite", [start + places[i] + 1 for i in np.flatnonzero(~finite)])
            yield [words[i] for i, good in zip(places, finite, strict=False) if good], rows[finite]
            start += len(words)
        if start != len(self._matrix):
            raise VectorsError(
                f"{self.source}: {len(self._matrix)} rows, but {self._index.name} has {start} words; one a row was wanted."
            )
        problems.check(self.source, start)


_READERS = {".parquet": "_read_parquet", ".txt": "_read_lines"}


def _find_index(matrix: Path) -> Path:
    """The words' file: named as the matrix, or the only one in its folder."""
    for suffix in (".parquet", ".txt"):
        if (path := matrix.with_suffix(suffix)).is_file():
            return path
    others = [p for p in sorted(matrix.parent.iterdir()) if p.suffix in (".parquet", ".txt")]
    if len(others) == 1:
        return others[0]
    raise VectorsError(
        f"{matrix}: its words are missing. Put them beside it, one a line in the rows' order, as {matrix.stem}.txt, "
        f"or as the only column of {matrix.stem}.parquet."
    )


def _read_index(path: Path) -> Iterator[list[bytes]]:
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(_CHUNK):
                    yield batch.column(0).cast(pyarrow.binary()).to_pylist()
        except (pyarrow.ArrowException, OSError) as error:
            raise VectorsError(f"{path}: not a parquet index of words: {error}. Fetch it again.") from error
        return
    with path.open("rb") as stream:
        while lines := stream.readlines(1 << 20):
            yield [line.rstrip(b"\r\n") for line in lines]
