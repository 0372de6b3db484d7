"""The interface of all formats: words and rows read in passes, and counts of skipped rows."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from lit_transfer import cache
from lit_transfer.errors import VectorsError
from lit_transfer.vectors.source import Source, brief

MAX_DIM = 1 << 16
"""Maximum dimension; a header that states a larger one is considered damaged."""

LARGEST = float(np.finfo(np.float16).max)
"""Largest absolute value of a vector: that of float16, in which checkpoints store vectors. Common values are below 100."""

Chunk = tuple[list[bytes], np.ndarray]


class Problems:
    """Skipped rows: their number by kind of problem, and the positions of the first ones."""

    SHARES = {
        "another width": 0.01,
        "not a number": 0.01,
        "NaN or infinite": 0.01,
        # Stricter, since a wrong encoding affects only words outside ASCII, which may be few rows.
        "word not UTF-8": 0.001,
    }
    """Largest accepted share of the rows of a file, by kind."""
    KEPT = 5

    def __init__(self, unit: str = "line") -> None:
        self.unit = unit
        self.counts: dict[str, int] = {}
        self.first: dict[str, list[int]] = {}

    def add(self, kind: str, lines: Sequence[int] | np.ndarray) -> None:
        """Count the rows at `lines` (line numbers, or row numbers of binary files, starting at 1)."""
        if len(lines):
            self.counts[kind] = self.counts.get(kind, 0) + len(lines)
            first = self.first.setdefault(kind, [])
            first += [int(line) for line in lines[: self.KEPT - len(first)]]

    def check(self, name: object, rows: int) -> None:
        """Check that the number of skipped rows is acceptable.

        Raises:
            VectorsError: The share of rows with a kind of problem is too large.
        """
        for kind, count in self.counts.items():
            if count > self.SHARES[kind] * rows:
                raise VectorsError(
                    f"{name}, {self.unit} {self.first[kind][0]}: {kind}; so are {count} of {rows} rows, expected at most "
                    f"{self.SHARES[kind]:.1%}. {_REMEDIES[kind]}"
                )

    def __bool__(self) -> bool:
        return bool(self.counts)

    def __str__(self) -> str:
        return "; ".join(
            f"{count} rows skipped: {kind} ({self.unit} {', '.join(map(str, self.first[kind]))})"
            for kind, count in self.counts.items()
        )


_REMEDIES = {
    "another width": "The file is damaged or of another format; download or write it again.",
    "not a number": "The file is damaged or of another format; download or write it again.",
    "NaN or infinite": "The training of these vectors diverged; use other vectors.",
    "word not UTF-8": "Open it with its encoding, as in encoding='latin-1', or save it as UTF-8.",
}


class VectorReader(ABC):
    """An opened vectors file; each format implements `scan`.

    Attributes:
        dim: Number of values in a row.
        count: Number of words in the file; None until known from a header or a complete pass.
        problems: Rows skipped in the last pass.
        has_subwords: Whether `subword` returns vectors of unseen words.
    """

    has_subwords = False

    def __init__(self, source: Source, dim: int, count: int | None, encoding: str = "utf-8") -> None:
        if not 0 < dim <= MAX_DIM:
            raise VectorsError(f"{source}: expected rows of 1 to {MAX_DIM} values, got {dim}. The header is damaged.")
        self.source = source
        self.dim = dim
        self.count = count
        self.encoding = encoding
        self.problems = Problems()

    @property
    def paths(self) -> list[Path]:
        """Return the paths of the files that are read."""
        return [self.source.path]

    def identity(self) -> str:
        """Return a key that changes with the files, see `lit_transfer.cache.identity`."""
        try:
            return cache.identity(self.paths, type(self).__name__, self.source.member, self.encoding)
        except OSError as error:
            raise VectorsError(f"{error.filename}: no longer readable: {brief(error)}.") from error

    @abstractmethod
    def scan(self, wanted: Mapping[bytes, object] | None) -> Iterator[Chunk]:
        """Yield the words in `wanted` (all if None) and their rows, float32 `(n, dim)`, in file order and one pass."""

    def lookup_first(self, groups: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each group of spellings, the row of the first spelling in the file; all in one pass.

        Returns:
            matrix: Rows as float32, zeros if no spelling was found. *Shape:* `(len(groups), dim)`.
            chosen: Index of the chosen spelling in its group, -1 if none was found. *Shape:* `(len(groups),)`.
        """
        # Flat arrays rather than an object per spelling, since vocabularies can be large.
        wanted: dict[bytes, int] = {}
        rows_of, ranks, same = array("q"), array("q"), array("q")
        for row, group in enumerate(groups):
            for rank, word in enumerate(group):
                key = self.encode(word)
                same.append(wanted.get(key, -1))  # the previous request for the same spelling
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
        """Return vectors composed of the words' character n-grams, if the format has n-grams.

        Raises:
            VectorsError: The format has no n-grams.
        """
        raise VectorsError(
            f"{self.source}: contains whole words only; vectors of unseen words need a fastText .bin file with n-grams."
        )

    def encode(self, word: str) -> bytes:
        """Return the bytes of `word` in the file's encoding."""
        try:
            return word.encode(self.encoding)
        except UnicodeEncodeError:
            return b"\n"  # never found: no word contains a line break

    def _undecodable(self, words: Sequence[bytes]) -> list[int]:
        """Return the indices of words that are invalid in the encoding."""
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
        """Drop and count rows that are not finite; `numbers` are the positions of the rows.

        Raises:
            VectorsError: A value is finite, but above `LARGEST`.
        """
        if not len(rows) or (rows.max() <= LARGEST and rows.min() >= -LARGEST):  # false if one is not a number
            return words, rows
        finite = np.isfinite(rows).all(1)
        with np.errstate(invalid="ignore"):
            absurd = np.flatnonzero(finite & (np.abs(rows).max(1) > LARGEST))
        if len(absurd):
            row = rows[absurd[0]]
            raise VectorsError(
                f"{self.source}, {self.problems.unit} {numbers[absurd[0]]}: the vector of "
                f"{self.decode(words[absurd[0]])!r} has the value {row[np.abs(row).argmax()]:.3g}; expected values up to "
                f"{LARGEST:,.0f}, with which a network can be trained. Remove the row, scale the vectors, or use others."
            )
        self.problems.add("NaN or infinite", numbers[~finite])
        return [word for word, kept in zip(words, finite.tolist(), strict=True) if kept], rows[finite]

    def decode(self, word: bytes) -> str:
        """Return the decoded word."""
        return word.decode(self.encoding, "backslashreplace")
