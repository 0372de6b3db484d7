"""Vectors as text, a word and its values on each line: GloVe, word2vec (with a header) and fastText .vec files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.files import excerpt, is_text, without_marks
from lit_transfer.vectors.readers.reader import Chunk, Problems, VectorReader
from lit_transfer.vectors.source import HEAD_BYTES, Source

HEADER = re.compile(rb"(\d{1,18})[ \t]+(\d{1,18})\s*\n")
_DECIMAL = re.compile(rb"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")
_PARSED_AT_ONCE = 1 << 16
_BUFFER_BYTES = 1 << 20
_LONGEST_LINE = 1 << 21
_LINES_LOOKED_AT = 20
_SEPARATORS = re.compile(rb"[ \t]+")
_SPARSE = re.compile(rb"\S+(?:[ \t]+\d+:[-+.\deE]+)+\s*")
_COMMAS = re.compile(rb"[^,;|]+([,;|])(?:[ \t]*[-+]?[\d.,]+(?:[eE][-+]?\d+)?[ \t]*(?:\1|\s*$))+")
_DECIMAL_COMMAS = re.compile(rb"\S+(?:[ \t]+[-+]?\d+,\d+(?:[eE][-+]?\d+)?)+\s*")

_Row = tuple[int, bytes, bytes]  # a line's number, its word, its values as text


class Layout(NamedTuple):
    """Layout of a text file, detected from its first lines.

    Attributes:
        start: Number of bytes before the first row.
        header: Number of rows and of values per row in the header, or None without a header.
        dim: Number of values in the first rows.
        tabs: Whether tabs separate the values.
        runs: Whether several spaces or tabs may separate two values, as in columns of a fixed width.
    """

    start: int
    header: tuple[int, int] | None
    dim: int
    tabs: bool
    runs: bool


def text_layout(head: bytes) -> Layout | None:
    """Detect the layout from the first bytes of a file; None if they are not lines of a word and numbers."""
    start = len(head) - len(without_marks(head))
    header = HEADER.match(head, start)
    start = header.end() if header else start
    whole = head[start:] if len(head) < HEAD_BYTES else head[start : head.rfind(b"\n") + 1]
    lines = [line.rstrip(b"\r") for line in whole.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT] if line.strip()]
    dims = [dim for dim in map(_numbers, lines) if dim]
    if not dims or b"\0" in whole or _has_returns_only(whole):
        return None
    promised = int(header[2]) if header else 0
    dim = promised if promised in dims else max(dims, key=dims.count)
    return Layout(
        start,
        (int(header[1]), promised) if header else None,
        dim,
        b"\t" in lines[0],
        any(_has_runs(line, dim) for line in lines),
    )


def explain_text(head: bytes) -> str:
    """Return why a file does not contain vectors as text, with an excerpt of it, and the remedy."""
    start = without_marks(head)
    if _has_returns_only(start):
        return f"got lines that end with a carriage return alone, {excerpt(start)}. Convert them: tr '\\r' '\\n' < OLD > NEW"
    lines = start[: start.rfind(b"\n") + 1 or None].split(b"\n")[: _LINES_LOOKED_AT + 1]
    last = next((line for line in lines[1:] if line.strip()), lines[0])
    if _SPARSE.fullmatch(last):
        return (
            f"got a sparse row, {excerpt(last)}. Sparse vectors (index:value) are not read; write all values of each row, "
            "zeros included."
        )
    if separated := _COMMAS.match(last.strip()):
        return (
            f"got {excerpt(last)}, in which {separated[1].decode()!r} separates the values. Replace it by a space; decimals "
            "have a point."
        )
    if _DECIMAL_COMMAS.fullmatch(last):
        return f"got decimal commas, {excerpt(last)}. Replace them by points."
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return f"got text in UTF-16, {excerpt(start)}. Save it as UTF-8."
    kind = "text that begins with" if is_text(start) else "a file that begins with"
    return f"got {kind} {excerpt(start)}. Give a vectors file."


def _has_returns_only(head: bytes) -> bool:
    """Return whether lines end with a carriage return alone."""
    inside = head.strip()
    return b"\r" in inside and b"\n" not in inside


def _has_runs(line: bytes, dim: int) -> bool:
    """Return whether more than one space or tab separates two of the last `dim` values of a line."""
    values = _SEPARATORS.split(line.strip())[1:][-dim:]
    return len(values) == dim and not line.rstrip().replace(b"\t", b" ").endswith(b" ".join(values))


def _numbers(line: bytes) -> int:
    """Count the numbers after the word of a line."""
    fields = _SEPARATORS.split(line.strip())
    count = 0
    while count < len(fields) - 1 and _is_number(fields[-1 - count]):
        count += 1
    return count


def _is_number(field: bytes) -> bool:
    """Return whether a field is a number; `nan` and `infinity` count as words, since many texts contain them."""
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False


class TextReader(VectorReader):
    """Reader of lines with a word and `dim` values; the word is everything before the last `dim` fields."""

    def __init__(self, source: Source, encoding: str) -> None:
        layout = text_layout(source.head)
        if layout is None:
            raise VectorsError(f"{source}: expected lines of a word and its numbers, {explain_text(source.head)}")
        if layout.header and layout.header[1] != layout.dim:
            raise VectorsError(
                f"{source}: the header states rows of {layout.header[1]} values, the first rows have {layout.dim}. "
                "The file is damaged; download or write it again."
            )
        super().__init__(source, layout.dim, layout.header and layout.header[0], encoding)
        self._layout = layout

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """Read the file once; check the width of every row, and parse only the values of the wanted words."""
        problems = self.problems = Problems()
        dim, seen = self.dim, 0
        found: list[_Row] = []
        for number, line in self._lines():
            seen += 1
            spaces = line.count(b" ")
            if spaces == dim:
                word = line[: line.index(b" ")]
                values = len(word) + 1
            else:  # a word with spaces, or a row with too many or too few values
                left = line.rsplit(b" ", dim)[0]
                word, values = left.rstrip(b" "), len(left) + 1
                if spaces < dim or all(map(_DECIMAL.fullmatch, left.split(b" ")[1:])):
                    problems.add("another width", [number])
                    continue
            if not word.isascii() and not self._decodes(word):
                problems.add("word not UTF-8", [number])
            elif wanted is None or word in wanted:
                found.append((number, word, line[values:]))
                if len(found) * dim >= _PARSED_AT_ONCE:
                    yield self._parse(found)
                    found = []
        yield self._parse(found)
        if self._layout.header and self._layout.header[0] != seen:
            stated = self._layout.header[0]
            raise VectorsError(
                f"{self.source}: the header states {stated} rows, the file has {seen}. "
                + (
                    "It is truncated; download it again."
                    if seen < stated
                    else "Correct the header, or download it again."
                )
            )
        problems.check(self.source, seen)
        self.count = seen

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the nonblank lines without trailing white space, each with its number, starting at 1."""
        with self.source.reading() as raw, io.BufferedReader(raw, _BUFFER_BYTES) as stream:  # type: ignore[type-var]
            first = 1 + stream.read(self._layout.start).count(b"\n")
            for number, whole in enumerate(iter(partial(stream.readline, _LONGEST_LINE), b""), first):
                if len(whole) == _LONGEST_LINE:
                    raise VectorsError(
                        f"{self.source}, line {number}: expected at most {_LONGEST_LINE} bytes in a line. "
                        "The file is damaged or of another format; download or write it again."
                    )
                line = whole.replace(b"\t", b" ").rstrip() if self._layout.tabs else whole.rstrip()
                if self._layout.runs:
                    line = _SEPARATORS.sub(b" ", line.lstrip())
                if not line:
                    continue
                if not whole.endswith(b"\n") and line.count(b" ") < self.dim:
                    raise VectorsError(
                        f"{self.source}, line {number}: ends within its row of {self.dim} values. "
                        "The file is truncated; download it again."
                    )
                yield number, line

    def _parse(self, found: list[_Row]) -> Chunk:
        """Parse the values of rows; count and skip rows with values that are not numbers or not finite."""
        rows = np.empty((len(found), self.dim), np.float32)
        words: list[bytes] = []
        numbers = []
        with np.errstate(over="ignore"):
            for number, word, values in found:
                try:
                    rows[len(words)] = list(map(float, values.split(b" ")))
                    is_number = b"_" not in values  # Python allows underscores between digits
                except ValueError:
                    is_number = False
                if is_number:
                    numbers.append(number)
                    words.append(word)
                else:
                    self.problems.add("not a number", [number])
        return self._finite(words, rows[: len(words)], np.array(numbers, np.int64))
