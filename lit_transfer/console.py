"""Terminal output: two-column summaries, lines above a progress bar, warnings, and escaping of untrusted text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import rich
from rich.table import Table
from rich.text import Text

# Conjoining jamo, which combine with their neighbours when displayed, and the letters of the same names, which do not.
_JAMO = [chr(code) for codes in ((0x1100, 0x1113), (0x1161, 0x1176), (0x11A8, 0x11C3)) for code in range(*codes)]
_LETTERS = {
    ord(jamo): unicodedata.lookup(re.sub("CHOSEONG|JUNGSEONG|JONGSEONG", "LETTER", unicodedata.name(jamo)))
    for jamo in _JAMO
}
_HAS_JAMO = re.compile("[\u1100-\u11ff]")


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


def say(name: str, what: str) -> None:
    """Print a line above the progress bar, if any, without markup and without wrapping."""
    rich.get_console().print(Text.assemble((name, "bold"), "  ", printable(what)), soft_wrap=True)


def print_facts(lines: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines:
        # As Text, since words may contain what looks like markup.
        grid.add_row(Text(printable(name)), Text(printable_lines(value)))
    rich.get_console().print(grid)


def format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Return a warning as one line without its place in the source; for `warnings.formatwarning`."""
    return f"warning: {printable(' '.join(str(message).split()))}\n"  # it may contain words, labels and paths
