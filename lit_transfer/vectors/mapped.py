"""Our own form: one file, mapped into memory, in which a word is found without reading the others.

Layout, all little-endian: 64 bytes of header (magic, then dim, rows, bytes of words as uint64); the rows, float32; for
each row where its word ends, int64; the words' hashes in ascending order, uint64; the row of each hash, int64; the
words in UTF-8, one behind the other. Of a repeated word the first row comes first, as elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.matrix import BLOCK_BYTES, Matrix
from lit_transfer.vectors.source import Source, brief
from lit_transfer.vectors.table import Chunk, Problems, Table

MAGIC = b"lit_transfer vectors 1\n\0"
_SIZES = struct.Struct("<3Q")
_START = 64


class MappedTable(Table):
    """A file that `write_mapped` has made."""

    def __init__(self, source: Source, encoding: str) -> None:
        if not source.plain:
            raise VectorsError(f"{source}: cannot be mapped into memory while it is compressed. Unpack it first.")
        head = source.head[:_START].ljust(_START, b"\0")
        dim, rows, letters = _SIZES.unpack_from(head, len(MAGIC))
        super().__init__(source, dim, rows, "utf-8")
        ends = _START + 4 * dim * rows
        size = ends + 24 * rows + letters
        if source.size != size or not head.startswith(MAGIC):
            raise VectorsError(
                f"{source}: {source.size} bytes, {size} were wanted. The file is cut off or damaged; convert it again."
            )
        self._parts = [(ends, "<i8", rows), (ends + 8 * rows, "<u8", rows), (ends + 16 * rows, "<i8", rows)]
        self._parts.append((size - letters, "u1", letters))

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """The words among `wanted`, found by their hashes; or all, in the file's order."""
        self.problems = Problems("row")
        if not self.count:
            return
        ends, hashes, order, letters = (
            np.memmap(self.source.path, dtype, "r", offset, (size,)) if size else np.zeros(0, dtype)
            for offset, dtype, size in self._parts
        )

        def word(row: int) -> bytes:
            return letters[ends[row - 1] if row else 0 : ends[row]].tobytes()

        with self.source.reading() as stream:
            matrix = Matrix(stream, self.source, _START, np.dtype("<f4"), self.dim)
            if wanted is None:
                step = max(1, BLOCK_BYTES // (4 * self.dim))
                for begin in range(0, self.count, step):
                    ids = np.arange(begin, min(self.count, begin + step))
                    for which, rows in matrix.rows(ids):
                        yield self._finite([word(i) for i in ids[which].tolist()], rows, ids[which] + 1)
                return
            found: dict[int, bytes] = {}
            keys = list(wanted)
            wanted_hashes = np.fromiter(map(_hash, keys), np.uint64, len(keys))
            lows = np.searchsorted(hashes, wanted_hashes, "left")
            highs = np.searchsorted(hashes, wanted_hashes, "right")
            for key, low, high in zip(keys, lows.tolist(), highs.tolist(), strict=True):
                for row in order[low:high].tolist():
                    if not 0 <= row < self.count:
                        raise VectorsError(
                            f"{self.source}: speaks of row {row} of {self.count}. Damaged; convert it again."
                        )
                    if word(row) == key:
                        found[row] = key
                        break
            ids = np.array(sorted(found), np.int64)
            for which, rows in matrix.rows(ids):
                yield self._finite([found[i] for i in ids[which].tolist()], rows, ids[which] + 1)


def write_mapped(chunks: Iterable[tuple[list[str], np.ndarray]], dim: int, out: Path) -> None:
    """Write words and rows as one mapped file, under another name first, which is changed when the file is whole.

    Args:
        chunks: words, and their rows float32 `(n, dim)`.
        dim: values in a row.
        out: the file to write; one that is there is replaced.

    Raises:
        VectorsError: `out` cannot be written.
    """
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with unfinished.open("wb") as stream:
            _write(stream, chunks, dim)
        unfinished.replace(out)
    except OSError as error:
        raise VectorsError(f"{out}: cannot be written: {brief(error)}.") from error
    finally:
        unfinished.unlink(missing_ok=True)


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
    order = np.argsort(all_hashes, kind="stable").astype("<i8")  # stable: the first of a repeated word stays first
    for part in (np.cumsum(np.concatenate(lengths)), all_hashes[order], order):
        stream.write(part.tobytes())
    stream.write(letters)
    stream.seek(0)
    stream.write(MAGIC + _SIZES.pack(dim, len(order), len(letters)))


def _hash(word: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(word, digest_size=8).digest(), "little")
