"""The binary format of word2vec: a header line, then each word, a space, its float32 values, and often a newline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import compress, count

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.readers.matrix import BLOCK_BYTES
from lit_transfer.vectors.readers.reader import MAX_DIM, Chunk, Problems, VectorReader
from lit_transfer.vectors.readers.text import HEADER, text_layout
from lit_transfer.vectors.source import Source


def is_word2vec_binary(head: bytes) -> bool:
    """Return whether a file begins with a header line that is not followed by a line of text with numbers."""
    header = HEADER.match(head)
    return header is not None and 0 < int(header[2]) <= MAX_DIM and text_layout(head) is None


class Word2VecReader(VectorReader):
    """Reader of rows of variable length; a regular expression finds them faster than a Python loop."""

    def __init__(self, source: Source, encoding: str) -> None:
        header = HEADER.match(source.head)
        if header is None:
            raise VectorsError(
                f"{source}: expected a header with the number of words and of values, got {source.head[:16]!r}."
            )
        super().__init__(source, int(header[2]), int(header[1]), encoding)
        self._start = header.end()
        self._rows = int(header[1])
        least = self._start + self._rows * (4 * self.dim + 1)
        if source.size is not None and source.size < least:
            raise VectorsError(
                f"{source}: the header states {self._rows} rows of {self.dim} values, at least {least} bytes; "
                f"the file has {source.size}. It is truncated; download it again."
            )

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """Read the file once, without parsing the values."""
        self.problems = Problems("row")
        seen = 0
        width = 4 * self.dim
        row = re.compile(rb"([^ ]*) (?s:.{%d})" % width)
        # Most writers end a row with a newline, which precedes the next word.
        known = None if wanted is None else {b"\n" * i + word for word in wanted if word[:1] != b"\n" for i in (0, 1)}
        with self.source.reading() as stream:
            stream.seek(self._start)
            buffer = bytearray(BLOCK_BYTES)
            view = memoryview(buffer)
            array = np.frombuffer(buffer, np.uint8)
            filled = 0
            while seen < self._rows:
                while filled < BLOCK_BYTES and (read := stream.readinto(view[filled:])):  # type: ignore[attr-defined]
                    filled += read
                words = row.findall(view[:filled])[: self._rows - seen]
                if not words:
                    raise self._cut_off(seen, filled)
                ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 1 + width)
                undecodable = self._undecodable(words)
                self.problems.add("word not UTF-8", [seen + i + 1 for i in undecodable])
                hits = list(range(len(words)) if known is None else compress(count(), map(known.__contains__, words)))
                if undecodable:
                    hits = sorted({*hits} - {*undecodable})
                rows = sliding_window_view(array, width)[ends[hits] - width].view("<f4").astype(np.float32)
                yield self._finite([words[i].lstrip(b"\n") for i in hits], rows, np.array(hits, np.int64) + seen + 1)
                seen += len(words)
                used = int(ends[-1])
                buffer[: filled - used] = buffer[used:filled]
                filled -= used
            if bytes(view[:filled]).strip() or stream.read(BLOCK_BYTES).strip():
                raise VectorsError(
                    f"{self.source}: the header states {self._rows} rows, but the file continues after them. "
                    "Correct the header, or download it again."
                )
        self.problems.check(self.source, seen)

    def _cut_off(self, seen: int, left: int) -> VectorsError:
        if left == BLOCK_BYTES:
            return VectorsError(
                f"{self.source}, row {seen + 1}: expected a space after a word, got none in {left} bytes. "
                "The file is damaged; download it again."
            )
        return VectorsError(
            f"{self.source}: the header states {self._rows} rows of {self.dim} values, the file has {seen}. "
            "It is truncated; download it again."
        )
