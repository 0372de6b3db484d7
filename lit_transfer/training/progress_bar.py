"""A progress bar that fits on one line."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.callbacks.progress.rich_progress import RichProgressBarTheme
from rich.progress import TimeRemainingColumn


class ProgressBar(RichProgressBar):
    """Lightning's progress bar reduced to 80 columns: a short bar, the remaining time, the loss and the accuracy."""

    def __init__(self) -> None:
        super().__init__(theme=RichProgressBarTheme(metrics_format=".3f"))

    def configure_columns(self, trainer: Trainer) -> list[Any]:
        """Return the columns: epoch, bar, batches, and remaining time (elapsed time at the end)."""
        description, bar, batches, *_ = super().configure_columns(trainer)
        bar.bar_width = 10
        return [description, bar, batches, TimeRemainingColumn(compact=True, elapsed_when_finished=True)]

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:  # type: ignore[override]
        """Return the logged metrics without the version number of the run, which is in its folder's name."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}
