"""Terminal output: two-column summaries, lines above a progress bar, and escaping of untrusted text."""

from __future__ import annotations

from collections.abc import Sequence

import rich
from rich.table import Table
from rich.text import Text


def printable(text: str) -> str:
    """Escape the control characters and unusual spaces of a text, which are common in web text."""
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
