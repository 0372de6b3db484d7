"""Rows of a matrix in a stream, read sequentially in chunks of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np

from lit_transfer.errors import VectorsError

BLOCK_BYTES = 1 << 22
"""Number of bytes per read: large enough for sequential throughput, small compared with a vectors file."""


def rows_at_once(dim: int) -> int:
    """Return the number of rows of `dim` values (32 MB) to gather at a time if file and word order differ."""
    return max(1, min(1 << 15, (1 << 23) // dim))


def read_exactly(stream: IO[bytes], size: int, name: object) -> bytearray:
    """Read the next `size` bytes without allocating more memory than the stream has bytes.

    Raises:
        VectorsError: The stream is shorter.
    """
    data = bytearray()
    while len(data) < size:
        piece = stream.read(min(size - len(data), BLOCK_BYTES))
        if not piece:
            raise VectorsError(
                f"{name}: expected {size - len(data)} more bytes at its end. It is truncated; download it again."
            )
        data += piece
    return data


def grouped(hits: Iterable[list[tuple[int, bytes]]], dim: int) -> Iterator[tuple[np.ndarray, list[bytes]]]:
    """Collect chunks of row ids and words into chunks of `rows_at_once`."""
    size = rows_at_once(dim)
    waiting: list[tuple[int, bytes]] = []
    for piece in hits:
        waiting += piece
        while len(waiting) >= size:
            yield _split(waiting[:size])
            waiting = waiting[size:]
    if waiting:
        yield _split(waiting)


def _split(pairs: list[tuple[int, bytes]]) -> tuple[np.ndarray, list[bytes]]:
    return np.array([i for i, _ in pairs], np.int64), [word for _, word in pairs]


class Matrix:
    """A matrix within a stream, stored by rows.

    Args:
        stream: The stream to read.
        name: Name in error messages.
        offset: Position of the first value in the stream.
        dtype: Type of the values in the file.
        dim: Number of values in a row.
    """

    def __init__(self, stream: IO[bytes], name: object, offset: int, dtype: np.dtype, dim: int) -> None:
        self._stream = stream
        self._name = name
        self._offset = offset
        self._dtype = dtype
        self._dim = dim

    def rows(self, ids: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the rows `ids` (ascending) in chunks: slices of `ids` and their rows, float32 `(n, dim)`."""
        if not len(ids):
            return
        width = self._dim * self._dtype.itemsize
        blocks = ids // max(1, BLOCK_BYTES // width)
        begins = np.flatnonzero(np.diff(blocks, prepend=-1))
        for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(ids)], strict=True):
            first, last = int(ids[begin]), int(ids[end - 1])
            self._stream.seek(self._offset + first * width)
            data = read_exactly(self._stream, (last + 1 - first) * width, self._name)
            rows = np.frombuffer(data, self._dtype).reshape(-1, self._dim)[ids[begin:end] - first]
            with np.errstate(over="ignore"):
                yield slice(begin, end), rows.astype(np.float32, copy=False)


class ColumnMatrix:
    """A matrix within a stream, stored by columns of `height` values (numpy's Fortran order)."""

    def __init__(self, stream: IO[bytes], name: object, offset: int, dtype: np.dtype, dim: int, height: int) -> None:
        size = height * dtype.itemsize
        self._columns = [Matrix(stream, name, offset + i * size, dtype, 1) for i in range(dim)]

    def rows(self, ids: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield the rows `ids` (ascending) in one chunk, as `Matrix.rows` does."""
        rows = np.empty((len(ids), len(self._columns)), np.float32)
        for i, column in enumerate(self._columns):
            for which, values in column.rows(ids):
                rows[which, i] = values[:, 0]
        yield slice(0, len(ids)), rows
