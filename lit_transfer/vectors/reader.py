"""What every format gives: a table of words and rows that is read in passes, and what was wrong with its rows."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.source import Source, identity

MAX_DIM = 1 << 16
"""Values a row may have; a header that asks for more is damaged or not a header."""

Chunk = tuple[list[bytes], np.ndarray]


class Problems:
    """Rows that were skipped: how many of each kind, and where the first ones stand."""

    SHARES = {
        "another width": 0.01,
        "not a number": 0.01,
        "NaN or infinite": 0.01,
        # These are the words beyond ASCII: few rows of the file, but all of a kind that would be lost unseen.
        "word not UTF-8": 0.001,
    }
    """The share of a file's rows that may be of this kind before the file is refused."""
    KEPT = 5

    def __init__(self, unit: str = "line") -> None:
        self.unit = unit
        self.counts: dict[str, int] = {}
        self.first: dict[str, list[int]] = {}

    def add(self, kind: str, lines: Sequence[int] | np.ndarray) -> None:
        """Count the rows at `lines` (the first line, or row of a file without lines, is 1)."""
        if len(lines):
            self.counts[kind] = self.counts.get(kind, 0) + len(lines)
            first = self.first.setdefault(kind, [])
            first += [int(line) for line in lines[: self.KEPT - len(first)]]

    def check(self, name: object, rows: int) -> None:
        """Refuse a file of which too many rows were skipped.

        Raises:
            VectorsError: a kind is above its share.
        """
        for kind, count in self.counts.items():
            if count > self.SHARES[kind] * rows:
                raise VectorsError(
                    f"{name}, {self.unit} {self.first[kind][0]}: {kind}; so are {count} of {rows} rows, and at most "
                    f"{self.SHARES[kind]:.1%} may be. {_REMEDIES[kind]}"
                )

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        return "; ".join(
            f"{count} rows skipped: {kind} ({self.unit} {', '.join(map(str, self.first[kind]))})"
            for kind, count in self.counts.items()
        )


_REMEDIES = {
    "another width": "The file is damaged or of another format; fetch or write it again.",
    "not a number": "The file is damaged or of another format; fetch or write it again.",
    "NaN or infinite": "Its training went wrong; take other vectors.",
    "word not UTF-8": "Open it with the encoding it was written in, as in encoding='latin-1', or save it as UTF-8.",
}


class VectorReader:
    """One opened file of vectors; formats say how to `scan` it.

    Attributes:
        dim: values in a row.
        count: words in the file, None until a header or a whole pass told.
        problems: what the last pass skipped.
        has_subwords: whether unseen words get vectors, from `subword`.
    """

    has_subwords = False

    def __init__(self, source: Source, dim: int, count: int | None, encoding: str = "utf-8") -> None:
        if not 0 < dim <= MAX_DIM:
            raise VectorsError(f"{source}: rows of {dim} values; 1 to {MAX_DIM} were wanted. The header is damaged.")
        self.source = source
        self.dim = dim
        self.count = count
        self.encoding = encoding
        self.problems = Problems()

    @property
    def paths(self) -> list[Path]:
        """The files on disk that the table is read from."""
        return [self.source.path]

    def identity(self) -> str:
        """A key that changes with the files."""
        return identity(self.paths, type(self).__name__, self.source.member, self.encoding)

    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """One pass: the words among `wanted` (None: all) with their rows, float32 `(n, dim)`, in the file's order."""
        raise NotImplementedError

    def lookup_first(self, groups: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """For each group of spellings the row of the first one that the file has, all in one pass.

        Returns:
            matrix float32 `(len(groups), dim)` and the chosen spelling's place in its group `(len(groups),)`, -1 where
            the file has none of them (and the row is zeros).
        """
        # Flat lists instead of an object for each spelling: a vocabulary can be large.
        wanted: dict[bytes, int] = {}
        rows_of, ranks, same = array("q"), array("q"), array("q")
        for row, group in enumerate(groups):
            for rank, word in enumerate(group):
                key = self.encode(word)
                same.append(wanted.get(key, -1))  # where this spelling was asked for before
                wanted[key] = len(rows_of)
                rows_of.append(row)
                ranks.append(rank)
        matrix = np.zeros((len(groups), self.dim), np.float32)
        nowhere = sys.maxsize
        chosen = array("q", [nowhere]) * len(groups)
        for words, rows in self.scan(wanted):
            into, of = [], []
            for i, key in enumerate(words):
                place = wanted[key]
                while place >= 0:
                    row = rows_of[place]
                    if ranks[place] < chosen[row]:
                        chosen[row] = ranks[place]
                        into.append(row)
                        of.append(i)
                    place = same[place]
            matrix[into] = rows[of]
        taken = np.array(chosen, np.int64)
        taken[taken == nowhere] = -1
        return matrix, taken

    def subword(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Vectors for words from their parts, for formats that have them."""
        raise VectorsError(
            f"{self.source}: holds whole words only; vectors for unseen words need a fastText .bin file with n-grams."
        )

    def encode(self, word: str) -> bytes:
        """The bytes that stand in the file for `word`."""
        try:
            return word.encode(self.encoding)
        except UnicodeEncodeError:
            return b"\n"  # what the encoding cannot write is in no file, nor is a line's end in a word

    def _undecodable(self, words: Sequence[bytes]) -> list[int]:
        """The places of words that are not written in the encoding."""
        if self._decodes(b" ".join(words)):
            return []
        return [i for i, word in enumerate(words) if not self._decodes(word)]

    def _decodes(self, word: bytes) -> bool:
        try:
            word.decode(self.encoding)
        except UnicodeDecodeError:
            return False
        return True

    def _finite(self, words: list[bytes], rows: np.ndarray, numbers: np.ndarray) -> Chunk:
        """Words and rows without those that are not finite, which are counted; `numbers` says where each row stands."""
        finite = np.isfinite(rows).all(1)
        if finite.all():
            return words, rows
        self.problems.add("NaN or infinite", numbers[~finite])
        return [word for word, kept in zip(words, finite.tolist(), strict=True) if kept], rows[finite]

    def decode(self, word: bytes) -> str:
        """The word that `word` stands for."""
        return word.decode(self.encoding, "backslashreplace")
