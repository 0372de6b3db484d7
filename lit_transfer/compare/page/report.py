"""The self-contained page `report.html`: recommendation, evidence, and settings for reproduction."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.recommendation import Verdict
from lit_transfer.compare.evidence.verdict import SLOW, VECTORS, SizeVerdict
from lit_transfer.compare.page.details import Contents, classes, coverage, texts, words
from lit_transfer.compare.plan import Run
from lit_transfer.compare.results import COLUMNS, Line
from lit_transfer.compare.store import Store
from lit_transfer.compare.wording import number, points
from lit_transfer.data.corpus import SPLITS
from lit_transfer.datamodule import TextDataModule
from lit_transfer.html import write_page
from lit_transfer.html.charts import Chart, Point, Series, interval_chart, line_chart

# Libraries whose versions may affect the results.
LIBRARIES = (
    "lit_transfer",
    "torch",
    "lightning",
    "torchmetrics",
    "numpy",
    "scipy",
    "scikit-learn",
    "fasttext-community",
    "model2vec",
    "sentence-transformers",
)
# Decisions about a way compared with the best; one that is worse, but not by a relevant difference, adds how much.
RECOMMENDED, AS_GOOD, WORSE, GUESSING = "recommended", "not shown to be worse", "worse", "guessing"


def write_report(
    path: Path,
    config: Configuration,
    data: TextDataModule,
    runs: Sequence[Run],
    store: Store,
    lines: Sequence[Line],
    outcomes: Mapping[int, Sequence[Outcome]],
    verdict: Verdict,
) -> None:
    """Write the page.

    Args:
        path: File to write.
        config: Configuration of the comparison.
        data: Data module with the texts.
        runs: All finished runs.
        store: Store of the runs.
        lines: Summary of each way at each training size.
        outcomes: Outcomes of the ways by training size.
        verdict: The verdict.
    """
    contents = Contents(config, data, [(run, store.row(run)) for run in runs], lines, outcomes, verdict)
    write_page(path, "compare/page/report.html.j2", **_context(contents))


def _context(contents: Contents) -> dict[str, Any]:
    data, verdict = contents.data, contents.verdict
    answer = verdict.answer()
    first = len([verdict.reason]) if verdict.reason else 0
    return {
        "answer": [answer[first], *answer[:first], *answer[first + 1 :]],
        "picture": _picture(contents),
        "source": data.split("train").source,
        "counts": {name: f"{len(data.split(name)):,}" for name in SPLITS},
        "labels": ", ".join(data.labels),
        "seeds": max(size.seeds for size in verdict.sizes),
        "metric": contents.metric,
        "notes": verdict.notes,
        "smallest": points(verdict.last.smallest),
        "sizes": [_size(contents, size) for size in reversed(verdict.sizes)],
        "vectors": _asked(contents, VECTORS),
        "slow": _asked(contents, SLOW),
        "outlooks": _outlooks(contents),
        "speed": _speed(contents),
        "headings": [heading for heading, _ in COLUMNS],
        "coverage": coverage(contents),
        "classes": classes(contents),
        "words": words(contents),
        "texts": texts(contents),
        "configuration": yaml.safe_dump(
            _without_none(contents.config.plain()), sort_keys=False, allow_unicode=True, width=100
        ),
        "versions": ", ".join(_versions()),
        "machine": f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "last": verdict.last.label,
    }


def _picture(contents: Contents) -> Chart:
    """Return the learning curves; with one training size, the differences from the best."""
    verdict = contents.verdict
    if len(verdict.sizes) == 1:
        return _intervals(contents, verdict.last)
    return line_chart(
        _series(contents, "train_size"),
        title=f"{contents.metric} by number of labels",
        x_title="training labels",
        y_title=f"{contents.metric}, %",
        x_ticks=[(size.train_size, f"{size.train_size:,}") for size in verdict.sizes],
    )


def _series(contents: Contents, axis: str, sizes: Sequence[SizeVerdict] | None = None) -> list[Series]:
    found = []
    for name, place in contents.numbers.items():
        placed = []
        for line in contents.lines:
            if line.way.name != name or (sizes is not None and line.train_size not in [s.train_size for s in sizes]):
                continue
            size = next(size for size in contents.verdict.sizes if size.train_size == line.train_size)
            score = 100 * size.scores[name]
            interval = (100 * line.accuracy.low, 100 * line.accuracy.high)
            low, high = interval if contents.verdict.metric == "accuracy" else (float("nan"), float("nan"))
            note = f"{name}, {size.label}: {score:.1f} %"
            placed.append(Point(max(getattr(line, axis), 1e-3), score, low, high, note))
        found.append(Series(name, place, placed, name == contents.verdict.recommended))
    return found


def _intervals(contents: Contents, size: SizeVerdict) -> Chart:
    """Return a chart of the differences between the best way and the others."""
    rows = []
    for pair in size.against_best:
        turned = pair.turned()
        low, high = (
            (100 * turned.difference.low, 100 * turned.difference.high) if pair.testable else (float("nan"),) * 2
        )
        point = Point(1, 100 * turned.difference.mean, low, high, pair.sentence(size.seeds))
        rows.append((pair.second, point, _style(size, pair.second)))
    return interval_chart(rows, title=f"Differences from {size.best}", x_title=f"points from {size.best}")


def _decision(size: SizeVerdict, name: str) -> str:
    if name == size.recommended:
        return RECOMMENDED
    if name == size.guess:
        return GUESSING
    if name in size.rivals:
        return AS_GOOD
    return f"{WORSE}, perhaps by less than {points(size.smallest)} points" if name in size.candidates else WORSE


def _style(size: SizeVerdict, name: str) -> str:
    if name == size.recommended:
        return "chosen"
    return "near" if name in size.candidates and name != size.guess else "far"


def _size(contents: Contents, size: SizeVerdict) -> dict[str, Any]:
    """Return the table of one training size: ways, differences from the best, and decisions."""
    pairs = {pair.second: pair for pair in size.against_best}
    lines = {line.way.name: line for line in contents.lines if line.train_size == size.train_size}
    rows = []
    for name, score in size.scores.items():
        pair = pairs.get(name)
        rows.append(
            {
                "name": name,
                "score": f"{100 * score:.1f}",
                "lead": "the best" if pair is None else points(-pair.difference.mean),
                "interval": "" if pair is None or not pair.testable else pair.turned().interval(),
                "decision": _decision(size, name),
                "need": "" if pair is None or pair.shown else pair.need(size.seeds),
                "cells": [cell(lines[name]) for _, cell in COLUMNS],
            }
        )
    return {"label": size.label, "best": size.best, "rows": rows, "chart": _intervals(contents, size)}


def _asked(contents: Contents, question: str) -> list[dict[str, Any]]:
    """Return the pairs that answer a question, for each training size."""
    found = []
    for size in reversed(contents.verdict.sizes):
        for pair in size.pairs:
            if question in pair.questions:
                with_vectors = pair.turned() if question == VECTORS and pair.first == "random" else pair
                found.append(
                    {
                        "label": size.label,
                        "first": with_vectors.first,
                        "second": with_vectors.second,
                        "mean": points(with_vectors.difference.mean, sign=True),
                        "interval": with_vectors.interval() if pair.testable else "",
                        "shown": pair.shown,
                        "need": "" if pair.shown else pair.need(size.seeds),
                        "same": f"{100 * pair.same:.1f} %",
                    }
                )
    return found


def _outlooks(contents: Contents) -> list[dict[str, Any]]:
    verdict = contents.verdict
    return [
        {
            "name": name,
            "now": f"{100 * verdict.last.scores[name]:.1f}",
            "later": [
                (f"{o.train_size:,}", f"{100 * o.middle:.1f}", f"{100 * o.low:.1f} to {100 * o.high:.1f}")
                for o in found
            ],
        }
        for name, found in verdict.outlooks.items()
        if name in verdict.last.scores
    ]


def _speed(contents: Contents) -> Chart:
    """Return the score against the speed of prediction, with the most labels."""
    series = _series(contents, "speed", [contents.verdict.last])
    speeds = [point.x for one in series for point in one.points]
    ticks = [
        (10.0**power, number(10.0**power)) for power in range(-3, 9) if min(speeds) / 3 < 10.0**power < max(speeds) * 3
    ]
    return line_chart(
        series,
        title=f"{contents.metric} against speed",
        x_title="texts per second at prediction",
        y_title=f"{contents.metric}, %",
        x_ticks=ticks or [(speeds[0], number(speeds[0]))],
    )


def _versions() -> list[str]:
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _without_none(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration without null values, except in lists."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if value is not None
    }
