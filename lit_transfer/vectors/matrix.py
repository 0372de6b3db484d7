"""Rows of a matrix that lies in a stream, read forwards in bounded pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO

import numpy as np

from lit_transfer.errors import VectorsError

BLOCK_BYTES = 1 << 22
"""Bytes read at a time: enough for a disk to stream, little beside any table."""


def rows_at_once(dim: int) -> int:
    """How many rows of `dim` values to put together at a time where a file's order is not the words': 32 MB."""
    return max(1, min(1 << 15, (1 << 23) // dim))


def read_exactly(stream: IO[bytes], size: int, name: object) -> bytearray:
    """The next `size` bytes; no more memory is taken than bytes are there.

    Raises:
        VectorsError: the stream ends before.
    """
    data = bytearray()
    while len(data) < size:
        piece = stream.read(min(size - len(data), BLOCK_BYTES))
        if not piece:
            raise VectorsError(
                f"{name}: ends where {size - len(data)} more bytes were wanted. It is cut off; fetch it again."
            )
        data += piece
    return data


def grouped(hits: Iterable[list[tuple[int, bytes]]], dim: int) -> Iterator[tuple[np.ndarray, list[bytes]]]:
    """Put rows' ids and words that come in pieces together, `rows_at_once` of them."""
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
    """A matrix within a stream, row by row.

    Args:
        stream: where it is read from.
        name: how errors call it.
        offset: where in the stream its first value stands.
        dtype: the type of its values in the file.
        dim: values in a row.
    """

    def __init__(self, stream: IO[bytes], name: object, offset: int, dtype: np.dtype, dim: int) -> None:
        self._stream = stream
        self._name = name
        self._offset = offset
        self._dtype = dtype
        self._dim = dim

    def rows(self, ids: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The rows `ids` (ascending), in pieces: which of `ids`, and their rows, float32 `(n, dim)`."""
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
    """A matrix within a stream, column by column (numpy's Fortran order); `height` values make a column."""

    def __init__(self, stream: IO[bytes], name: object, offset: int, dtype: np.dtype, dim: int, height: int) -> None:
        size = height * dtype.itemsize
        self._columns = [Matrix(stream, name, offset + i * size, dtype, 1) for i in range(dim)]

    def rows(self, ids: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The rows `ids` (ascending) in one piece, as `Matrix.rows` gives them."""
        rows = np.empty((len(ids), len(self._columns)), np.float32)
        for i, column in enumerate(self._columns):
            for which, values in column.rows(ids):
                rows[which, i] = values[:, 0]
        yield slice(0, len(ids)), rows
