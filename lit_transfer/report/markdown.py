"""The report of a run as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from lit_transfer.report.page import columns, rows
from lit_transfer.report.record import RunRecord, TestOutcome


def markdown(report: RunRecord) -> str:
    """Return the report as Markdown, in the order of the page."""
    lines = [f"# {report.name}", ""]
    if report.test is not None and "accuracy" in report.test.metrics:
        low, high = report.test.interval or (None, None)
        between = (
            "" if low is None else f", with 95% certainty between {low:.1%} and {high:.1%} on all texts of this kind"
        )
        lines.append(
            f"Test {report.test.accuracy} {report.test.metrics['accuracy']:.1%} on {report.test.texts:,} texts{between}."
        )
    if report.folds:
        lines.append(f"On folds: {report.folds}.")
    if report.best:
        score = f", {report.best['monitor']} {report.best['score']:.4f}" if "monitor" in report.best else ""
        lines.append(f"Checkpoint `{report.best['checkpoint']}`{score}.")
    if report.commands:
        lines += ["", "## What next", "", "```bash"]
        lines += [line for what, command in report.commands for line in (f"# {what}", command)]
        lines.append("```")
    if report.warnings:
        lines += ["", "## Warnings", "", *(f"- {_plain(warning)}" for warning in report.warnings)]
    if report.test is not None:
        lines += _test(report.test)
    if report.epochs:
        lines += ["", "## Epochs", "", *_table(columns(report), [cells for cells, _ in rows(report)])]
    if report.drift is not None:
        drift = report.drift
        moved = f"{drift['moved']:.1%} of the rows changed, no value by more than {drift['largest']:.3g}"
        lines += [
            "",
            "## Drift of the embedding",
            "",
            f"Mean cosine to the initial vectors {drift['cosine']:.6f}, {moved}.",
        ]
    for title, summary in (("Model", report.model), ("Data", report.data)):
        if summary:
            lines += ["", f"## {title}", "", *_table(["", ""], summary)]
    if report.cost:
        cost = report.cost
        lines += ["", "## Time and memory", ""]
        lines.append(
            f"{cost['seconds']:.0f} s of training on {cost['device']}, {cost['peak_memory_mb']:,.0f} MB of memory."
        )
    if report.versions:
        lines += ["", report.versions]
    return "\n".join(lines) + "\n"


def _test(test: TestOutcome) -> list[str]:
    lines = [
        "",
        "## Test",
        "",
        *([f"**Note: {test.overlap}.**", ""] if test.overlap else []),
        *_table(["metric", "value"], [(name, f"{value:.4f}") for name, value in test.metrics.items()]),
    ]
    shares = ["precision", "recall", "f1", *test.further]
    classes = [
        (each["label"], f"{each['texts']:,}", *(f"{each[name]:.3f}" for name in shares)) for each in test.classes
    ]
    lines += ["", *_table(["class", "texts", "precision", "recall", "F1", *test.further], classes)]
    lines += ["", *(f"- {_plain(f'{name}: ' + (', '.join(pairs) or 'none'))}" for name, pairs in test.pairs.items())]
    if test.confusion is not None:
        names = [each["label"] for each in test.classes]
        counts = [[name, *map(str, row)] for name, row in zip(names, test.confusion, strict=True)]
        lines += ["", "Texts by true (rows) and predicted class (columns):", "", *_table(["true", *names], counts)]
    lines += ["", *(f"Expected calibration error {each['error']:.3f} {each['name']}." for each in test.calibration)]
    if test.examples:
        wrong = [
            (each["text"], each["label"], each["predicted"], f"{each['confidence']:.3f}") for each in test.examples
        ]
        lines += [
            "",
            "Errors with the highest confidence:",
            "",
            *_table(["text", "true", "predicted", "confidence"], wrong),
        ]
    return lines


def _table(names: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    head = [f"| {' | '.join(map(_plain, names))} |", "|" + "---|" * len(names)]
    return head + [f"| {' | '.join(map(_plain, row))} |" for row in cells]


def _plain(text: str) -> str:
    """Return a text on one line, in which nothing is markup of a table."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
