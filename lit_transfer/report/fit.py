"""The report of a training run: a summary before it; the curve, the drift, the files and the next commands after it."""

from __future__ import annotations

import os
import resource
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_only

from lit_transfer.checkpoints.trainer import last_checkpoint
from lit_transfer.console import print_commands, print_line, print_summary, sparkline
from lit_transfer.escaping import printable
from lit_transfer.files import is_address
from lit_transfer.report.next_steps import after_fit
from lit_transfer.report.page import best_epoch, cell
from lit_transfer.report.record import Summary
from lit_transfer.report.run import RunReport
from lit_transfer.report.versions import versions
from lit_transfer.training.fold_validation import folds_sentence
from lit_transfer.training.optimization.optimizer import groups_by_name


def run_folder(trainer: Trainer) -> Path:
    """Return the folder of the run, that of the first logger; must be called by all processes, since it broadcasts."""
    return Path(trainer.log_dir or trainer.default_root_dir)


class FitReport(Callback):
    """Callback that prints a summary before training, and its results afterwards, and writes the report.

    `report` is the result; its page, JSON and Markdown are written beside the checkpoint, also if `show` is False.
    """

    def __init__(self, show: bool = True) -> None:
        self.show = show
        self.report: RunReport | None = None
        self._shown = False
        self._epochs: dict[int, dict[str, float]] = {}
        self._folder = Path()
        self._started = self._epoch_started = time.perf_counter()
        self._warnings = WarningRecorder()  # from here on, since the data are read before the callbacks are set up

    def setup(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Find the folder of the run."""
        self._folder = run_folder(trainer)

    def on_sanity_check_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Show the summary before Lightning's sanity check."""
        self.on_train_start(trainer, pl_module)

    @rank_zero_only
    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Show the summary, unless it was shown."""
        self._started = time.perf_counter()
        if self._shown:
            return
        self._shown = True
        if self.show:
            print_summary([*model_summary(trainer, pl_module), *data_summary(trainer)])

    # --- Epochs ---

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Complete the previous epoch."""
        self._note(trainer, trainer.current_epoch - 1)
        self._epoch_started = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Record the validation metrics, before a checkpoint is written."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._note(trainer, trainer.current_epoch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Record the rates and the duration of the epoch; its training loss is logged after this."""
        row = self._epochs.setdefault(trainer.current_epoch, {"epoch": trainer.current_epoch})
        row["seconds"] = time.perf_counter() - self._epoch_started

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Complete the last epoch."""
        self._note(trainer, max(self._epochs, default=-1))

    def _note(self, trainer: Trainer, epoch: int) -> None:
        """Record the logged values of an epoch; the training loss is logged last."""
        if epoch < 0:
            return
        row = self._epochs.setdefault(epoch, {"epoch": epoch})
        row |= {name: float(value) for name, value in trainer.callback_metrics.items() if value.numel() == 1}

    def state_dict(self) -> dict[str, Any]:
        """Return the epochs, so that a resumed run shows the whole curve."""
        return {"epochs": list(self._epochs.values())}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the epochs of the run that is resumed."""
        self._epochs = {int(row["epoch"]): dict(row) for row in state_dict["epochs"]}

    # --- After training ---

    @rank_zero_only
    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        """Print the checkpoint to resume from after an interruption."""
        self._warnings.stop()
        if isinstance(exception, KeyboardInterrupt) and trainer.state.fn == "fit":
            path = last_checkpoint(trainer)
            how = "no checkpoint yet" if path is None else f"{os.path.relpath(path)}; resume with --ckpt_path last"
            print_line("interrupted", how)

    @rank_zero_only
    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Show the curve, the drift and the best checkpoint after training, once the progress bar has stopped."""
        self._warnings.stop()
        if stage != "fit":
            return
        drift, best = self._drift(trainer, pl_module), best_checkpoint(trainer)
        folder = (
            Path(best["checkpoint"]).absolute().parent if best and not is_address(best["checkpoint"]) else self._folder
        )
        rows = [self._epochs[epoch] for epoch in sorted(self._epochs)]
        commands = after_fit(best.get("checkpoint"), self._folder / "config.yaml", getattr(trainer, "datamodule", None))
        self.report = RunReport(
            name=os.path.relpath(self._folder),
            model=model_summary(trainer, pl_module),
            data=data_summary(trainer),
            warnings=self._warnings.messages,
            epochs=rows,
            groups=list(pl_module.rates),
            best=best,
            folds=folds_sentence(pl_module.trained_on["folds"]) if "folds" in pl_module.trained_on else "",
            drift=drift,
            cost=self._cost(trainer, rows),
            commands=commands,
            versions=versions(),
        )
        page = self.report.write(folder) if best else None
        if self.show:
            self._print(trainer, self.report, page)

    def _print(self, trainer: Trainer, report: RunReport, page: Path | None) -> None:
        """Print the part of the report for the terminal."""
        best = report.best
        show_curve(report)
        if report.drift is not None:
            show_drift(report.drift)
        if "monitor" in best:
            print_line("best checkpoint", f"{best['checkpoint']} ({best['monitor']} {best['score']:.4f})")
        elif best:  # without a monitored metric, there is no best checkpoint
            print_line("last checkpoint", best["checkpoint"])
        if page is not None:
            print_line("report", os.path.relpath(page))
        for run in offline_runs(trainer):
            print_line("wandb", f"logged offline; to upload: wandb sync {run}")
        if (self._folder / "config.yaml").exists():  # on the command line
            print_commands(report.commands)

    @staticmethod
    def _drift(trainer: Trainer, model: Any) -> dict[str, Any] | None:
        """Return the drift of the embedding, and log it."""
        drift = model.drift()
        if drift is None:
            return None
        figures = {"drift_cosine": drift.cosine, "drift_moved": drift.moved, "drift_largest": drift.largest}
        for logger in trainer.loggers:
            logger.log_metrics(figures, step=trainer.global_step)
        words = model.preprocessing.vocabulary.tokens
        return {**drift._asdict(), "farthest": [(words[row], distance) for row, distance in drift.farthest]}

    def _cost(self, trainer: Trainer, rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
        timed = [row["seconds"] for row in rows if "seconds" in row]
        data: Any = getattr(trainer, "datamodule", None)
        texts = len(data.split("train")) if hasattr(data, "split") else 0
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
        return {
            "seconds": sum(timed) or time.perf_counter() - self._started,
            "texts_per_second": len(timed) * texts / sum(timed) if texts and timed else 0.0,
            "peak_memory_mb": memory,
            "device": device_of(trainer),
        }


class WarningRecorder:
    """Records the warnings from its creation until `stop`, each once; they are still shown."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self._before = warnings.showwarning
        warnings.showwarning = self._mine = self._record

    def _record(self, message: Warning | str, *where: Any, **options: Any) -> None:
        if str(message) not in self.messages:
            self.messages.append(str(message))
        self._before(message, *where, **options)

    def stop(self) -> None:
        """Show warnings as before."""
        if warnings.showwarning is self._mine:
            warnings.showwarning = self._before


def model_summary(trainer: Trainer, model: Any) -> Summary:
    """Return a summary of the model and its training, as pairs of name and value."""
    lines = [("transfer", model.transfer)]
    if model.inherited:
        lines.append(("init_from", model.inherited))
    for name, group in (groups_by_name(trainer.optimizers[0]) if trainer.optimizers else {}).items():
        size = sum(parameter.numel() for parameter in group["params"])
        epoch = model.arguments.unfreeze_epochs.get(name)
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
    stored = model.preprocessing.stored_vectors
    if stored is not None:
        size = f"{len(stored.words):,} words as {stored.precision}, {stored.num_bytes / 1e6:,.1f} MB"
        lines.append(("checkpoint_vectors", f"{size} in each checkpoint"))
    seed = os.environ.get("PL_GLOBAL_SEED")
    lines.append(("device", device_of(trainer) + (f", seed {seed}" if seed else "")))
    return lines


def data_summary(trainer: Trainer) -> Summary:
    """Return a summary of the texts, their words and vectors."""
    data: Any = getattr(trainer, "datamodule", None)
    return data.describe() if hasattr(data, "describe") else []


def device_of(trainer: Trainer) -> str:
    """Return the device, the number of threads or processes, and the precision if it is not the usual one."""
    kind = trainer.strategy.root_device.type
    size = (
        f"{torch.get_num_threads()} threads"
        if kind == "cpu"
        else torch.cuda.get_device_name()
        if kind == "cuda"
        else ""
    )
    processes = f"{trainer.world_size} processes" if trainer.world_size > 1 else ""
    precision = "" if str(trainer.precision) == "32-true" else str(trainer.precision)
    return ", ".join(part for part in (kind, size.replace("1 threads", "1 thread"), processes, precision) if part)


def best_checkpoint(trainer: Trainer) -> dict[str, Any]:
    """Return the path of the best checkpoint, and its score if a metric is monitored; empty without a checkpoint."""
    written: list[Any] = [each for each in trainer.checkpoint_callbacks if getattr(each, "best_model_path", None)]
    watching = [each for each in written if each.monitor is not None and each.best_model_score is not None]
    for best in (watching or written)[:1]:
        path = best.best_model_path if is_address(best.best_model_path) else os.path.relpath(best.best_model_path)
        if not watching:
            return {"checkpoint": path}
        score = float(best.best_model_score)
        return {"checkpoint": path, "monitor": best.monitor, "mode": best.mode, "score": score}
    return {}


def show_curve(report: RunReport) -> None:
    """Print the monitored metric and the losses by epoch as a line each, if there are several epochs."""
    monitor = report.best.get("monitor")
    names = dict.fromkeys(name for name in ("train_loss", "val_loss", monitor or "val_accuracy") if name)
    for name in names:
        known = [epoch for epoch in report.epochs if epoch.get(name) is not None]
        if len(known) < 2:
            continue
        first, last = (cell(name, known[i][name]) for i in (0, -1))
        best = f", best in epoch {best_epoch(report):.0f}" if name == monitor else ""
        print_line(
            name, f"{sparkline([epoch[name] for epoch in known])}  {first} to {last} in {len(known)} epochs{best}"
        )


def show_drift(drift: Mapping[str, Any]) -> None:
    """Print the drift of the embedding."""
    cosine, moved, largest = drift["cosine"], drift["moved"], drift["largest"]
    print_line(
        "embedding drift",
        f"mean cosine to the initial vectors {cosine:.6f}, {moved:.1%} of the rows changed, no value by more than {largest:.3g}",
    )
    print_line("moved most", ", ".join(f"{printable(word)} ({far:.2g})" for word, far in drift["farthest"]) or "none")


def offline_runs(trainer: Trainer) -> list[str]:
    """Return the folders of the runs that wandb stores for a later upload."""
    loggers: list[Any] = trainer.loggers
    runs = [each.experiment for each in loggers if type(each).__name__ == "WandbLogger"]
    return [os.path.relpath(Path(run.dir).parent) for run in runs if run.settings._offline]
