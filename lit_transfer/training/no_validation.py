"""Training without validation, for callbacks that monitor validation metrics."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from lit_transfer.console import print_line
from lit_transfer.training.fold_validation import uses_folds


def has_validation(trainer: Trainer) -> bool:
    """Return whether `fit` with this trainer runs validation."""
    return trainer.enable_validation and getattr(getattr(trainer, "datamodule", None), "has_validation", True)


class WithoutValidation(Callback):
    """Callback that adapts callbacks which monitor a validation metric to training without validation.

    Early stopping is disabled, and checkpoints are those of the last epoch. The trainer is restored afterwards.

    Args:
        quiet: Whether to suppress the message.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._callbacks: list[Callback] | None = None
        self._monitors: list[tuple[ModelCheckpoint, str]] = []

    def setup(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Disable early stopping, and the monitors of checkpoint callbacks."""
        if stage != "fit" or has_validation(trainer):
            return
        waiting = [each for each in trainer.callbacks if str(getattr(each, "monitor", None)).startswith("val_")]  # type: ignore[attr-defined]
        stopping = [each for each in waiting if isinstance(each, EarlyStopping)]
        self._callbacks = trainer.callbacks  # type: ignore[attr-defined]
        trainer.callbacks = [each for each in trainer.callbacks if each not in stopping]  # type: ignore[attr-defined]
        for each in waiting:
            if isinstance(each, ModelCheckpoint):
                self._monitors.append((each, str(each.monitor)))
                each.monitor = None
        if trainer.is_global_zero and not self.quiet and not uses_folds(trainer):
            what = ["no early stopping"] * bool(stopping) + ["checkpoints of the last epoch"] * bool(self._monitors)
            print_line("validation", f"none{''.join(f', {each}' for each in what)}")

    def teardown(self, trainer: Trainer, pl_module: Any, stage: str) -> None:
        """Restore the callbacks."""
        if self._callbacks is not None:
            trainer.callbacks, self._callbacks = self._callbacks, None  # type: ignore[attr-defined]
        for checkpoint, monitor in self._monitors:
            checkpoint.monitor = monitor
        self._monitors = []
