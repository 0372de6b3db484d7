"""Typographic quotes and apostrophes, which most tokenizers and pretrained vectors do not know: don’t is not don't."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lit_transfer.tokenizers.external import Tokenizer

STRAIGHT = "straight"
_SINGLE, _DOUBLE = "\u2018\u2019\u201a\u201b\u02bc\uff07\u00b4\u2032`", "\u201c\u201d\u201e\u201f"
_STRAIGHT = str.maketrans({**dict.fromkeys(_SINGLE, "'"), **dict.fromkeys(_DOUBLE, '"')})
_CURLY_WORD = re.compile("\\w[\u2019\u02bc\uff07\u00b4\u2032`]\\w")
# Share of the words from which the hint is given.
_WORTH_SAYING = 0.001
_KNOWN_TO = ("basic_english", "whitespace")  # the rules that treat both kinds of apostrophes differently


@dataclass(frozen=True)
class StraightQuotes:
    """Tokenizer that replaces typographic quotes by straight ones.

    Attributes:
        tokenizer: The tokenizer for the text with straight quotes.
        name: Its name, followed by `:straight`.
    """

    tokenizer: Tokenizer
    name: str

    def __call__(self, text: str) -> list[str]:
        """Return the words of a text."""
        return self.tokenizer(text.translate(_STRAIGHT))


def apostrophe_hint(counts: Mapping[str, int], tokenizer: str) -> str:
    """Return a hint about words with a typographic apostrophe; "" if there are few, or if the tokenizer splits them."""
    if tokenizer not in _KNOWN_TO:
        return ""
    curly = {word: count for word, count in counts.items() if _CURLY_WORD.search(word)}
    total = sum(counts.values())
    if not curly or sum(curly.values()) < _WORTH_SAYING * total:
        return ""
    most = max(curly, key=curly.__getitem__)
    return (
        f"{sum(curly.values()) / total:.1%} of the words have a typographic one, such as {most}, which is not the word with a "
        f"straight one: --data.tokenizer {tokenizer}:{STRAIGHT} replaces it by one"
    )
