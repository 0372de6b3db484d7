"""A Markdown file with a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lit_transfer.files import atomic_write


class Table:
    """A Markdown file with a table, written after each row, so that an interrupted run keeps its rows.

    Args:
        path: The file.
        title: Title of the file.
        text: Paragraph above the table.
        columns: Headings of the columns.
        align: `l` (left) or `r` (right) for each column.
    """

    def __init__(self, path: Path, title: str, text: str, columns: Sequence[str], align: str) -> None:
        self._path = path
        rule = "|" + "".join({"l": "---|", "r": "---:|"}[each] for each in align)
        self._lines = [f"# {title}", "", text, "", _row(columns), rule]

    def add(self, *cells: str) -> None:
        """Add a row, print it, and write the file."""
        self._lines.append(_row(cells))
        print(self._lines[-1], flush=True)
        with atomic_write(self._path) as file:
            file.write("\n".join(self._lines) + "\n")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
