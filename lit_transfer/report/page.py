"""The values of the page: charts of the epochs, and tables with formatted cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lit_transfer.html.charts import Chart, Point, Series, line_chart
from lit_transfer.report.record import RunRecord, TestOutcome

# Columns of the epochs that have charts: their names, their factor, the title, and that of the axis.
SCORES = (("val_accuracy", "val_f1"), 100.0, "scores on the validation texts", "%")
LOSSES = (("train_loss", "val_loss"), 1.0, "loss", "loss")


def values(report: RunRecord) -> dict[str, Any]:
    """Return the values of the template's variables."""
    return {
        "report": report,
        "columns": columns(report),
        "rows": rows(report),
        "charts": charts(report),
        "confusion": [] if report.test is None else shares(report.test),
        "calibration": [] if report.test is None else [_reliability(each) for each in report.test.calibration],
    }


def columns(report: RunRecord) -> list[str]:
    """Return the columns of the table of epochs: those that some epoch has."""
    names = dict.fromkeys(name for epoch in report.epochs for name in epoch)
    rates = [name for name in report.groups if name in names and not _is_constant(report, name)]
    first = [name for name in ("epoch", "train_loss", "val_loss", "val_accuracy", "val_f1") if name in names]
    others = [name for name in names if name.startswith("val_") and name not in first]
    return [*first, *others, *rates, *(["seconds"] if "seconds" in names else [])]


def _is_constant(report: RunRecord, name: str) -> bool:
    return len({epoch.get(name) for epoch in report.epochs}) < 2


def rows(report: RunRecord) -> list[tuple[list[str], bool]]:
    """Return the cells of each epoch, and whether it is the best one."""
    names, best = columns(report), best_epoch(report)
    return [([cell(name, epoch.get(name)) for name in names], epoch["epoch"] == best) for epoch in report.epochs]


def best_epoch(report: RunRecord) -> float | None:
    """Return the epoch with the best value of the monitored metric, the first one of equal ones."""
    monitor = str(report.best.get("monitor"))
    known = [epoch for epoch in report.epochs if epoch.get(monitor) is not None]
    if not known:
        return None
    choose = max if report.best.get("mode") == "max" else min
    return choose(known, key=lambda epoch: epoch[monitor])["epoch"]


def cell(name: str, value: float | None) -> str:
    """Return the text of a value of an epoch."""
    if value is None:
        return ""
    if name == "epoch":
        return f"{value:.0f}"
    if name == "seconds":
        return f"{value:.1f}"
    if name in ("train_loss", "val_loss"):
        return f"{value:.3f}"
    return f"{100 * value:.1f} %" if name.startswith("val_") else f"{value:.3g}"


def charts(report: RunRecord) -> list[Chart]:
    """Return the charts by epoch; a single epoch has none."""
    rates = (
        tuple(name for name in report.groups if not _is_constant(report, name)),
        1.0,
        "learning rates",
        "learning rate",
    )
    drawn = [_chart(report.epochs, *what) for what in (SCORES, LOSSES, rates)]
    return [chart for chart in drawn if chart is not None]


def _chart(
    epochs: Sequence[Mapping[str, float]], names: Sequence[str], factor: float, title: str, unit: str
) -> Chart | None:
    series = []
    for number, name in enumerate(names):
        points = [
            Point(
                epoch["epoch"],
                factor * epoch[name],
                note=f"{name}, epoch {epoch['epoch']:.0f}: {cell(name, epoch[name])}",
            )
            for epoch in epochs
            if epoch.get(name) is not None
        ]
        if len(points) > 1:
            series.append(Series(name, number, points))
    if not series:
        return None
    last = int(max(point.x for one in series for point in one.points))
    ticks = [(float(x), str(x)) for x in range(0, last + 1, max(last // 10, 1))]
    return line_chart(
        series,
        title=f"{title} by epoch",
        x_title="epoch",
        y_title=unit,
        x_ticks=ticks,
        scale=float,
        percent=factor == 100,
    )


def shares(test: TestOutcome) -> list[list[tuple[int, float]]]:
    """Return the counts of the confusion matrix, and their shares of the true class."""
    return [[(count, count / max(sum(row), 1)) for count in row] for row in test.confusion or ()]


def _reliability(one: Mapping[str, Any]) -> dict[str, Any]:
    points = []
    for each in one["bins"]:
        if each["count"]:
            note = f"{each['count']:,} texts: confidence {each['confidence']:.1%}, accuracy {each['accuracy']:.1%}"
            points.append(Point(100 * each["confidence"], 100 * each["accuracy"], note=note))
    if len(points) < 2:
        return {**one, "chart": None}
    ends = [Point(each.x, each.x) for each in (points[0], points[-1])]
    series = [Series("accuracy", 0, points), Series("perfect", 6, ends)]
    ticks = [(float(x), str(x)) for x in range(0, 101, 20) if points[0].x - 10 <= x]
    title = f"accuracy by confidence, {one['name']}"
    chart = line_chart(series, title=title, x_title="confidence, %", y_title="accuracy, %", x_ticks=ticks, scale=float)
    return {**one, "chart": chart}
