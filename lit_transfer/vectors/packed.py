"""Vectors stored in a checkpoint, as float16 or int8, so that the vectors file is not needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.lookup import VectorSource, lookup_forms

# Words do not contain line breaks, see `VectorReader.encode`.
_SEPARATOR = "\n"
# Precision of the stored values.
Precision = Literal["float16", "int8"]
# Number of rows to round at a time.
BLOCK = 1 << 14


@dataclass(frozen=True, eq=False)
class PackedVectors:
    """Words and their vectors.

    Attributes:
        words: The words.
        rows: Their vectors as float16 (with a rounding error of at most 0.05 % of a value), or as int8 multiples of
            `scales`. *Shape:* `(len(words), dim)`.
        case_fallback: Whether other cases of a word are tried.
        scales: Scale of each row; None for float16. *Shape:* `(len(words),)`.
    """

    words: list[str]
    rows: np.ndarray
    case_fallback: bool = True
    scales: np.ndarray | None = None

    has_subwords = False
    path = "the checkpoint's own vectors"
    format = "packed"

    @classmethod
    def of(
        cls, source: VectorSource, words: Sequence[str] | None, cache: Path | None = None, most: int | None = None
    ) -> PackedVectors:
        """Read vectors from a source.

        Args:
            source: Source of the vectors.
            words: Words to read, stored in the form in which the source has them; None reads the whole file.
            cache: Cache folder for the rows of `words`.
            most: Maximum number of words to read from the whole file; files usually have the most frequent ones first.

        Raises:
            VectorsError: The source is missing, damaged, or has no words.
        """
        if words is not None:
            matrix, form = source.lookup(words, cache)
            found = np.flatnonzero(form >= 0)
            return cls([words[i] for i in found.tolist()], matrix[found].astype(np.float16), source.case_fallback)
        names: list[str] = []
        rows = []
        for some, matrix in source.open().chunks():
            names += some
            rows.append(matrix.astype(np.float16))
            if most is not None and len(names) >= most:
                break
        if not names:
            raise VectorsError(f"{source.path} has no words.")
        return cls(names[:most], np.concatenate(rows)[:most], source.case_fallback)

    def union(self, other: PackedVectors) -> PackedVectors:
        """Return the union as float16; the vectors of common words are those of this object."""
        rows = [row for row, word in enumerate(other.words) if word not in self._row_of]
        words = [*self.words, *(other.words[row] for row in rows)]
        ours = self.take(range(len(self.words)), np.float16)
        return PackedVectors(words, np.concatenate([ours, other.take(rows, np.float16)]), self.case_fallback)

    def as_precision(self, precision: Precision) -> PackedVectors:
        """Return the vectors in a precision."""
        if precision == self.precision:
            return self
        if precision == "float16":
            return PackedVectors(self.words, self.take(range(len(self.words)), np.float16), self.case_fallback)
        rows, scales = round_to_int8(self.rows)
        return PackedVectors(self.words, rows, self.case_fallback, scales)

    @property
    def precision(self) -> Precision:
        """Precision of the stored values."""
        return "float16" if self.scales is None else "int8"

    def take(self, rows: Sequence[int], dtype: type[np.floating[Any]] = np.float32) -> np.ndarray:
        """Return the vectors of some rows. *Shape:* `(len(rows), dim)`."""
        found = self.rows[list(rows)].astype(dtype)
        return found if self.scales is None else found * self.scales[list(rows), None].astype(dtype)

    @property
    def num_bytes(self) -> int:
        """Size in a checkpoint, in bytes."""
        letters = sum(len(word.encode("utf-8", "surrogatepass")) + 1 for word in self.words)
        return letters + self.rows.nbytes + (0 if self.scales is None else self.scales.nbytes)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {word: row for row, word in reversed(list(enumerate(self.words)))}  # the first row of a repeated word

    def lookup(self, words: Sequence[str], cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Look up words as `VectorSource.lookup` does; `cache` is ignored."""
        return lookup_forms(words, self, case_fallback=self.case_fallback)

    def lookup_first(self, groups: Sequence[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each group of spellings, the row of the first known one, as `WordVectors.lookup_first` does."""
        matrix = np.zeros((len(groups), self.rows.shape[1]), np.float32)
        chosen = np.full(len(groups), -1, np.int64)
        for number, group in enumerate(groups):
            for place, word in enumerate(group):
                if (row := self._row_of.get(word)) is not None:
                    matrix[number], chosen[number] = self.take([row])[0], place
                    break
        return matrix, chosen

    def subword(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return no vectors, since only whole words are stored."""
        return np.zeros((len(words), self.rows.shape[1]), np.float32), np.zeros(len(words), dtype=bool)

    def state_dict(self) -> dict[str, Any]:
        """Return the vectors and words as numeric arrays, for `torch.from_numpy`."""
        letters = _SEPARATOR.join(self.words).encode("utf-8", "surrogatepass")
        return {
            "letters": np.frombuffer(letters, np.uint8).copy(),
            "rows": self.rows,
            "case_fallback": self.case_fallback,
            **({} if self.scales is None else {"scales": self.scales}),
        }

    @classmethod
    def from_state_dict(cls, state: dict[str, Any]) -> PackedVectors:
        """Restore the vectors from `state_dict`.

        Raises:
            ValueError: The number of rows differs from the number of words, or, for int8, of scales.
        """
        words = state["letters"].tobytes().decode("utf-8", "surrogatepass").split(_SEPARATOR)
        rows, scales = state["rows"], state.get("scales")
        if (rows.dtype == np.int8) != (scales is not None) or (scales is not None and scales.shape != (len(rows),)):
            raise ValueError(f"{len(rows)} vectors of {rows.dtype} with {0 if scales is None else len(scales)} scales")
        if rows.ndim != 2 or len(rows) != len(words):
            raise ValueError(f"{len(words)} words with vectors of shape {rows.shape}")
        return cls(words, rows, bool(state["case_fallback"]), scales)


def round_to_int8(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round each row to int8 multiples (-127 to 127) of a scale of the row.

    The error of a value is at most half the scale, which is 0.4 % of the largest absolute value of the row.

    Args:
        rows: Vectors as float16 or float32. *Shape:* `(rows, dim)`.

    Returns:
        rounded: The multiples as int8. *Shape:* `(rows, dim)`.
        scales: The scale of each row as float32. *Shape:* `(rows,)`.
    """
    largest = np.abs(rows).max(axis=1, initial=0).astype(np.float32)
    scales = np.maximum(largest, np.finfo(np.float32).tiny) / 127  # avoids a division by 0 for rows of zeros
    rounded = np.empty(rows.shape, np.int8)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        np.rint(rows[block] / scales[block, None], out=rounded[block], casting="unsafe")
    return rounded, scales
