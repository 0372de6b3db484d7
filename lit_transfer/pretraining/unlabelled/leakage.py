"""The leak check: sentences of a task's validation and test texts are left out of the text that a network is pretrained on."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

SHINGLE = 5
"""Successive words that make a shingle."""

NEAR = 0.5
"""Share of the shorter text's shingles, 0 to 1, from which two texts are near duplicates."""

_WORD = re.compile(r"\w+")


class HeldOutTexts:
    """Texts that pretraining must not see, and the question whether a sentence is one of them or nearly so.

    Texts are compared by their words: runs of letters and digits, in lower case, after Unicode's NFKC. Equal ones are
    exact duplicates. Two texts are near duplicates where at least half of the shingles (runs of five words; Broder 1997)
    of the one that has fewer are also in the other; so a sentence of a longer held-out text is found, too.

    Args:
        texts: The held-out texts.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._exact: set[tuple[str, ...]] = set()
        self._having: dict[int, list[int]] = {}
        self._sizes: list[int] = []
        for text in texts:
            words = normalize(text)
            if not words or words in self._exact:
                continue
            self._exact.add(words)
            shingles = _shingles(words)
            for shingle in shingles:
                self._having.setdefault(shingle, []).append(len(self._sizes))
            self._sizes.append(len(shingles))

    def __len__(self) -> int:
        return len(self._sizes)

    def find(self, sentence: str) -> Literal["", "exact", "near"]:
        """Tell whether a sentence is an `exact` or a `near` duplicate of a held-out text, or neither."""
        words = normalize(sentence)
        if words in self._exact:
            return "exact"
        shingles = _shingles(words)
        shared = Counter(text for shingle in shingles for text in self._having.get(shingle, ()))
        for text, count in shared.items():
            if count >= NEAR * min(len(shingles), self._sizes[text]):
                return "near"
        return ""


def normalize(text: str) -> tuple[str, ...]:
    """The words of a text that comparisons look at."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return tuple(_WORD.findall(text.lower()))


def _shingles(words: Sequence[str]) -> set[int]:
    return {hash(tuple(words[at : at + SHINGLE])) for at in range(len(words) - SHINGLE + 1)}
