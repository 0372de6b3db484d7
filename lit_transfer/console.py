"""Terminal output: two-column summaries, lines above a progress bar, warnings, and escaping of untrusted text."""

from __future__ import annotations

import codecs
import contextlib
import logging
import math
import os
import re
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import rich
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Conjoining jamo, which combine with their neighbours when displayed, and the letters of the same names, which do not.
_JAMO = [chr(code) for codes in ((0x1100, 0x1113), (0x1161, 0x1176), (0x11A8, 0x11C3)) for code in range(*codes)]
_LETTERS = {
    ord(jamo): unicodedata.lookup(re.sub("CHOSEONG|JUNGSEONG|JONGSEONG", "LETTER", unicodedata.name(jamo)))
    for jamo in _JAMO
}
_HAS_JAMO = re.compile("[\u1100-\u11ff]")
# Names of the command line, and the characters of a curve.
PROGRAMS, BLOCKS = ("lightning", "lit-transfer"), "▁▂▃▄▅▆▇█"
_ESCAPES = "lit_transfer.escapes"


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Return the characters that an encoding lacks as `\uXXXX`, as JSON spells them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4)), error.end


codecs.register_error(_ESCAPES, _escape)


def prepare_streams() -> None:
    """Let standard output and standard error show any text: characters that their encoding lacks are escaped.

    Streams that were closed before the program started lead to the null device.
    """
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # A file opened later would otherwise get the number of the closed one, and what is printed.
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8"))  # noqa: SIM115
        elif name != "stdin" and hasattr(stream, "reconfigure"):
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors=_ESCAPES)


def showable(text: str) -> str:
    """Return a text with the characters escaped that the console cannot show."""
    encoding = rich.get_console().encoding
    return text.encode(encoding, _ESCAPES).decode(encoding)


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


def console() -> Console:
    """Return the console of the progress bar; in a notebook, one that prints text, which `redirect_stdout` reaches."""
    shared = rich.get_console()
    return Console(force_jupyter=False, force_terminal=False, width=100) if shared.is_jupyter else shared


def say(name: str, what: str) -> None:
    """Print a line above the progress bar, if any, without markup and without wrapping."""
    console().print(Text.assemble((name, "bold"), "  ", showable(printable(what))), soft_wrap=True)


@contextlib.contextmanager
def errors_only(*loggers: str) -> Iterator[None]:
    """Suppress the messages of loggers below the level of an error.

    Args:
        loggers: Names of the loggers.
    """
    levels = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def print_facts(lines: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines:
        # As Text, since words may contain what looks like markup.
        grid.add_row(Text(showable(printable(name))), Text(showable(printable_lines(value))))
    console().print(grid)


def format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """Return a warning as one line without its place in the source; for `warnings.formatwarning`."""
    return f"warning: {printable(' '.join(str(message).split()))}\n"  # it may contain words, labels and paths


def print_commands(commands: Sequence[tuple[str, str]], title: str = "Next") -> None:
    """Print commands to go on with, each below its explanation; nothing if there are none."""
    if commands:
        console().print(Text(f"\n{title}", "bold"))
    for what, command in commands:
        console().print(Text(f"  # {printable(what)}", "dim"), soft_wrap=True)
        console().print(Text(f"  {printable(command)}"), soft_wrap=True)


def program() -> str:
    """Return how the user calls the command line: `lightning`, or its path if the shell would not find it."""
    called = Path(sys.argv[0])
    if called.name not in PROGRAMS or not called.is_file():
        return PROGRAMS[0]
    found = shutil.which(called.name)
    if found is not None and os.path.samefile(found, called):
        return called.name
    return shlex.quote(os.path.relpath(called))


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Return a curve of block characters, from the smallest (lowest) to the largest value; of many values, a selection."""
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    low, high = min(values), max(values)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((value - low) * scale)] if math.isfinite(value) else "?" for value in values)
