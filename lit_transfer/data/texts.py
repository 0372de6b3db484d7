"""Texts packed in one array of bytes, which saves memory and can be memory-mapped; and hashes of training texts."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, overload

import numpy as np


class Texts(Sequence[str]):
    """An immutable sequence of texts.

    Args:
        letters: Concatenated texts in UTF-8. *Shape:* `(bytes,)`, uint8.
        offsets: Start offset of each text, and the end of the last. *Shape:* `(texts + 1,)`, int64.
    """

    def __init__(self, letters: np.ndarray, offsets: np.ndarray) -> None:
        self.letters = letters
        self.offsets = offsets

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """Pack texts, unless they are already packed."""
        if isinstance(texts, cls):
            return texts
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)), out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    def digest(self) -> str:
        """Return a hash of the texts and their order."""
        key = hashlib.blake2b(self.offsets.data, digest_size=20)
        key.update(self.letters.data)
        return key.hexdigest()

    def keys(self) -> np.ndarray:
        """Return a hash of each text, valid in this process. *Shape:* `(texts,)`, int64.

        Among ten million distinct texts, the probability of a collision is one in 400,000.
        """
        count = len(self)
        each = (hash(self.letters[begin:end].tobytes()) for begin, end in self._bounds())
        return np.fromiter(each, np.int64, count)

    def _bounds(self) -> Iterator[tuple[int, int]]:
        # Indexing the array for each offset would take longer than everything else.
        for start in range(0, len(self), 10_000):
            yield from pairwise(self.offsets[start : start + 10_001].tolist())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Texts: ...
    def __getitem__(self, index: int | slice) -> str | Texts:
        if isinstance(index, slice):
            return Texts.of(self[row] for row in range(len(self))[index])
        row = range(len(self))[index]
        return self._text(self.offsets[row], self.offsets[row + 1])

    def __iter__(self) -> Iterator[str]:
        for begin, end in self._bounds():
            yield self._text(begin, end)

    def _text(self, begin: int, end: int) -> str:
        return self.letters[begin:end].tobytes().decode("utf-8", "surrogatepass")

    def __eq__(self, other: Any) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    def __repr__(self) -> str:
        return f"Texts({len(self)})"


@dataclass(frozen=True, eq=False)
class SeenTexts:
    """Hashes of the texts that a model was trained on, 8 bytes for each different text.

    Texts are the same if they differ only in case, in white space and in compatible forms of characters (NFKC); empty texts
    are left out. Among a million training texts and as many others, the probability of a collision is one in 18 million.
    The texts cannot be computed from the hashes, but whoever has a text can find out whether it is among them.

    Attributes:
        keys: Different hashes, ascending. *Shape:* `(texts,)`, int64.
        complete: Whether these are all texts; otherwise the model started from one that has no hashes.
    """

    keys: np.ndarray
    complete: bool = True

    def __post_init__(self) -> None:
        if self.keys.dtype != np.int64 or self.keys.ndim != 1:
            raise ValueError(f"hashes of texts of the type {self.keys.dtype} and the shape {self.keys.shape}")

    @classmethod
    def of(cls, texts: Iterable[str]) -> SeenTexts:
        """Hash texts."""
        keys = np.fromiter(map(_key, texts), np.int64)
        return cls(np.unique(keys[keys != _EMPTY]))

    def union(self, other: SeenTexts) -> SeenTexts:
        """Return the texts of both."""
        return SeenTexts(np.union1d(self.keys, other.keys), self.complete and other.complete)

    def contains(self, texts: Iterable[str]) -> np.ndarray:
        """Return which texts the model was trained on. *Shape:* `(texts,)`, bool."""
        return np.isin(np.fromiter(map(_key, texts), np.int64), self.keys)


UNKNOWN = SeenTexts(np.empty(0, np.int64), complete=False)
"""The texts of a model that has no hashes."""


def _key(text: str) -> int:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    words = " ".join(text.lower().split())
    return int.from_bytes(
        hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little", signed=True
    )


_EMPTY = _key("")


def overlap_message(seen: SeenTexts, texts: Sequence[str], name: str) -> str | None:
    """Return a sentence with the number of tested texts that the model was trained on; None if there are none."""
    count = int(seen.contains(texts).sum())
    if not count:
        return None
    return (
        f"the model was trained on {count:,} of the {len(texts):,} {name} texts ({count / len(texts):.1%}): its scores on new "
        "texts are probably lower"
    )
