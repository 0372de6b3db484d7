"""Terminal output: two-column summaries, and lines above a progress bar."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lit_transfer.errors import PROGRAMS, program_name
from lit_transfer.escaping import ESCAPES, printable, printable_lines

if TYPE_CHECKING:
    from rich.progress import ProgressColumn

# The characters of a curve.
BLOCKS = "▁▂▃▄▅▆▇█"
LONGEST_CURVE = 40


def showable(text: str) -> str:
    """Return a text with the characters escaped that the console cannot show."""
    encoding = rich.get_console().encoding
    return text.encode(encoding, ESCAPES).decode(encoding)


def console() -> Console:
    """Return the console of the progress bar; in a notebook, one that prints text, which `redirect_stdout` reaches."""
    shared = rich.get_console()
    return Console(force_jupyter=False, force_terminal=False, width=100) if shared.is_jupyter else shared


def print_line(name: str, what: str) -> None:
    """Print a name and a text on a line above the progress bar, if any, without markup and without wrapping."""
    console().print(Text.assemble((name, "bold"), "  ", showable(printable(what))), soft_wrap=True)


@contextlib.contextmanager
def errors_only(*loggers: str) -> Iterator[None]:
    """Suppress the messages of loggers below the level of an error."""
    levels = {name: logging.getLogger(name).level for name in loggers}
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def progress(
    *columns: ProgressColumn, description: str = "", total: int | None = None, transient: bool = True
) -> Iterator[Callable[..., None]]:
    """Show a progress bar on standard error; yield the function that updates it, with the arguments of `Progress.update`."""
    from rich.progress import Progress

    with Progress(*columns, console=Console(stderr=True), transient=transient) as bar:
        yield functools.partial(bar.update, bar.add_task(description, total=total))


def counter(what: str) -> contextlib.AbstractContextManager[Callable[..., None]]:
    """Show a number, such as that of texts, on standard error, see `progress`."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    return progress(SpinnerColumn(), TextColumn(f"{{task.completed:,}} {what}"), TimeElapsedColumn())


def print_summary(lines: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in lines:
        # As Text, since words may contain what looks like markup.
        grid.add_row(Text(showable(printable(name))), Text(showable(printable_lines(value))))
    console().print(grid)


def print_commands(commands: Sequence[tuple[str, str]]) -> None:
    """Print the next commands, each below its explanation; nothing if there are none."""
    if commands:
        console().print(Text("\nNext", "bold"))
    for what, command in commands:
        console().print(Text(f"  # {printable(what)}", "dim"), soft_wrap=True)
        console().print(Text(f"  {printable(command)}"), soft_wrap=True)


def program() -> str:
    """Return how the user calls the command line: `lightning`, or its path if the shell would not find it, the shorter one."""
    called = Path(sys.argv[0])
    if called.name not in PROGRAMS or not called.is_file():
        return program_name()
    found = shutil.which(called.name)
    if found is not None and os.path.samefile(found, called):
        return called.name
    return shlex.quote(min(os.path.relpath(called), str(called.absolute()), key=len))


def sparkline(values: Sequence[float]) -> str:
    """Return a curve of block characters, from the smallest (lowest) to the largest value; of many values, a selection."""
    if len(values) > LONGEST_CURVE:
        values = [values[round(i * (len(values) - 1) / (LONGEST_CURVE - 1))] for i in range(LONGEST_CURVE)]
    low, high = min(values), max(values)
    scale = (len(BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(BLOCKS[round((value - low) * scale)] if math.isfinite(value) else "?" for value in values)
