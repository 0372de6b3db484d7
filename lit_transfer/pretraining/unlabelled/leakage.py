"""Leakage check: duplicates of a task's validation and test texts are dropped from the pretraining text."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

SHINGLE = 5
"""Number of successive words in a shingle."""

NEAR = 0.5
"""Minimum share of common shingles, 0 to 1, for near duplicates."""

_WORD = re.compile(r"\w+")


class HeldOutTexts:
    """Held-out texts, and detection of sentences that duplicate them.

    Texts are compared by their words: runs of letters and digits, in lower case, normalized to NFKC. Texts with equal
    words are exact duplicates. Two texts are near duplicates if at least half of the shingles (five successive words;
    Broder 1997) of the text with fewer shingles occur in the other; a sentence of a longer text is thus its near duplicate.

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
        """Return whether a sentence is an `exact` or a `near` duplicate of a held-out text, or "" for neither."""
        words = normalize(sentence)
        if words in self._exact:
            return "exact"
        shingles = _shingles(words)
        shared = Counter(text for shingle in shingles for text in self._having.get(shingle, ()))
        for text, count in shared.items():
            if count >= NEAR * min(len(shingles), self._sizes[text]):
                return "near"
        return ""


def without_duplicates(
    sentences: Iterable[str], held_out: HeldOutTexts | None, counts: dict[str, int]
) -> Iterator[str]:
    """Yield the sentences that do not duplicate a held-out text, and add the `exact` and `near` duplicates to the counts.

    Without held-out texts (None), all sentences are kept.
    """
    for sentence in sentences:
        kind = "" if held_out is None else held_out.find(sentence)
        if kind:
            counts[kind] += 1
        else:
            yield sentence


def normalize(text: str) -> tuple[str, ...]:
    """Return the normalized words of a text."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return tuple(_WORD.findall(text.lower()))


def _shingles(words: Sequence[str]) -> set[int]:
    return {hash(tuple(words[at : at + SHINGLE])) for at in range(len(words) - SHINGLE + 1)}
