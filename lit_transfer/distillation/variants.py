"""Variants of texts for distillation, after Tang et al. 2019."""

from __future__ import annotations

import random

MASK = "[MASK]"
"""Word that replaces masked words; the mask token of BERT and similar teachers, and a rare word for other models."""

MASK_PROBABILITY = 0.1
"""Probability of a word to be masked."""

NGRAM_PROBABILITY = 0.25
"""Probability that only an n-gram of a variant is kept."""

LONGEST_NGRAM = 5
"""Maximum number of words of such an n-gram."""


def vary(text: str, rng: random.Random) -> str:
    """Draw a variant of a text: some of its words are masked, and sometimes only an n-gram is kept.

    These are two of the three rules of Tang et al. 2019, "Distilling Task-Specific Knowledge from BERT into Simple Neural
    Networks" (section 3.3, with their probabilities). The third rule replaces words by others of the same part of speech,
    which needs a tagger. Words are separated by white space, in the variant by single spaces.
    """
    words = [MASK if rng.random() < MASK_PROBABILITY else word for word in text.split()]
    if words and rng.random() < NGRAM_PROBABILITY:
        size = min(rng.randint(1, LONGEST_NGRAM), len(words))
        start = rng.randint(0, len(words) - size)
        words = words[start : start + size]
    return " ".join(words)


def variants(text: str, count: int, rng: random.Random) -> list[str]:
    """Return the distinct variants of a text among `count` draws that differ from it."""
    drawn = dict.fromkeys(vary(text, rng) for _ in range(count))
    drawn.pop(" ".join(text.split()), None)
    return list(drawn)
