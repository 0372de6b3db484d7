"""Vectors as text, a word and its values on each line: GloVe's, word2vec's (a header first) and fastText's .vec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.decimals import parse_decimals
from lit_transfer.vectors.lines import Lines, WordFilter, read_lines
from lit_transfer.vectors.reader import Chunk, Problems, VectorReader
from lit_transfer.vectors.source import HEAD_BYTES, Source

HEADER = re.compile(rb"(\d{1,18})[ \t]+(\d{1,18})\s*\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DECIMAL = re.compile(rb"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
_PARSED_AT_ONCE = 1 << 16
_LINES_LOOKED_AT = 20

_Hit = tuple[int, bytes, int]  # a line, its word, how far behind the line's start its values begin


class Layout(NamedTuple):
    """How a text file is laid out, as its first lines show.

    Attributes:
        start: bytes before the first row.
        header: rows and values a row that a header promises, None without one.
        dim: values in the first rows.
        tabs: whether tabs separate.
    """

    start: int
    header: tuple[int, int] | None
    dim: int
    tabs: bool


def text_layout(head: bytes) -> Layout | None:
    """Read the layout from a file's first bytes; None where they are no lines of a word and its numbers."""
    start = len(_BYTE_ORDER_MARK) if head.startswith(_BYTE_ORDER_MARK) else 0
    header = HEADER.match(head, start)
    start = header.end() if header else start
    whole = head[start:] if len(head) < HEAD_BYTES else head[start : head.rfind(b"\n") + 1]
    lines = [line.rstrip(b"\r") for line in whole.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT] if line.strip()]
    dims = [dim for dim in map(_numbers, lines) if dim]
    if not dims or b"\0" in whole:
        return None
    promised = int(header[2]) if header else 0
    return Layout(
        start,
        (int(header[1]), promised) if header else None,
        promised if promised in dims else max(dims, key=dims.count),
        b"\t" in lines[0],
    )


def _numbers(line: bytes) -> int:
    """How many numbers end a line, behind a word."""
    fields = line.replace(b"\t", b" ").rstrip().split(b" ")
    count = 0
    while count < len(fields) - 1 and _is_number(fields[-1 - count]):
        count += 1
    return count


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


class TextReader(VectorReader):
    """Lines of a word and `dim` values; the word is what stands left of the last `dim` fields."""

    def __init__(self, source: Source, encoding: str) -> None:
        layout = text_layout(source.head)
        if layout is None:
            raise VectorsError(
                f"{source}: begins with {source.head[:16]!r}; lines of a word and its numbers were wanted. "
                "Leave vectors_format at auto."
            )
        if layout.header and layout.header[1] != layout.dim:
            raise VectorsError(
                f"{source}: the header promises rows of {layout.header[1]} values, the first rows have {layout.dim}. "
                "The file is damaged; fetch or write it again."
            )
        super().__init__(source, layout.dim, layout.header and layout.header[0], encoding)
        self._layout = layout

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """One pass; the widths of all rows are checked, the values only of those that are wanted."""
        problems = self.problems = Problems()
        may_hold = None if wanted is None else WordFilter(wanted)
        seen = 0
        with self.source.reading() as stream:
            first = 1 + stream.read(self._layout.start).count(b"\n")
            for lines, closed in read_lines(stream, self.source, first, self._layout.tabs):
                seen += len(lines)
                narrow = np.flatnonzero(lines.spaces < self.dim)
                if not closed and len(narrow) and narrow[-1] == len(lines) - 1:
                    raise VectorsError(
                        f"{self.source}, line {lines.numbers[-1]}: ends within its row of {self.dim} values. "
                        "The file is cut off; fetch it again."
                    )
                problems.add("another width", lines.numbers[narrow])
                regular = lines.spaces == self.dim
                doubtful = np.flatnonzero(regular & ~lines.ascii)
                undecodable = doubtful[self._undecodable([lines.word(i) for i in doubtful.tolist()])]
                problems.add("word not UTF-8", lines.numbers[undecodable])
                regular[undecodable] = False
                candidates = np.flatnonzero(regular if may_hold is None else regular & may_hold(lines))
                hits = [(i, word, len(word) + 1) for i in candidates.tolist() for word in [lines.word(i)]]
                hits += self._words_with_spaces(lines, np.flatnonzero(lines.spaces > self.dim))
                if wanted is not None:
                    hits = [hit for hit in hits if hit[1] in wanted]
                yield from self._rows(lines, sorted(hits))
        if self._layout.header and self._layout.header[0] != seen:
            promised = self._layout.header[0]
            raise VectorsError(
                f"{self.source}: the header promises {promised} rows, the file has {seen}. "
                + ("It is cut off; fetch it again." if seen < promised else "Correct the header, or fetch it again.")
            )
        problems.check(self.source, seen)
        self.count = seen

    def _words_with_spaces(self, lines: Lines, places: np.ndarray) -> list[_Hit]:
        """The words of lines that have more fields than a word and its values, split from the right."""
        hits = []
        wide, broken = [], []
        for i in places.tolist():
            word = lines.line(i).rsplit(b" ", self.dim)[0]
            if all(_DECIMAL.fullmatch(field) for field in word.split(b" ")[1:]):
                wide.append(lines.numbers[i])  # what is left of the values are values
            elif not self._decodes(word):
                broken.append(lines.numbers[i])
            else:
                hits.append((i, word.rstrip(b" "), len(word) + 1))
        self.problems.add("another width", wide)
        self.problems.add("word not UTF-8", broken)
        return hits

    def _rows(self, lines: Lines, hits: list[_Hit]) -> Iterator[Chunk]:
        """The values behind the words of `hits`, parsed."""
        step = max(1, _PARSED_AT_ONCE // self.dim)
        for begin in range(0, len(hits), step):
            piece = hits[begin : begin + step]
            texts = [bytes(lines.bytes[lines.starts[i] + behind : lines.ends[i]]) for i, _, behind in piece]
            text = np.frombuffer(b" ".join(texts) + b" ", np.uint8)
            values, sure = parse_decimals(text, np.flatnonzero(text == ord(" ")))
            values = values.reshape(len(piece), self.dim)
            good = np.asarray(sure.reshape(values.shape).all(1))
            for i in np.flatnonzero(~good):
                good[i] = b"_" not in texts[i]  # which Python allows between digits
                try:
                    values[i] = [float(field) for field in texts[i].split(b" ")]
                except ValueError:
                    good[i] = False
            with np.errstate(over="ignore"):
                rows = values[good].astype(np.float32)
            numbers = lines.numbers[[i for i, _, _ in piece]]
            self.problems.add("not a number", numbers[~good])
            yield self._finite(
                [word for (_, word, _), kept in zip(piece, good, strict=True) if kept], rows, numbers[good]
            )
