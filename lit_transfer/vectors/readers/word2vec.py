"""The binary format of word2vec: a header line, then each word, a space, its float32 values, and often a newline."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from itertools import compress, count

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.files import is_text
from lit_transfer.vectors.readers.matrix import BLOCK_BYTES
from lit_transfer.vectors.readers.reader import MAX_DIM, Chunk, Problems, VectorReader
from lit_transfer.vectors.readers.text import HEADER, text_layout
from lit_transfer.vectors.source import Source

# Values of vectors are 0, or from 1e-11 to 1e9. Absolute values of float32 are in the order of their bits.
_LEAST, _MOST = np.array([2.0**-37, 2.0**32], "<f4").view("<u4")
_INFINITE = np.array(np.inf, "<f4").view("<u4")
_VALUES_CHECKED = 8
_CONTROLS = bytes([*range(10), *range(11, 32), 127])
_CONTROL = re.compile(rb"[\0-\x1f\x7f]")
_LONGEST_WORD = 1 << 10
_NEWLINE = b"\n"


def is_word2vec_binary(head: bytes) -> bool:
    """Return whether a file begins with a header line that is not followed by text."""
    header = HEADER.match(head)
    return (
        header is not None
        and 0 < int(header[2]) <= MAX_DIM
        and not is_text(head[header.end() :])
        and text_layout(head) is None
    )


class Word2VecReader(VectorReader):
    """Reader of rows of variable length; a regular expression finds them faster than a Python loop.

    The first space ends a word. If the word has a space itself (gensim writes such words), what follows is read with an
    offset; this shows in the values or in the next word, and the rest of the block is then read row by row.
    """

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
        self._odd: list[int] = []  # rows whose values are those of no vector
        seen = 0
        width = 4 * self.dim
        row = re.compile(rb"([^ ]*) (?s:.{%d})" % width)
        # Most writers end a row with a newline, which precedes the next word.
        plain: set[bytes] = set()
        after_newlines: set[bytes] = set()
        with self.source.reading() as stream:
            stream.seek(self._start)
            buffer = bytearray(BLOCK_BYTES)
            view = memoryview(buffer)
            filled = 0
            while seen < self._rows:
                while filled < BLOCK_BYTES and (read := stream.readinto(view[filled:])):  # type: ignore[attr-defined]
                    filled += read
                words = row.findall(view[:filled])[: self._rows - seen]
                if not words:
                    raise self._cut_off(seen, filled)
                ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)) + 1 + width)
                joined = b" ".join(words)
                doubtful = self._first_doubtful(words, joined, buffer, ends - width)
                if doubtful is not None:
                    begin = int(ends[doubtful - 1]) if doubtful else 0
                    more = self._read_singly(buffer, begin, filled, seen + doubtful)
                    words = words[:doubtful] + [word for word, _ in more]
                    ends = np.concatenate([ends[:doubtful], np.array([end for _, end in more], np.int64)])
                    joined = b" ".join(words)
                undecodable = [] if self._decodes(joined) else self._undecodable(words)
                self.problems.add("word not UTF-8", [seen + i + 1 for i in undecodable])
                known: Container[bytes] | None = wanted
                if wanted is not None and b"\n" in joined:
                    plain = plain or {word for word in wanted if word[:1] != b"\n"}
                    after_newlines = after_newlines or {b"\n" + word for word in plain}
                    known = after_newlines
                    if seen == 0:
                        words[0] = b"\n" + words[0].lstrip(b"\n")
                    if joined.count(b" \n") < len(words) - 1:  # some rows end without a newline
                        known = after_newlines | plain
                hits = list(range(len(words)) if known is None else compress(count(), map(known.__contains__, words)))
                if undecodable:
                    hits = sorted({*hits} - {*undecodable})
                rows = _pieces(buffer, width)[ends[hits] - width].view("<f4").reshape(-1, self.dim)
                rows = rows.astype(np.float32, copy=False)
                yield self._finite([words[i].lstrip(b"\n") for i in hits], rows, np.array(hits, np.int64) + seen + 1)
                seen += len(words)
                used = int(ends[-1])
                buffer[: filled - used] = buffer[used:filled]
                filled -= used
            if 2 * len(self._odd) > seen:
                raise VectorsError(
                    f"{self.source}, row {self._odd[0]}: read as little-endian float32, the values are those of no vector, as in "
                    f"{len(self._odd)} of {seen} rows. Write the file again with values of this type."
                )
            if bytes(view[:filled]).strip() or stream.read(BLOCK_BYTES).strip():
                raise VectorsError(
                    f"{self.source}: the header states {self._rows} rows, but the file continues after them. "
                    "Correct the header, or download it again."
                )
        self.problems.check(self.source, seen)

    def _first_doubtful(self, words: list[bytes], joined: bytes, buffer: bytearray, begins: np.ndarray) -> int | None:
        """Return the first row that may have been read with an offset, judging by its values and the next word."""
        width = 4 * min(self.dim, _VALUES_CHECKED)
        usual = _are_usual(_pieces(buffer, width)[begins].view("<u4"))
        if not usual.all():
            return int(usual.argmin()) // (width // 4)
        newlines = joined.count(b"\n") - joined.count(b" \n") - joined.startswith(b"\n")  # one may precede a word
        if newlines or len(joined.translate(None, _CONTROLS)) < len(joined):
            number = next(i for i, word in enumerate(words) if _CONTROL.search(word, word[:1] == b"\n"))
            return max(0, number - 1)
        return None

    def _read_singly(self, buffer: bytearray, begin: int, filled: int, seen: int) -> list[tuple[bytes, int]]:
        """Read words and ends of rows to the end of a block; a word ends at the first space before values in the common range."""
        rows: list[tuple[bytes, int]] = []
        while seen + len(rows) < self._rows:
            row = self._read_row(buffer, begin, filled, seen + len(rows) + 1)
            if row is None:  # continues in the next block
                break
            rows.append(row)
            begin = row[1]
        return rows

    def _read_row(self, buffer: bytearray, begin: int, filled: int, number: int) -> tuple[bytes, int] | None:
        width = 4 * self.dim
        ended = filled < BLOCK_BYTES
        first = None
        at = buffer.find(b" ", begin, filled)
        while 0 <= at - begin <= _LONGEST_WORD:
            word, end = bytes(buffer[begin:at]), at + 1 + width
            if end > filled:
                if first is not None and not ended and begin:
                    return None  # whether it suits is seen in the next block
                break
            first = first or (word, end)
            usual = _are_usual(np.frombuffer(buffer, "<u4", self.dim, at + 1)).all()
            if usual and self._is_word(word) and self._is_word(self._next_word(buffer, end, filled)):
                return word, end
            at = buffer.find(b" ", at + 1, filled)
        if first is not None and _CONTROL.search(self._next_word(buffer, first[1], filled).removeprefix(b"\n")):
            raise VectorsError(
                f"{self.source}, row {number}: what follows the word {self.decode(first[0].lstrip(_NEWLINE))!r} is not a row "
                f"of {self.dim} float32 values and a word. The file is damaged or of another format; download or write it "
                "again."
            )
        if first is not None and not self._is_vector(np.frombuffer(buffer, "<u4", self.dim, first[1] - width)):
            self._odd.append(number)
        return first

    @staticmethod
    def _is_vector(values: np.ndarray) -> bool:
        """Return whether most values other than 0 are in the range of common vectors, unlike other types read as float32."""
        absolute = values & np.uint32(0x7FFFFFFF)
        nonzero = absolute[(absolute != 0) & (absolute < _INFINITE)]
        return not len(nonzero) or bool(_are_usual(nonzero).mean() >= 0.5)

    def _next_word(self, buffer: bytearray, begin: int, filled: int) -> bytes:
        end = buffer.find(b" ", begin, min(filled, begin + _LONGEST_WORD))
        return bytes(buffer[begin : max(begin, end)])

    def _is_word(self, word: bytes) -> bool:
        return not _CONTROL.search(word, word[:1] == b"\n") and self._decodes(word)

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


def _pieces(buffer: bytearray, width: int) -> np.ndarray:
    """Return a view of the pieces of `width` bytes that begin at each byte. *Shape:* `(len(buffer) - width + 1,)`."""
    return np.ndarray(max(0, len(buffer) - width + 1), f"V{width}", buffer, strides=(1,))


def _are_usual(values: np.ndarray) -> np.ndarray:
    """Return whether float32 values, given as their bits, are in the range of common vectors."""
    absolute = values & np.uint32(0x7FFFFFFF)
    if absolute.min() >= _LEAST and absolute.max() <= _MOST:
        return np.ones(1, bool)
    return (absolute == 0) | ((absolute >= _LEAST) & (absolute <= _MOST))
