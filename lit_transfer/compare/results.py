"""The finished runs as a table: a row for each run, and a line for each way at each training size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.table import Table
from rich.text import Text

from lit_transfer.compare.plan import Run, Way
from lit_transfer.compare.statistics import Interval, seed_interval
from lit_transfer.compare.store import Store
from lit_transfer.compare.verdict import Outcome, Verdict

if TYPE_CHECKING:
    import pandas as pd

# Columns of results.csv that are whole numbers, also where some rows have none.
WHOLE = ("seed", "train_size", "epochs", "steps", "trainable_parameters", "frozen_parameters", "vocabulary")


class Line(NamedTuple):
    """One way at one training size, over its seeds.

    Attributes:
        way: the way.
        train_size: number of training texts.
        accuracy: mean and 95 % interval, 0 to 1.
        f1: likewise, macro F1.
        trainable: trainable parameters, mean; None for baselines.
        seconds: of training, mean.
        drift: mean cosine of the embedding to its start; None where it cannot move.
        coverage: share of the training text's running words that have a vector; None without vectors.
        f1_per_class: by the class's name, mean.
    """

    way: Way
    train_size: int
    accuracy: Interval
    f1: Interval
    trainable: float | None
    seconds: float
    drift: float | None
    coverage: float | None
    f1_per_class: dict[str, float]


def frame_of(runs: Sequence[Run], store: Store) -> pd.DataFrame:
    """A row for each run, in the order of the plan."""
    import pandas as pd

    rows = []
    for run in runs:
        row = store.row(run)
        row.pop("farthest", None)
        row |= {f"f1_{name}": value for name, value in row.pop("f1_per_class").items()}
        rows.append({"run": run.key, **row})
    frame = pd.DataFrame(rows)
    return frame.astype({name: "Int64" for name in WHOLE if name in frame})


def lines_of(runs: Sequence[Run], store: Store) -> list[Line]:
    """A line for each way at each training size, small sizes first."""
    grouped: dict[tuple[int, Way], list[dict[str, Any]]] = {}
    for run in runs:
        row = store.row(run)
        grouped.setdefault((row["train_size"], run.way), []).append(row)
    lines = []
    for (size, way), rows in sorted(grouped.items(), key=lambda item: item[0][0]):
        lines.append(
            Line(
                way,
                size,
                seed_interval([row["accuracy"] for row in rows]),
                seed_interval([row["f1"] for row in rows]),
                _mean(rows, "trainable_parameters"),
                float(np.mean([row["seconds"] for row in rows])),
                _mean(rows, "drift_cosine"),
                _mean(rows, "coverage_tokens") if way.vectors is not None else None,
                {name: float(np.mean([row["f1_per_class"][name] for row in rows])) for name in rows[0]["f1_per_class"]},
            )
        )
    return lines


def outcomes_of(runs: Sequence[Run], store: Store, labels: np.ndarray) -> dict[int, list[Outcome]]:
    """What each way predicted, by training size.

    Args:
        runs: finished ones.
        store: where they are.
        labels: the test texts' classes. *Shape:* `(texts,)`.
    """
    grouped: dict[tuple[int, Way], list[np.ndarray]] = {}
    for run in runs:  # seed by seed, so that rows of two ways belong to the same seed
        grouped.setdefault((store.row(run)["train_size"], run.way), []).append(store.predicted(run))
    outcomes: dict[int, list[Outcome]] = {}
    for (size, way), parts in grouped.items():
        predicted = np.stack(parts)
        outcomes.setdefault(size, []).append(Outcome(way, predicted, predicted == labels))
    return outcomes


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None


# Heading, and how a line's cell reads.
COLUMNS: list[tuple[str, Any]] = [
    ("accuracy %", lambda line: percent_interval(line.accuracy)),
    ("macro F1 %", lambda line: percent_interval(line.f1)),
    ("trainable", lambda line: "–" if line.trainable is None else f"{line.trainable:,.0f}"),
    ("seconds", lambda line: f"{line.seconds:,.1f}"),
    ("drift (cosine)", lambda line: "–" if line.drift is None else f"{line.drift:.4f}"),
]


def percent_interval(interval: Interval) -> str:
    """A mean and its interval in percent: "81.2 (80.1–82.3)"."""
    mean, low, high = (100 * value for value in interval)
    return f"{mean:.1f}" if np.isnan(low) else f"{mean:.1f} ({low:.1f}–{high:.1f})"


def terminal_table(lines: Sequence[Line], verdict: Verdict) -> Table:
    """The lines, a section for each training size; bold is the best, ≈ what is not shown to be worse."""
    table = Table("labels", "way", title="mean over seeds (95 % interval)", title_justify="left")
    for heading, _ in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for size in verdict.sizes:
        for i, line in enumerate(line for line in lines if line.train_size == size.train_size):
            name = line.way.name
            best = name == size.best
            mark = " ≈" if name in size.rivals and not best else ""
            cells = [f"{size.train_size:,}" if i == 0 else "", name + mark, *(cell(line) for _, cell in COLUMNS)]
            table.add_row(*map(Text, cells), style="bold" if best else "")
        table.add_section()
    return table
