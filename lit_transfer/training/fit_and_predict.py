"""Training and prediction within another program, such as a comparison: an interrupt is a KeyboardInterrupt there."""

from __future__ import annotations

import signal
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule, LightningModule, Trainer

from lit_transfer.data.batching import TextLoader


def fit_model(trainer: Trainer, model: LightningModule, data: LightningDataModule) -> None:
    """Train a model.

    Raises:
        KeyboardInterrupt: The training was interrupted; Lightning exits instead, and ignores further interrupts.
    """
    try:
        trainer.fit(model, data)
    except SystemExit as stop:  # after teardown
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise KeyboardInterrupt from stop


def predict_at_best(trainer: Trainer, model: LightningModule, loader: TextLoader | list[TextLoader]) -> np.ndarray:
    """Return the class probabilities of the texts of a loader at the best epoch. *Shape:* `(texts, num_classes)`, float32."""
    # `trainer.test` does not return probabilities.
    parts: Any = trainer.predict(model, dataloaders=loader, ckpt_path="best", weights_only=True)
    rows = np.concatenate([part["rows"].cpu().numpy() for part in parts])
    probabilities: np.ndarray = np.concatenate([part["probabilities"].float().cpu().numpy() for part in parts])
    return probabilities[np.argsort(rows)]
