"""What is written to the terminal: facts in two columns, lines above a progress bar, words made safe to print."""

from __future__ import annotations

from collections.abc import Sequence

import rich
from rich.table import Table
from rich.text import Text


def printable(word: str) -> str:
    """A word for the screen: control characters and odd spaces, which files of the web are full of, as their escapes."""
    return word if word.isprintable() else repr(word)[1:-1]


def say(name: str, what: str) -> None:
    """Prints a line above the progress bar, if there is one; brackets are no markup, and no path is broken in two."""
    rich.get_console().print(Text.assemble((name, "bold"), "  ", what), soft_wrap=True)


def print_facts(lines: Sequence[tuple[str, str]]) -> None:
    """Prints names and values in two columns."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines:
        grid.add_row(Text(name), Text(value))  # as Text, since words may hold what looks like markup
    rich.get_console().print(grid)
