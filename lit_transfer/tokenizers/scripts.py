"""Scripts of texts, and the tokenizers for them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

# Tokenizers for each script, the default first; `*` is for all others.
TOKENIZERS_OF = {
    "HANGUL": ("kiwi", "hangul", "words", "whitespace"),
    "LATIN": ("basic_english", "words", "ptb", "whitespace"),
    "HIRAGANA": ("spacy:ja",),
    "KATAKANA": ("spacy:ja",),
    "CJK": ("spacy:zh",),
    "THAI": ("spacy:th",),
    "*": ("words", "whitespace"),
}


def scripts(texts: Iterable[str]) -> Counter[str]:
    """Count the letters of texts by script, named as in Unicode: LATIN, HANGUL, CJK, CYRILLIC."""
    letters = Counter(letter for text in texts for letter in text if letter.isalpha())
    counts: Counter[str] = Counter()
    for letter, count in letters.items():
        counts[unicodedata.name(letter, "UNKNOWN").split(" ")[0]] += count
    return counts


def main_script(texts: Iterable[str]) -> str:
    """Return the most frequent script; any kana means Japanese, and a fifth of Hangul means Korean."""
    counts = scripts(texts)
    total = sum(counts.values())
    for script, share in (("HIRAGANA", 0.1), ("HANGUL", 0.2)):
        if counts[script] > share * total:
            return script
    return counts.most_common(1)[0][0] if counts else "LATIN"
