"""Unicode normalization of text before tokenization."""

from __future__ import annotations

import re
import unicodedata

_SURROGATE = re.compile("[\ud800-\udfff]")


def normalize(text: str) -> str:
    """Normalize a text to NFC, and replace lone surrogates, which UTF-8 cannot encode, by a question mark.

    An accented letter or a Hangul syllable in decomposed form (NFD, as in file names of macOS) looks the same as the
    composed one, but would otherwise give a different word.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _SURROGATE.sub("?", text))
