"""Unicode normalization of a text before it is tokenized."""

from __future__ import annotations

import re
import unicodedata

_SURROGATE = re.compile("[\ud800-\udfff]")


def normalize(text: str) -> str:
    """Compose a text to NFC, and replace half of a surrogate pair, which no file could hold, by a question mark.

    An accented letter or a Hangul syllable that is written as its parts (NFD, as macOS names files) looks the same as
    the composed one and would otherwise be a word of its own.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _SURROGATE.sub("?", text))
