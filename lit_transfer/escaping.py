"""Escaping of untrusted text, and of characters that an encoding lacks; without rich, so that commands start fast."""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import sys
import unicodedata

# Conjoining jamo, which combine with their neighbours when displayed, and the letters of the same names, which do not.
_JAMO = [chr(code) for codes in ((0x1100, 0x1113), (0x1161, 0x1176), (0x11A8, 0x11C3)) for code in range(*codes)]
_LETTERS = {
    ord(jamo): unicodedata.lookup(re.sub("CHOSEONG|JUNGSEONG|JONGSEONG", "LETTER", unicodedata.name(jamo)))
    for jamo in _JAMO
}
_HAS_JAMO = re.compile("[\u1100-\u11ff]")
# Name of the error handler for characters that an encoding lacks.
ESCAPES = "lit_transfer.escapes"


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Return the characters that an encoding lacks as `\uXXXX`, as JSON spells them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4)), error.end


codecs.register_error(ESCAPES, _escape)


def prepare_streams() -> None:
    """Let standard output and standard error show any text: characters that their encoding lacks are escaped.

    Streams that were closed before the program started lead to the null device. A terminal of no width, as containers
    state it, is one of unknown width.
    """
    for name in ("COLUMNS", "LINES"):
        if os.environ.get(name, "").strip() == "0":  # rich would show nothing
            del os.environ[name]
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # A file opened later would otherwise get the number of the closed one, and what is printed.
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors=ESCAPES)


def printable(text: str) -> str:
    """Escape the control characters and unusual spaces of a text, which are common in web text.

    Korean jamo are composed to syllables, and jamo that cannot be composed, such as endings of morphemes, become letters;
    a terminal would combine them with the character before.
    """
    if _HAS_JAMO.search(text):
        text = unicodedata.normalize("NFC", text).translate(_LETTERS)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def printable_lines(text: str) -> str:
    """Escape a text as `printable` does, but keep its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Return a warning as one line without its place in the source; for `warnings.formatwarning`."""
    return f"warning: {printable(' '.join(str(message).split()))}\n"  # it may contain words, labels and paths
