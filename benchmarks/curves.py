"""Plot accuracy by minutes of pretraining and by amount of unlabelled text, from `results/pretraining.md`.

    python -m benchmarks.curves

Writes `docs/images/unlabelled.png`: a column for each data set, and a row each for the minutes and for the amount of text.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator, ScalarFormatter

from benchmarks.corpora import ROOT
from benchmarks.pretraining import REPORT, TITLES
from lit_transfer.files import atomic_write

IMAGE = ROOT / "docs" / "images" / "unlabelled.png"
COLORS = {"document + language model": "tab:orange", "language model": "tab:blue"}
UNTRAINED = "random LSTM"
# Columns of the table, and the style of their lines.
STYLES = {"100 labels": "--", "1,000": ":", "all": "-"}
DATA = ("mr", "trec")


class Point(NamedTuple):
    """A point of a curve; `x` is None for the network without pretraining."""

    objective: str
    x: float | None
    accuracy: float


def read_rows(report: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of the table of a data set, with the cells by column."""
    section = next(
        part for part in report.read_text(encoding="utf-8").split("\n## ")[1:] if part.startswith(TITLES[name])
    )
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return [dict(zip(lines[0], cells, strict=True)) for cells in lines[2:]]


def by_minutes(rows: list[dict[str, str]], column: str) -> list[Point]:
    """Return the points of the runs of an hour."""
    points = []
    for row in rows:
        name, accuracy = row["initialization"], float(row[column].partition(" ")[0])
        found = re.fullmatch(r"100 dimensions, adapted, then (.+) for an hour in bf16(, \d+ of its \d+ steps)?", name)
        if found:
            points.append(Point(found[1], float(row["minutes"]), accuracy))
        elif name == f"100 dimensions, adapted, {UNTRAINED}":
            points.append(Point(UNTRAINED, None, accuracy))
    return points


def by_amount(rows: list[dict[str, str]], column: str) -> list[Point]:
    """Return the points of the runs on a part of the text, by its share in percent."""
    points = []
    for row in rows:
        found = re.fullmatch(
            r"(\d+) % of the text: adapted, (?:then )?(.+?)(, 600 steps in bf16)?", row["initialization"]
        )
        if found:
            points.append(Point(found[2], float(found[1]), float(row[column].partition(" ")[0])))
    return points


def draw(axes: Any, points: list[Point], style: str) -> None:
    """Draw a line for each objective; without pretraining, the accuracy is the same at all times."""
    for objective in dict.fromkeys(point.objective for point in points):
        line = sorted((point.x, point.accuracy) for point in points if point.objective == objective and point.x)
        color = COLORS.get(objective, "gray")
        if line:
            axes.plot(*zip(*line, strict=True), linestyle=style, marker=".", color=color)
        else:
            axes.axhline(
                next(p.accuracy for p in points if p.objective == objective), linestyle=style, color=color, lw=1
            )


def main() -> None:
    """Write the plot."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(2, len(DATA), sharey="col")
    for column, name in enumerate(DATA):
        rows = read_rows(REPORT, name)
        for line, (points_of, label) in enumerate(
            ((by_minutes, "minutes of pretraining"), (by_amount, "% of the text, 600 steps"))
        ):
            axes = panels[line, column]
            for labels, style in STYLES.items():
                draw(axes, points_of(rows, labels), style)
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(ScalarFormatter())
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_xticks([1, 3, 10, 30, 60] if line == 0 else [1, 10, 100])
            axes.set_xlabel(label)
            axes.grid(axis="y", alpha=0.3)
        panels[0, column].set_title(TITLES[name])
        panels[0, column].set_ylabel("accuracy, %")
        panels[1, column].set_ylabel("accuracy, %")
    names = [*COLORS, UNTRAINED]
    handles = [Line2D([], [], color=COLORS.get(name, "gray"), label=name) for name in names]
    handles += [Line2D([], [], color="black", linestyle=style, label=name) for name, style in STYLES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    with atomic_write(IMAGE, "wb") as file:
        figure.savefig(file, format="png", dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
