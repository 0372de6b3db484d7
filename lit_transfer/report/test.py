"""The report of a test: scores, classes, confusions, calibration and errors, beside the tested checkpoint."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, Trainer
from rich.table import Table
from rich.text import Text

from lit_transfer.console import console, print_commands, print_line, print_summary
from lit_transfer.data.texts import overlap_message
from lit_transfer.errors import warn
from lit_transfer.escaping import printable
from lit_transfer.files import atomic_write, is_address
from lit_transfer.report.fit import run_folder
from lit_transfer.report.next_steps import after_test
from lit_transfer.report.record import TestOutcome
from lit_transfer.report.run import RunReport
from lit_transfer.report.versions import versions
from lit_transfer.tasks import Task
from lit_transfer.tasks.bounds import accuracy_interval
from lit_transfer.tasks.calibration import Reliability
from lit_transfer.tasks.scores import ClassCounts
from lit_transfer.tasks.task import threshold_of_classes
from lit_transfer.training.plots import plot_confusion, plot_reliability
from lit_transfer.training.tasks import TestResults

# Maximum number of classes in the table on the terminal and in the report, and in the picture of the confusion matrix.
MOST_SHOWN, MOST_PLOTTED = 60, 100
# Largest confusion matrix in the report; number of texts that are searched for errors, and of errors that are shown.
MOST_CONFUSED, SEARCHED, SHOWN = 30, 2000, 10
# Increase of the calibration error by the temperature that is worth a warning.
NOTABLE_ERROR = 0.01
# Number of pairs of classes to show; and standard deviations beyond which a class's number of texts is unexpected.
MOST_PAIRS, SURELY_OFF = 8, 4.0


class TestReport(Callback):
    """Callback that shows precision, recall and F1 of each class, and writes plots and the report.

    `report` is the result. Its page, JSON and Markdown are written beside the checkpoint, together with the report of
    `fit`, and the plots to the folder of the run. If `show` is False, nothing is printed or plotted.
    """

    __test__ = False  # not a test of pytest

    def __init__(self, show: bool = True) -> None:
        self.show = show
        self.report: RunReport | None = None
        self._started = self._seconds = 0.0
        self._folder = Path()
        self._results: TestResults | None = None

    def on_test_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Record the time."""
        self._started = time.perf_counter()

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Show the table, and write the plots."""
        folder = self._folder = run_folder(trainer)
        if not trainer.is_global_zero:
            return
        self._seconds = time.perf_counter() - self._started
        results: TestResults = pl_module.test_results
        task: Task = pl_module.preprocessing.task
        self._results = results
        if not self.show:
            return
        print_summary([(f"test_{name}", f"{value:.4f}") for name, value in results.figures.items()])
        _print_interval(task, results)
        _print_overlap(trainer, pl_module, "test")
        show_classes(results.counts, task.classes, folder / "classes.csv", further_columns(pl_module, results))
        if task.several:
            report_sets(task, results, folder / "confusions.csv")
        else:
            report_confusion(task, results, folder / "confusion_matrix.png")
        report_calibration(folder / "reliability.png", results, pl_module.temperature)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Print how many of the texts the model was trained on, in `validate`."""
        if trainer.state.fn == "validate" and trainer.is_global_zero and self.show:
            _print_overlap(trainer, pl_module, "val")

    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Write the report, once the trainer's loop has ended, so that the model can be used."""
        results, self._results = self._results, None
        if results is None:
            return
        task: Task = pl_module.preprocessing.task
        checkpoint = "" if trainer.ckpt_path is None else str(trainer.ckpt_path)
        beside = self._folder
        if checkpoint and not is_address(checkpoint):
            checkpoint = os.path.relpath(checkpoint)
            if os.access(Path(checkpoint).absolute().parent, os.W_OK):
                beside = Path(checkpoint).absolute().parent
        data: Any = getattr(trainer, "datamodule", None)
        known = RunReport.read(beside) or RunReport(name=os.path.relpath(self._folder), versions=versions())
        outcome = TestOutcome(
            checkpoint=checkpoint,
            texts=int(results.counts.totals[0]),
            metrics=results.figures,
            classes=class_rows(results.counts, task.classes, further_columns(pl_module, results)),
            confusion=confusion_of(task, results),
            calibration=calibration_of(results, pl_module.temperature),
            examples=errors_of(pl_module, data),
            seconds=self._seconds,
            overlap=overlap_of(pl_module, data, "test"),
            interval=_interval(results),
            accuracy=task.accuracy,
            pairs=frequent_pairs(task, results) if task.several else {},
        )
        commands = after_test(checkpoint, data) if checkpoint else []
        self.report = replace(known, test=outcome, commands=commands)
        page = self.report.write(beside)
        if self.show:
            print_line("report", os.path.relpath(page))
            print_commands(commands)


def _interval(results: TestResults) -> tuple[float, float]:
    """Return the 95 % interval of the accuracy, 0 to 1; with several labels, of the share of whole sets of labels."""
    count, correct = map(int, results.counts.totals)
    return accuracy_interval(correct, count)


def _print_interval(task: Task, results: TestResults) -> None:
    count, correct = map(int, results.counts.totals)
    low, high = _interval(results)
    interval = f"with 95% certainty between {low:.1%} and {high:.1%} on all texts of this kind"
    print_line(task.accuracy, f"{correct / count:.1%} on {count:,} texts; {interval}")


def overlap_of(model: Any, data: Any, split: str) -> str:
    """Return a remark on texts of a split that the model was trained on; empty if there are none."""
    if not hasattr(data, "split"):
        return ""
    return overlap_message(model.seen_texts, data.split(split).texts, split) or ""


def _print_overlap(trainer: Trainer, model: Any, split: str) -> None:
    if overlap := overlap_of(model, getattr(trainer, "datamodule", None), split):
        print_line("training texts", overlap)


def further_columns(model: Any, results: TestResults) -> dict[str, np.ndarray]:
    """Return further columns of the table of classes, each *Shape:* `(num_classes,)`; empty for one label."""
    task: Task = model.preprocessing.task
    if not task.several:
        return {}
    columns = {"threshold": threshold_of_classes(model.calibration.get("threshold"), task.classes, 0.5)}
    return columns if results.average_precision is None else columns | {"AP": results.average_precision}


def class_rows(
    counts: ClassCounts, classes: Sequence[str], further: Mapping[str, np.ndarray] | None = None
) -> list[dict[str, Any]]:
    """Return precision, recall, F1 and further columns of each class; of many classes, the largest ones."""
    shown = range(len(classes)) if len(classes) <= MOST_SHOWN else np.argsort(-counts.true, kind="stable")[:MOST_SHOWN]
    columns = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1, **(further or {})}
    return [
        {"label": classes[i], "texts": int(counts.true[i]), **{name: float(one[i]) for name, one in columns.items()}}
        for i in map(int, shown)
    ]


def confusion_matrix(task: Task, results: TestResults) -> np.ndarray:
    """Return the number of texts by true class (rows) and decided class. *Shape:* `(num_classes, num_classes)`."""
    pairs, counts = task.confusions(results.decisions, results.targets)
    confusion = np.zeros((task.num_classes, task.num_classes), dtype=np.int64)
    confusion[tuple(pairs.T)] = counts
    return confusion


def confusion_of(task: Task, results: TestResults) -> list[list[int]] | None:
    """Return the confusion matrix of the report; None with more classes than a page shows, and with several labels."""
    if task.several or task.num_classes > MOST_CONFUSED:
        return None
    return confusion_matrix(task, results).tolist()


def calibration_of(results: TestResults, temperature: float) -> list[dict[str, Any]]:
    """Return the bins of the confidence by the name of the temperature, as plain values."""
    return [
        {
            "name": name,
            "error": one.error,
            "bins": [
                {"count": int(count), "confidence": float(confidence), "accuracy": float(accuracy)}
                for count, confidence, accuracy in zip(*one, strict=True)
            ],
        }
        for name, one in _by_temperature(results, temperature)
    ]


def _by_temperature(results: TestResults, temperature: float) -> list[tuple[str, Reliability]]:
    """Return the reliability before temperature scaling, and after it if there was one, by name."""
    before, after = results.reliability
    if temperature == 1.0:
        return [("at temperature 1", before)]
    return [("before temperature scaling", before), (f"at temperature {temperature:.2f}", after)]


def errors_of(model: Any, data: Any) -> list[dict[str, Any]]:
    """Return the errors with the highest confidence among the first test texts; none without a `TextDataModule`."""
    if not hasattr(data, "split"):
        return []
    split = data.split("test")
    texts = list(islice(split.texts, SEARCHED))
    task: Task = model.preprocessing.task
    truths = task.decode(np.asarray(split.labels[: len(texts)]))
    wrong = []
    for text, truth, prediction in zip(texts, truths, model.predict_texts(texts), strict=True):
        best = max(prediction.probabilities, key=prediction.probabilities.__getitem__)
        true = truth if isinstance(truth, list) else [truth]
        predicted = [best] if prediction.labels is None else prediction.labels
        if set(predicted) != set(true):
            named = {"label": ", ".join(map(str, true)) or "none", "predicted": ", ".join(predicted) or "none"}
            wrong.append({"text": text, **named, "confidence": prediction.probabilities[best]})
    return sorted(wrong, key=lambda each: -each["confidence"])[:SHOWN]


def report_confusion(task: Task, results: TestResults, path: Path) -> None:
    """Plot the confusion matrix; with many classes, write the number of texts of each pair of classes as CSV."""
    if task.num_classes > MOST_PLOTTED:
        confused = task.confusions(results.decisions, results.targets)
        write_confusions(path.with_name("confusions.csv"), ("true", "predicted", "texts"), task, *confused)
        return
    with atomic_write(path, "wb") as file:
        plot_confusion(confusion_matrix(task, results), task.classes, file)
    print_line("confusion matrix", os.path.relpath(path))


def report_sets(task: Task, results: TestResults, path: Path) -> None:
    """Print the scores of several labels and the most frequent pairs of classes, and write all pairs as CSV."""
    figures = results.figures
    shown = {"macro F1": "f1", "micro F1": "f1_micro", "sample F1": "f1_samples", "exact match": "accuracy"}
    scores = [f"{name} {figures[figure]:.3f}" for name, figure in shown.items()]
    decided, given = (each.sum() / len(results.targets) for each in (results.counts.predicted, results.counts.true))
    sizes = f"{decided:.2f} labels a text decided, {given:.2f} given"
    print_line("labels", f"{', '.join(scores)}, Hamming loss {figures['hamming_loss']:.4f}; {sizes}")
    for name, pairs in frequent_pairs(task, results).items():
        print_line(name, printable(", ".join(pairs)) or "none")
    confused = task.confusions(results.decisions, results.targets)
    write_confusions(path, ("missed", "decided instead", "texts"), task, *confused)
    expected, variance = results.expected
    off = np.abs(expected - results.counts.true) > SURELY_OFF * np.sqrt(np.maximum(variance, 1))
    if off.any():
        found = [
            f"{task.classes[i]} {expected[i]:,.0f} for {results.counts.true[i]:,}" for i in np.flatnonzero(off).tolist()
        ]
        print_line(
            "calibration",
            f"one temperature is too little for some classes (expected for true texts): {', '.join(found[:10])}",
        )


def frequent_pairs(task: Task, results: TestResults) -> dict[str, list[str]]:
    """Return the most frequent pairs of classes with their numbers of texts: taken for another, and together on a text."""
    confused, together = task.confusions(results.decisions, results.targets), task.cooccurrences(results.targets)
    found = {}
    for name, join, (pairs, counts) in (("taken for another", " for ", confused), ("together", " and ", together)):
        rows = np.argsort(-counts, kind="stable").tolist()[:MOST_PAIRS]
        found[name] = [f"{join.join(task.classes[i] for i in pairs[row])} {counts[row]:,}" for row in rows]
    return found


def report_calibration(path: Path, results: TestResults, temperature: float) -> None:
    """Print the calibration error, plot the reliability diagram, and warn about a temperature that increases it."""
    before, after = results.reliability
    bins = f"{len(before.counts)} bins of equal width (Guo et al. 2017)"
    if temperature == 1.0:
        print_line("calibration", f"expected calibration error {before.error:.3f}, {bins}; the temperature is 1")
    else:
        errors = f"{before.error:.3f} before, {after.error:.3f} after dividing the logits by {temperature:.3f}"
        print_line("calibration", f"expected calibration error {errors}; {bins}")
        if after.error > before.error + NOTABLE_ERROR and results.losses[1] > results.losses[0]:
            warn(
                f"The temperature of the checkpoint, {temperature:.3f}, makes the probabilities of these texts worse: the "
                f"calibration error is {before.error:.3f} without it, and {after.error:.3f} with it. Train again with "
                "validation texts like these, or set temperature=1 in lit_transfer.load.",
            )
    with atomic_write(path, "wb") as file:
        plot_reliability(_by_temperature(results, temperature), file)
    print_line("reliability", os.path.relpath(path))


def show_classes(counts: ClassCounts, classes: Sequence[str], path: Path, further: Mapping[str, np.ndarray]) -> None:
    """Print precision, recall and F1 of each class; of many classes, the largest ones, and write all of them as CSV.

    Further columns are by name. *Shape:* `(num_classes,)` each.
    """
    columns = ("class", "texts", "precision", "recall", "F1", *further)
    values = (counts.true, counts.precision, counts.recall, counts.f1, *further.values())
    order = range(len(classes))
    if len(classes) > MOST_SHOWN:
        order = np.argsort(-counts.true, kind="stable").tolist()
        write_rows(path, columns, ((classes[i], *(one[i] for one in values)) for i in order))
    table = Table(*columns)
    for column in table.columns[1:]:
        column.justify = "right"
    for i in order[:MOST_SHOWN]:
        texts, *shares = (one[i] for one in values)
        table.add_row(Text(printable(classes[i])), f"{int(texts):,}", *(f"{share:.3f}" for share in shares))
    console().print(table)
    if len(classes) > MOST_SHOWN:
        print_line("classes", f"the {MOST_SHOWN} largest of {len(classes):,}; all of them in {os.path.relpath(path)}")


def write_confusions(path: Path, columns: Sequence[str], task: Task, pairs: np.ndarray, counts: np.ndarray) -> None:
    """Write the number of texts of each pair of classes as CSV, and print its path; see `Task.confusions`."""
    order = np.argsort(-counts, kind="stable").tolist()
    write_rows(path, columns, ((*(task.classes[i] for i in pairs[row]), counts[row]) for row in order))
    print_line("confusions", f"{os.path.relpath(path)} ({len(counts):,} pairs of classes, most frequent first)")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV."""
    with atomic_write(path) as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])
