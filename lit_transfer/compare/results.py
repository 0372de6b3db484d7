"""Tables of results: a row per run, and a line per way and training size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.recommendation import Verdict
from lit_transfer.compare.evidence.statistics import Interval, seed_interval
from lit_transfer.compare.plan import Run, Way
from lit_transfer.compare.scores import scores_of
from lit_transfer.compare.store import Store
from lit_transfer.compare.wording import number, size_on_disk
from lit_transfer.console import printable

if TYPE_CHECKING:
    import pandas as pd

# Integer columns of results.csv, some of which have missing values.
WHOLE = (
    "seed",
    "train_size",
    "epochs",
    "steps",
    "trainable_parameters",
    "frozen_parameters",
    "vocabulary",
    "size_bytes",
)

# Columns that are not numbers.
LISTS = ("farthest", "missing")


class Line(NamedTuple):
    """Summary of a way at one training size, over its seeds.

    Attributes:
        way: The way.
        train_size: Number of training texts.
        accuracy: Mean accuracy with its 95 % interval, 0 to 1.
        f1: Mean macro F1 with its 95 % interval, 0 to 1.
        trainable: Mean number of trainable parameters.
        seconds: Mean training time in seconds.
        size: Mean size on disk in bytes.
        speed: Mean number of texts per second at prediction.
        drift: Mean cosine between the embedding and its initial values; None if it is not trained.
        coverage: Share of the training tokens that have a vector, 0 to 1; None without vectors.
        f1_per_class: Mean F1 by class name.
    """

    way: Way
    train_size: int
    accuracy: Interval
    f1: Interval
    trainable: float
    seconds: float
    size: float
    speed: float
    drift: float | None
    coverage: float | None
    f1_per_class: dict[str, float]


def frame_of(runs: Sequence[Run], store: Store) -> pd.DataFrame:
    """Return a data frame with a row for each run, in the order of the plan."""
    import pandas as pd

    rows = []
    for run in runs:
        row = store.row(run)
        for name in LISTS:
            row.pop(name, None)
        row |= {f"f1_{name}": value for name, value in row.pop("f1_per_class").items()}
        rows.append({"run": run.key, **row})
    frame = pd.DataFrame(rows)
    return frame.astype({name: "Int64" for name in WHOLE if name in frame})


def lines_of(runs: Sequence[Run], store: Store) -> list[Line]:
    """Return a line for each way at each training size, small sizes first."""
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
                _mean(rows, "trainable_parameters") or 0.0,
                float(np.mean([row["seconds"] for row in rows])),
                _mean(rows, "size_bytes") or 0.0,
                _mean(rows, "predict_texts_per_second") or 0.0,
                _mean(rows, "drift_cosine"),
                _mean(rows, "coverage_tokens") if way.pretrained else None,
                {name: float(np.mean([row["f1_per_class"][name] for row in rows])) for name in rows[0]["f1_per_class"]},
            )
        )
    return lines


def costs_of(lines: Sequence[Line]) -> dict[int, dict[str, Cost]]:
    """Return the cost of each way, by training size and name."""
    costs: dict[int, dict[str, Cost]] = {}
    for line in lines:
        costs.setdefault(line.train_size, {})[line.way.name] = Cost(line.trainable, line.seconds, line.size)
    return costs


def outcomes_of(
    runs: Sequence[Run], store: Store, labels: np.ndarray, metric: str = "accuracy"
) -> dict[int, list[Outcome]]:
    """Return the outcomes of the ways by training size.

    Args:
        runs: Finished runs.
        store: Store of the runs.
        labels: Class indices of the test texts. *Shape:* `(texts,)`.
        metric: Metric to compare.
    """
    grouped: dict[tuple[int, Way], list[np.ndarray]] = {}
    for run in runs:  # ordered by seed, so that rows of different ways correspond
        grouped.setdefault((store.row(run)["train_size"], run.way), []).append(store.predicted(run))
    outcomes: dict[int, list[Outcome]] = {}
    for (size, way), parts in grouped.items():
        predicted = np.stack(parts)
        scores = None if metric == "accuracy" else scores_of(metric, predicted, labels)
        outcomes.setdefault(size, []).append(Outcome(way, predicted, predicted == labels, scores))
    return outcomes


def _mean(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None


# Heading of each column, and the function that formats its cells.
COLUMNS: list[tuple[str, Callable[[Line], str]]] = [
    ("accuracy %", lambda line: percent(line.accuracy)),
    ("macro F1 %", lambda line: percent(line.f1)),
    ("trainable", lambda line: number(line.trainable)),
    ("size", lambda line: size_on_disk(line.size)),
    ("seconds", lambda line: f"{line.seconds:,.1f}"),
    ("texts/s", lambda line: number(line.speed)),
    ("drift", lambda line: "–" if line.drift is None else f"{1 - line.drift:.1e}"),
]
CAPTION = (
    "Means over seeds, with half the 95 % interval. Drift: 1 - cosine between the embedding and its initial values. Bold: "
    "recommended; ≈: not shown to be worse than the best."
)


def percent(interval: Interval) -> str:
    """Format a mean in percent with half its interval, such as "81.2 ± 1.1"."""
    half = max(interval.high - interval.mean, interval.mean - interval.low)
    return f"{100 * interval.mean:.1f}" if np.isnan(half) else f"{100 * interval.mean:.1f} ± {100 * half:.1f}"


def terminal_table(lines: Sequence[Line], verdict: Verdict, width: int = 100) -> Table:
    """Return the lines as a table with a section for each training size.

    Args:
        lines: Summary of each way at each training size.
        verdict: The verdict, for highlighting.
        width: Width of the terminal; the last columns are omitted if it is narrow.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=CAPTION, caption_justify="left")
    table.add_column("labels", no_wrap=True)
    table.add_column("way", no_wrap=True)
    left = width - 10 - max((len(line.way.name) + 3 for line in lines), default=0)
    shown = []
    for heading, cell in COLUMNS:
        left -= max(len(heading), *(len(cell(line)) for line in lines)) + 1
        if left >= 0:
            shown.append(cell)
            table.add_column(heading, justify="right", no_wrap=True)
    for size in verdict.sizes:
        for i, line in enumerate(line for line in lines if line.train_size == size.train_size):
            name = line.way.name
            mark = " ≈" if name in size.rivals and name != size.best else ""
            cells = [f"{size.train_size:,}" if i == 0 else "", name + mark, *(cell(line) for cell in shown)]
            table.add_row(*(Text(printable(text)) for text in cells), style="bold" if name == size.recommended else "")
        table.add_section()
    return table
