"""Summaries of the methods at each training size, as the terminal and the page show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.statistics import Interval, seed_interval
from lit_transfer.compare.methods import Method
from lit_transfer.compare.plan import Plan, RunSpec
from lit_transfer.compare.scores import NAMES
from lit_transfer.compare.wording import number, size_on_disk


class Line(NamedTuple):
    """Summary of a method at one training size, over its seeds.

    Attributes:
        method: The method.
        train_size: Number of training texts.
        score: The compared metric of all test texts together, as in the verdict, with its 95 % interval over seeds, 0 to 1.
        figures: Mean of each metric with its interval, by name.
        trainable: Mean number of trainable parameters.
        seconds: Mean training time in seconds.
        size: Mean size on disk in bytes.
        speed: Mean number of texts per second at prediction.
        drift: Mean cosine between the embedding and its initial values; None if it is not trained.
        coverage: Share of the training tokens that have a vector, 0 to 1; None without vectors.
        f1_per_class: Mean F1 by class name.
    """

    method: Method
    train_size: int
    score: Interval
    figures: dict[str, Interval]
    trainable: float
    seconds: float
    size: float
    speed: float
    drift: float | None
    coverage: float | None
    f1_per_class: dict[str, float]


def lines_of(
    rows: Sequence[tuple[RunSpec, Mapping[str, Any]]], outcomes: Mapping[int, Sequence[Outcome]]
) -> list[Line]:
    """Return a line for each method at each training size, small sizes first."""
    lines = []
    for size in sorted(outcomes):
        for outcome in outcomes[size]:
            method = outcome.method
            mine = [row for run, row in rows if run.method == method and row["train_size"] == size]
            lines.append(
                Line(
                    method,
                    size,
                    seed_interval(outcome.by_seed, outcome.score),
                    {name: seed_interval([row[name] for row in mine]) for name in NAMES if name in mine[0]},
                    _mean(mine, "trainable_parameters") or 0.0,
                    float(np.mean([row["seconds"] for row in mine])),
                    _mean(mine, "size_bytes") or 0.0,
                    _mean(mine, "predict_texts_per_second") or 0.0,
                    _mean(mine, "drift_cosine"),
                    _mean(mine, "coverage_tokens") if method.pretrained else None,
                    {
                        name: float(np.mean([row["f1_per_class"][name] for row in mine]))
                        for name in mine[0]["f1_per_class"]
                    },
                )
            )
    return lines


def costs_of(lines: Sequence[Line]) -> dict[int, dict[str, Cost]]:
    """Return the cost of each method, by training size and name."""
    costs: dict[int, dict[str, Cost]] = {}
    for line in lines:
        costs.setdefault(line.train_size, {})[line.method.name] = Cost(line.seconds, 1 / max(line.speed, 1e-9))
    return costs


def _mean(rows: Sequence[Mapping[str, Any]], name: str) -> float | None:
    values = [row[name] for row in rows if row.get(name) is not None]
    return float(np.mean(values)) if values else None


Column = tuple[str, Callable[[Line], str]]


def columns_of(plan: Plan) -> list[Column]:
    """Return the heading of each column, and the function that formats its cells; the compared metric is the first."""

    def column(name: str) -> Column:
        return f"{NAMES[name]} %", lambda line: percent(line.figures[name])

    return [
        (f"{NAMES[plan.metric]} %", lambda line: percent(line.score)),
        *(column(name) for name in plan.shown if name != plan.metric),
        ("trainable", lambda line: number(line.trainable)),
        ("size", lambda line: size_on_disk(line.size)),
        ("seconds", lambda line: f"{line.seconds:,.1f}"),
        ("texts/s", lambda line: number(line.speed)),
        ("drift", lambda line: "–" if line.drift is None else f"{1 - line.drift:.1e}"),
    ]


def percent(interval: Interval) -> str:
    """Format a mean in percent with half its interval, such as "81.2 ± 1.1"."""
    half = max(interval.high - interval.mean, interval.mean - interval.low)
    return f"{100 * interval.mean:.1f}" if np.isnan(half) else f"{100 * interval.mean:.1f} ± {100 * half:.1f}"
