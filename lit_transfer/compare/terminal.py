"""The table of results in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from lit_transfer.compare.lines import columns_of
from lit_transfer.compare.results import Results
from lit_transfer.escaping import printable

FIGURES = "Means over seeds, with half the 95 % interval."
DRIFT = " Drift: 1 - cosine between the embedding and its initial values."
MARKS = " Bold: recommended; ≈: not significantly worse than the best."


def terminal_table(results: Results, width: int = 100) -> Table:
    """Return the results as a table with a section for each training size; if `width` is narrow, without the last columns."""
    lines = results.lines
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption_justify="left")
    table.add_column("labels", no_wrap=True)
    table.add_column("method", no_wrap=True)
    left = width - 10 - max((len(line.method.name) + 3 for line in lines), default=0)
    shown = []
    for heading, cell in columns_of(results.plan):
        left -= max(len(heading), *(len(cell(line)) for line in lines)) + 1
        if left >= 0:
            shown.append(cell)
            table.add_column(heading, justify="right", no_wrap=True)
    table.caption = FIGURES + (DRIFT if any(column.header == "drift" for column in table.columns) else "") + MARKS
    for size in results.verdict.sizes:
        for i, line in enumerate(line for line in lines if line.train_size == size.train_size):
            name = line.method.name
            mark = " ≈" if name in size.rivals and name != size.best else ""
            cells = [f"{size.train_size:,}" if i == 0 else "", name + mark, *(cell(line) for cell in shown)]
            table.add_row(*(Text(printable(text)) for text in cells), style="bold" if name == size.recommended else "")
        table.add_section()
    return table
