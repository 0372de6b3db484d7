"""The memory-mapped format of this package, in which lookup reads only the requested rows.

Layout, little-endian: a header of 64 bytes (magic; then dim, number of rows and bytes of words as uint64); the rows as
float32; the end offset of each row's word as int64; the hashes of the words in ascending order as uint64; the row of
each hash as int64; the words in UTF-8, concatenated.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from itertools import compress
from pathlib import Path
from typing import IO

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.files import atomic_path
from lit_transfer.vectors.readers.matrix import Matrix, rows_at_once
from lit_transfer.vectors.readers.reader import Chunk, Problems, VectorReader
from lit_transfer.vectors.source import Source, brief

MAGIC = b"lit_transfer vectors 1\n\0"
_SIZES = struct.Struct("<3Q")
_START = 64


class MappedReader(VectorReader):
    """Reader of files written by `write_mapped`."""

    def __init__(self, source: Source, encoding: str) -> None:
        if not source.plain:
            raise VectorsError(f"{source}: a compressed file cannot be memory-mapped. Decompress it first.")
        head = source.head[:_START].ljust(_START, b"\0")
        dim, rows, letters = _SIZES.unpack_from(head, len(MAGIC))
        super().__init__(source, dim, rows, "utf-8")
        ends = _START + 4 * dim * rows
        size = ends + 24 * rows + letters
        if source.size != size or not head.startswith(MAGIC):
            raise VectorsError(
                f"{source}: expected {size} bytes, got {source.size}. The file is truncated or damaged; convert it again."
            )
        self._parts = [(ends, "<i8", rows), (ends + 8 * rows, "<u8", rows), (ends + 16 * rows, "<i8", rows)]
        self._parts.append((size - letters, "u1", letters))

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """Yield the words in `wanted`, found by their hashes, or all words in file order."""
        self.problems = Problems("row")
        if not self.count:
            return
        with self.source.reading() as stream:
            ends, hashes, order, letters = (
                np.asarray(np.memmap(self.source.path, dtype, "r", offset, (size,))) if size else np.zeros(0, dtype)
                for offset, dtype, size in self._parts
            )
            matrix = Matrix(stream, self.source, _START, np.dtype("<f4"), self.dim)
            for ids in self._all() if wanted is None else [self._candidates(wanted, hashes, order)]:
                begins = np.where(ids > 0, ends[ids - 1], 0)
                text = letters.data
                words = [bytes(text[a:b]) for a, b in zip(begins.tolist(), ends[ids].tolist(), strict=True)]
                if wanted is not None:  # different words may have the same hash
                    same = [word in wanted for word in words]
                    ids, words = ids[same], list(compress(words, same))
                for which, rows in matrix.rows(ids):
                    yield self._finite(words[which], rows, ids[which] + 1)

    def _all(self) -> Iterator[np.ndarray]:
        step = rows_at_once(self.dim)
        for begin in range(0, self.count or 0, step):
            yield np.arange(begin, min(self.count or 0, begin + step))

    def _candidates(self, wanted: Mapping[bytes, object], hashes: np.ndarray, order: np.ndarray) -> np.ndarray:
        """Return the rows whose words have the hashes of wanted words."""
        keys = np.fromiter(map(_hash, wanted), np.uint64, len(wanted))
        lows = np.searchsorted(hashes, keys, "left")
        counts = np.searchsorted(hashes, keys, "right") - lows
        places = np.repeat(lows - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        rows = np.unique(order[places])
        if len(rows) and not 0 <= rows[0] <= rows[-1] < (self.count or 0):
            raise VectorsError(
                f"{self.source}: an index points outside the rows. The file is damaged; convert it again."
            )
        return rows


def write_mapped(chunks: Iterable[tuple[list[str], np.ndarray]], dim: int, out: Path) -> None:
    """Write chunks of words and rows, float32 `(n, dim)`, as a memory-mapped file, which appears once it is complete.

    Raises:
        VectorsError: `out` cannot be written.
    """
    try:
        with atomic_path(out) as unfinished, unfinished.open("wb") as stream:
            _write(stream, chunks, dim)
    except OSError as error:
        raise VectorsError(f"{out}: cannot be written: {brief(error)}.") from error


def _write(stream: IO[bytes], chunks: Iterable[tuple[list[str], np.ndarray]], dim: int) -> None:
    hashes = [np.zeros(0, "<u8")]
    lengths = [np.zeros(0, "<i8")]
    letters = bytearray()
    stream.write(bytes(_START))
    for words, rows in chunks:
        encoded = [word.encode() for word in words]
        stream.write(np.ascontiguousarray(rows, "<f4").tobytes())
        lengths.append(np.fromiter(map(len, encoded), "<i8", len(encoded)))
        hashes.append(np.fromiter(map(_hash, encoded), "<u8", len(encoded)))
        letters += b"".join(encoded)
    all_hashes = np.concatenate(hashes)
    order = np.argsort(all_hashes).astype("<i8")
    for part in (np.cumsum(np.concatenate(lengths)), all_hashes[order], order):
        stream.write(part.tobytes())
    stream.write(letters)
    stream.seek(0)
    stream.write(MAGIC + _SIZES.pack(dim, len(order), len(letters)))


def _hash(word: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(word, digest_size=8).digest(), "little")
