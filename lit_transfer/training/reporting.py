"""Reports on the terminal: summary before training, drift after it, and tables and figures of tests."""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rich
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_only
from rich.table import Table
from rich.text import Text

from lit_transfer.checkpoints.trainer import last_checkpoint
from lit_transfer.console import print_facts, printable, say
from lit_transfer.files import atomic_write
from lit_transfer.tasks import Task
from lit_transfer.tasks.scores import ClassCounts
from lit_transfer.training.optimization.optimizer import groups_by_name
from lit_transfer.training.plots import plot_confusion, plot_reliability
from lit_transfer.training.tasks import Tested

# Maximum number of classes in the table on the terminal, and in the picture of the confusion matrix.
MOST_SHOWN, MOST_PLOTTED = 60, 100
# Increase of the calibration error by the temperature that is worth a warning.
NOTABLE_ERROR = 0.01


def run_folder(trainer: Trainer) -> Path:
    """Return the folder of the run, that of the first logger; must be called by all processes, since it broadcasts."""
    return Path(trainer.log_dir or trainer.default_root_dir)


class FitReport(Callback):
    """Callback that prints a summary before training, and the drift of the embedding after it."""

    def __init__(self) -> None:
        self._shown = False

    def on_sanity_check_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Show the summary before Lightning's sanity check."""
        self.on_train_start(trainer, pl_module)

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Show the summary, unless it was shown."""
        if self._shown:
            return
        self._shown = True
        print_facts(self.summary(trainer, pl_module))

    @staticmethod
    def summary(trainer: Trainer, model: Any) -> list[tuple[str, str]]:
        """Return the summary as pairs of name and value."""
        lines = [("transfer", model.transfer)]
        if model.inherited:
            lines.append(("init_from", model.inherited))
        for name, group in (groups_by_name(trainer.optimizers[0]) if trainer.optimizers else {}).items():
            size = sum(parameter.numel() for parameter in group["params"])
            epoch = model.unfreeze_epochs.get(name)
            when = f" from epoch {epoch} on, 0 before" if epoch else ""
            rate = float(group.get("base_lr", group["lr"]))
            lines.append((f"group {name}", f"{size:,} parameters, lr {rate:g}{when}"))
        for config in trainer.lr_scheduler_configs:
            steps = getattr(config.scheduler, "total_steps", None)
            over = f" over {steps:,} steps" if steps else ""
            lines.append(("schedule", f"{type(config.scheduler).__name__}{over}, updated after each {config.interval}"))
        sizes = dict.fromkeys((True, False), 0)
        for parameter in model.parameters():
            sizes[parameter.requires_grad] += parameter.numel()
        lines.append(("parameters", f"{sizes[True]:,} trainable, {sizes[False]:,} frozen"))
        carried = model.preprocessing.carried
        if carried is not None:
            size = f"{len(carried.words):,} words as {carried.precision}, {carried.num_bytes / 1e6:,.1f} MB"
            lines.append(("checkpoint_vectors", f"{size} in each checkpoint"))
        data: Any = getattr(trainer, "datamodule", None)
        return lines + (data.describe() if hasattr(data, "describe") else [])

    @rank_zero_only
    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        """Print the checkpoint to resume from after an interruption."""
        if isinstance(exception, KeyboardInterrupt) and trainer.state.fn == "fit":
            path = last_checkpoint(trainer)
            how = "no checkpoint yet" if path is None else f"{os.path.relpath(path)}; resume with --ckpt_path last"
            say("interrupted", how)

    @rank_zero_only
    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Show the drift and the best checkpoint after training, once the progress bar has stopped."""
        if stage != "fit":
            return
        drift = pl_module.drift()
        if drift is not None:
            words = pl_module.preprocessing.vocabulary.tokens
            far = ", ".join(f"{printable(words[row])} ({distance:.2g})" for row, distance in drift.farthest)
            say(
                "embedding drift",
                f"mean cosine to the initial vectors {drift.cosine:.6f}, {drift.moved:.1%} of the rows changed, no value by "
                f"more than {drift.largest:.3g}",
            )
            say("moved most", far or "none")
            figures = {"drift_cosine": drift.cosine, "drift_moved": drift.moved, "drift_largest": drift.largest}
            for logger in trainer.loggers:
                logger.log_metrics(figures, step=trainer.global_step)
        written: list[Any] = [each for each in trainer.checkpoint_callbacks if getattr(each, "best_model_path", None)]
        watching = [each for each in written if each.monitor is not None and each.best_model_score is not None]
        for best in watching[:1]:
            path = os.path.relpath(best.best_model_path)
            say("best checkpoint", f"{path} ({best.monitor} {best.best_model_score:.4f})")
        if written and not watching:  # without a monitored metric, there is no best checkpoint
            say("last checkpoint", os.path.relpath(written[0].best_model_path))
        for folder in _offline_runs(trainer):
            say("wandb", f"logged offline; to upload: wandb sync {folder}")


def _offline_runs(trainer: Trainer) -> list[str]:
    """Return the folders of the runs that wandb keeps for a later upload."""
    loggers: list[Any] = trainer.loggers
    runs = [each.experiment for each in loggers if type(each).__name__ == "WandbLogger"]
    return [os.path.relpath(Path(run.dir).parent) for run in runs if run.settings._offline]


class TestReport(Callback):
    """Callback that reports a test: precision, recall and F1 per class, and the confusion matrix as a PNG."""

    __test__ = False  # not a test of pytest

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Show the table, and write `confusion_matrix.png` to the folder of the run."""
        path = run_folder(trainer) / "confusion_matrix.png"
        if not trainer.is_global_zero:
            return
        results: Tested = pl_module.test_results
        task: Task = pl_module.preprocessing.task
        show_classes(results.counts, task.classes, path.with_name("classes.csv"))
        report_confusion(task, results, path)
        report_calibration(path.with_name("reliability.png"), results, pl_module.temperature)


def report_confusion(task: Task, results: Tested, path: Path) -> None:
    """Plot the confusion matrix; with many classes, write the number of texts of each pair of classes as CSV."""
    pairs, counts = task.confusions(results.decisions, results.targets)
    if task.num_classes > MOST_PLOTTED:
        path = path.with_name("confusions.csv")
        order = np.argsort(-counts, kind="stable")
        rows = ((*(task.classes[number] for number in pairs[row]), counts[row]) for row in order.tolist())
        write_rows(path, ("true", "predicted", "texts"), rows)
        say("confusions", f"{os.path.relpath(path)} ({len(counts):,} pairs of classes, most frequent first)")
        return
    confusion = np.zeros((task.num_classes, task.num_classes), dtype=np.int64)
    confusion[tuple(pairs.T)] = counts
    with atomic_write(path, "wb") as file:
        plot_confusion(confusion, task.classes, file)
    say("confusion matrix", os.path.relpath(path))


def report_calibration(path: Path, results: Tested, temperature: float) -> None:
    """Print the calibration error, plot the reliability diagram, and warn of a temperature that does harm."""
    before, after = results.reliability
    bins = f"{len(before.counts)} bins of equal width (Guo et al. 2017)"
    found = [("before temperature scaling", before)]
    if temperature == 1.0:
        say("calibration", f"expected calibration error {before.error:.3f}, {bins}; the temperature is 1")
    else:
        found.append((f"at temperature {temperature:.2f}", after))
        errors = f"{before.error:.3f} before, {after.error:.3f} after dividing the logits by {temperature:.3f}"
        say("calibration", f"expected calibration error {errors}; {bins}")
        if after.error > before.error + NOTABLE_ERROR and results.losses[1] > results.losses[0]:
            warnings.warn(
                f"The temperature of the checkpoint, {temperature:.3f}, makes the probabilities of these texts worse: the "
                f"calibration error is {before.error:.3f} without it, and {after.error:.3f} with it. Train again with "
                "validation texts like these, or set temperature=1 in lit_transfer.load.",
                stacklevel=2,
            )
    with atomic_write(path, "wb") as file:
        plot_reliability(found, file)
    say("reliability", os.path.relpath(path))


def show_classes(counts: ClassCounts, classes: Sequence[str], path: Path) -> None:
    """Print precision, recall and F1 of each class; of many classes, the largest ones, and write all of them as CSV."""
    columns = ("class", "texts", "precision", "recall", "F1")
    values = (counts.true, counts.precision, counts.recall, counts.f1)
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
    rich.get_console().print(table)
    if len(classes) > MOST_SHOWN:
        say("classes", f"the {MOST_SHOWN} largest of {len(classes):,}; all of them in {os.path.relpath(path)}")


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as CSV."""
    with atomic_write(path) as file:
        writer = csv.writer(file)
        writer.writerows([columns, *rows])
