"""The callbacks of a training with validation: early stopping, and the best checkpoint."""

from __future__ import annotations

from typing import Any


def default_callbacks(monitor: str, patience: int | None = 4, **checkpoint: Any) -> list[dict[str, Any]]:
    """Return the callbacks that stop training without improvement, and keep the best epoch, as in a configuration.

    Args:
        monitor: Logged value to monitor; a loss is minimized, anything else maximized.
        patience: Number of epochs without improvement before training stops; None for no early stopping.
        checkpoint: Further arguments of `ModelCheckpoint`.
    """
    best = {"monitor": monitor, "mode": "min" if monitor.endswith("loss") else "max"}
    made = [{"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": {**best, **checkpoint}}]
    if patience is not None:
        stop = {"class_path": "lightning.pytorch.callbacks.EarlyStopping", "init_args": {**best, "patience": patience}}
        made.insert(0, stop)
    return made
