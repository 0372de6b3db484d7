"""The self-contained page `report.html`: recommendation, evidence, and settings for reproduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from lit_transfer.compare.evidence.outcome import TEXTS_PREDICTED
from lit_transfer.compare.evidence.verdict import SLOW, VECTORS, SizeVerdict
from lit_transfer.compare.lines import columns_of
from lit_transfer.compare.page.advice import command, heading
from lit_transfer.compare.page.details import classes, coverage, disputed, words
from lit_transfer.compare.results import Results
from lit_transfer.compare.scores import NAMES
from lit_transfer.compare.wording import number, points
from lit_transfer.html import write_page
from lit_transfer.html.charts import Chart, Point, Series, interval_chart, line_chart
from lit_transfer.report.versions import library_versions, machine

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
# Status of a method in the tables.
RECOMMENDED, PERHAPS, WORSE, GUESSING = "recommended", "perhaps as good as the best", "certainly worse", "guessing"


def write_report(results: Results) -> None:
    """Write the page."""
    write_page(results.report, "compare/page/report.html.j2", **_context(results))


def _context(results: Results) -> dict[str, Any]:
    texts, verdict = results.texts, results.verdict
    return {
        "heading": heading(results),
        "advice": verdict.advice(),
        "reason": results.plan.reason,
        "command": command(results),
        "further": verdict.further(),
        "guess": _guess(verdict.last, results.plan.guess),
        "folds": texts.folds,
        "predicted": f"{TEXTS_PREDICTED:,}",
        "picture": _picture(results),
        "source": texts.source,
        "counts": {name: f"{count:,}" for name, count in texts.counts.items()},
        "tested": _tested(results),
        "metric": NAMES[results.plan.metric],
        "notes": verdict.notes,
        "smallest": points(verdict.last.smallest),
        "sizes": [_size(results, size) for size in reversed(verdict.sizes)],
        "vectors": _asked(results, VECTORS),
        "slow": _asked(results, SLOW),
        "outlooks": _outlooks(results),
        "speed": _speed(results),
        "headings": [heading for heading, _ in columns_of(results.plan)],
        "coverage": coverage(results),
        "classes": classes(results),
        "words": words(results),
        "texts": disputed(results),
        "configuration": yaml.safe_dump(
            _without_none(results.config.plain()), sort_keys=False, allow_unicode=True, width=100
        ),
        "versions": ", ".join(library_versions(LIBRARIES)),
        "machine": machine(),
        "last": verdict.last.label,
    }


def _tested(results: Results) -> str:
    """Return a description of the seeds and texts that the scores are averages over."""
    texts, seeds = results.texts, max(size.seeds for size in results.verdict.sizes)
    counted = f"{seeds} seed{'s' * (seeds != 1)}"
    if texts.folds is None:
        return f"{counted} on the same {len(texts.test):,} test texts"
    known = f"all {len(texts.test):,} texts are test texts"
    if seeds < texts.folds:
        outcomes = results.outcomes[results.verdict.last.train_size]
        tested = max(0 if each.tested is None else int(each.tested.any(axis=0).sum()) for each in outcomes)
        known = f"{tested:,} of {len(texts.test):,} texts are test texts; with {texts.folds} seeds all would be"
    return f"{counted}, each tested on another of {texts.folds} folds ({known})"


def _guess(size: SizeVerdict, guess: str) -> str:
    """Return a sentence on the majority baseline, which would stretch the axes of the charts."""
    if size.guess is None:
        return ""
    return f"Always {guess} has {100 * size.scores[size.guess]:.1f} %."


def _picture(results: Results) -> Chart:
    """Return the learning curves; with one training size, the differences from the recommended method."""
    verdict = results.verdict
    if len(verdict.sizes) == 1:
        return _intervals(verdict.last, verdict.recommended)
    return line_chart(
        _series(results, "train_size", verdict.sizes),
        title=f"{NAMES[results.plan.metric]} by number of labels",
        x_title="training labels",
        y_title=f"{NAMES[results.plan.metric]}, %",
        x_ticks=[(size.train_size, f"{size.train_size:,}") for size in verdict.sizes],
    )


def _series(results: Results, axis: str, sizes: Sequence[SizeVerdict]) -> list[Series]:
    """Return a series for each method, with a point for each training size."""
    label = {size.train_size: size.label for size in sizes}
    found = []
    for place, method in enumerate(results.plan.methods):
        if method.name == results.verdict.last.guess:
            continue
        points = []
        for line in results.lines:
            if line.method == method and line.train_size in label:
                mean, low, high = (100 * share for share in line.score)
                note = f"{method.name}, {label[line.train_size]}: {mean:.1f} %"
                points.append(Point(max(getattr(line, axis), 1e-3), mean, low, high, note))
        found.append(Series(method.name, place, points, method.name == results.verdict.recommended))
    return found


def _intervals(size: SizeVerdict, reference: str) -> Chart:
    """Return a chart of the differences of the other methods from the recommended or the best one."""
    rows = []
    for pair in size.against(reference):
        if pair.first == size.guess:
            continue
        difference = pair.difference
        low, high = (100 * difference.low, 100 * difference.high) if pair.testable else (float("nan"),) * 2
        positive = pair if difference.mean > 0 else pair.turned()
        point = Point(1, 100 * difference.mean, low, high, positive.sentence(size.seeds))
        rows.append((pair.first, point, _style(size, pair.first)))
    return interval_chart(rows, title=f"Differences from {reference}", x_title=f"points from {reference}")


def decision(size: SizeVerdict, name: str) -> str:
    """Return the status of a method, by the significance of its difference from the best one."""
    if name == size.recommended:
        return RECOMMENDED
    if name == size.guess:
        return GUESSING
    return PERHAPS if name in size.rivals else WORSE


def _style(size: SizeVerdict, name: str) -> str:
    if name == size.recommended:
        return "chosen"
    return "near" if name in size.rivals and name != size.guess else "far"


def _size(results: Results, size: SizeVerdict) -> dict[str, Any]:
    """Return the table of one training size: methods, differences from the best, and decisions."""
    pairs = {pair.second: pair for pair in size.against_best}
    lines = {line.method.name: line for line in results.lines if line.train_size == size.train_size}
    rows = []
    for name, score in size.scores.items():
        pair = pairs.get(name)
        rows.append(
            {
                "name": name,
                "score": f"{100 * score:.1f}",
                "loss": f"{100 * size.losses[name]:.1f}",
                "lead": "the best" if pair is None else points(-pair.difference.mean),
                "interval": "" if pair is None or not pair.testable else pair.turned().interval(),
                "decision": decision(size, name),
                "need": "" if pair is None or pair.shown else pair.need(size.seeds),
                "cells": [cell(lines[name]) for _, cell in columns_of(results.plan)],
            }
        )
    return {"label": size.label, "best": size.best, "rows": rows, "chart": _intervals(size, size.best)}


def _asked(results: Results, question: str) -> list[dict[str, Any]]:
    """Return the pairs that answer a question, for each training size."""
    found = []
    for size in reversed(results.verdict.sizes):
        for pair in size.pairs:
            if question in pair.questions:
                turn = question == VECTORS and results.plan.method(pair.first).from_random
                with_vectors = pair.turned() if turn else pair
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


def _outlooks(results: Results) -> list[dict[str, Any]]:
    verdict = results.verdict
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


def _speed(results: Results) -> Chart:
    """Return the score against the speed of prediction, with the most labels."""
    series = _series(results, "speed", [results.verdict.last])
    speeds = [point.x for one in series for point in one.points]
    ticks = [
        (10.0**power, number(10.0**power)) for power in range(-3, 9) if min(speeds) / 3 < 10.0**power < max(speeds) * 3
    ]
    return line_chart(
        series,
        title=f"{NAMES[results.plan.metric]} against speed",
        x_title="texts per second at prediction",
        y_title=f"{NAMES[results.plan.metric]}, %",
        x_ticks=ticks or [(speeds[0], number(speeds[0]))],
    )


def _without_none(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration without null values, except in lists and where null is not the default."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if value is not None or key == "folds"
    }
