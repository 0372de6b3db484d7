"""Vectors as text, a word and its values on each line: GloVe's, word2vec's (a header first) and fastText's .vec."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.source import HEAD_BYTES, Source
from lit_transfer.vectors.table import Chunk, Table

HEADER = re.compile(rb"\s*(\d{1,18})[ \t]+(\d{1,18})[ \t\r]*\n")
_DECIMAL = re.compile(rb"[+-]?\d*\.\d+(?:[eE][+-]?\d+)?")


class Layout(NamedTuple):
    """How a text file is laid out, as its first lines show.

    Attributes:
        rows: what the header promises, None without one.
        dim: values on a line.
        trailing: whether lines end with a space, as fastText writes them.
        tabs: whether tabs separate.
    """

    rows: int | None
    dim: int
    trailing: bool
    tabs: bool


def text_layout(head: bytes) -> Layout | None:
    """Read the layout from a file's first bytes; None where they are no text of words and numbers."""
    header = HEADER.match(head)
    whole = head if len(head) < HEAD_BYTES else head[: head.rfind(b"\n") + 1]
    lines = [line for line in whole[header.end() if header else 0 :].split(b"\n")[:50] if line.strip()]
    widths = [_numbers(line) for line in lines]
    dims = [width for width in widths if width]
    if not dims or b"\0" in whole:
        return None
    dim = max(dims, key=dims.count)
    return Layout(int(header[1]) if header else None, dim, lines[0].endswith(b" "), b"\t" in lines[0])


def _numbers(line: bytes) -> int:
    """How many values stand at the end of a line, behind a word."""
    count = 0
    fields = line.split()
    for field in reversed(fields[1:] if line[:1] not in b" \t" else fields):
        if _float(field) is None:
            break
        count += 1
    return count


def _float(field: bytes) -> float | None:
    try:
        return None if b"_" in field else float(field)
    except ValueError:
        return None


class TextTable(Table):
    """Lines of a word and `dim` values; the word is what stands left of the last `dim` fields."""

    def __init__(self, source: Source, encoding: str) -> None:
        layout = text_layout(source.head)
        if layout is None:
            raise VectorsError(
                f"{source}: no lines of a word and its numbers; text was wanted. Name its vectors_format."
            )
        header = HEADER.match(source.head)
        if header and int(header[2]) != layout.dim:
            raise VectorsError(
                f"{source}, line 1: the header promises rows of {int(header[2])} values, the first rows have {layout.dim}. "
                "The file is damaged; fetch or write it again."
            )
        super().__init__(source, layout.dim, layout.rows, encoding)
        self._layout = layout

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        problems = self.problems = type(self.problems)()
        seen = 0
        words: list[bytes] = []
        rows: list[list[float]] = []
        with self.source.reading() as stream:
            lines = iter(stream)
            for number, line in enumerate(lines, 1):
                if (number == 1 and self._layout.rows is not None) or not line.strip():
                    continue
                seen += 1
                fields = line.rstrip().replace(b"\t", b" ").rsplit(b" ", self.dim)
                if len(fields) != self.dim + 1 or all(
                    _DECIMAL.fullmatch(f) for f in fields[0].split(b" ")[1:] or [b""]
                ):
                    problems.add("another width", [number])
                    continue
                if wanted is not None and fields[0] not in wanted:
                    continue
                values = [_float(field) for field in fields[1:]]
                if None in values:
                    problems.add("not a number", [number])
                    continue
                words.append(fields[0])
                rows.append(values)
                if len(words) == 1000:
                    yield words, np.array(rows, np.float32)
                    words, rows = [], []
        yield words, np.array(rows, np.float32).reshape(-1, self.dim)
        if self._layout.rows is not None and seen != self._layout.rows:
            raise VectorsError(
                f"{self.source}: the header promises {self._layout.rows} rows, {seen} came. It is cut off."
            )
        problems.check(self.source, seen)
        self.count = seen
