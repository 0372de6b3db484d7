"""Reports on the terminal: summary before training, drift after it, and tables and figures of tests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import rich
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_only
from rich.table import Table
from rich.text import Text
from torch import Tensor

from lit_transfer.checkpoints.trainer import last_checkpoint
from lit_transfer.console import print_facts, printable, say
from lit_transfer.files import atomic_write
from lit_transfer.fonts import fonts_for
from lit_transfer.training.calibration import Reliability, plot_reliability
from lit_transfer.training.optimization.optimizer import groups_by_name


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


class TestReport(Callback):
    """Callback that reports a test: precision, recall and F1 per class, and the confusion matrix as a PNG."""

    __test__ = False  # not a test of pytest

    def on_test_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Show the table, and write `confusion_matrix.png` to the folder of the run."""
        path = run_folder(trainer) / "confusion_matrix.png"
        if not trainer.is_global_zero:
            return
        results, labels = pl_module.test_results, pl_module.labels
        confusion = results["test_confusion_matrix"].cpu()
        rich.get_console().print(_class_table(results["test_f1_per_class"], confusion, labels))
        with atomic_write(path, "wb") as file:
            plot_confusion(confusion, labels, file)
        say("confusion matrix", os.path.relpath(path))
        before, after = pl_module.test_reliability
        _report_calibration(path.with_name("reliability.png"), before, after, pl_module.temperature)


def _report_calibration(path: Path, before: Reliability, after: Reliability, temperature: float) -> None:
    """Print the calibration error, and plot the reliability diagram."""
    bins = f"{len(before.counts)} bins of equal width (Guo et al. 2017)"
    found = [("before temperature scaling", before)]
    if temperature == 1.0:
        say("calibration", f"expected calibration error {before.error:.3f}, {bins}; no temperature was fitted")
    else:
        found.append((f"at temperature {temperature:.2f}", after))
        errors = f"{before.error:.3f} before, {after.error:.3f} after dividing the logits by {temperature:.3f}"
        say("calibration", f"expected calibration error {errors}; {bins}")
    with atomic_write(path, "wb") as file:
        plot_reliability(found, file)
    say("reliability", os.path.relpath(path))


def _class_table(f1: Tensor, confusion: Tensor, labels: Sequence[str]) -> Table:
    table = Table("class", "texts", "precision", "recall", "F1")
    for column in table.columns[1:]:
        column.justify = "right"
    hits = confusion.diag().double()
    recall = hits / confusion.sum(dim=1).clamp(min=1)
    precision = hits / confusion.sum(dim=0).clamp(min=1)
    for i, label in enumerate(labels):
        table.add_row(
            Text(printable(label)),
            f"{int(confusion[i].sum()):,}",
            f"{precision[i]:.3f}",
            f"{recall[i]:.3f}",
            f"{f1[i]:.3f}",
        )
    return table


def plot_confusion(confusion: Tensor, labels: Sequence[str], file: IO[bytes]) -> None:
    """Plot a confusion matrix as a PNG; colours are shares of the true class, numbers are counts of texts.

    Args:
        confusion: Counts by true class (rows) and predicted class (columns). *Shape:* `(num_classes, num_classes)`.
        labels: Class names.
        file: Open binary file to write to.
    """
    from matplotlib.figure import Figure  # slow to import, and needed here only

    count = len(labels)
    share = confusion.double() / confusion.sum(dim=1, keepdim=True).clamp(min=1)
    side = 2.2 + 0.7 * min(count, 30)
    with fonts_for(labels):
        figure = Figure(figsize=(side + 0.8, side), layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        # A label may contain characters that matplotlib would parse as a formula.
        axes.set_xticks(range(count), labels, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
        axes.set_yticks(range(count), labels, parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        if count <= 30:
            for row in range(count):
                for column in range(count):
                    colour = "white" if share[row, column] > 0.5 else "black"
                    axes.text(column, row, f"{int(confusion[row, column]):,}", ha="center", va="center", color=colour)
        figure.colorbar(image, label="share of the true class", shrink=0.8)
        figure.savefig(file, format="png", dpi=120)
