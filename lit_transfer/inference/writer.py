"""The predictions of `lightning predict` as one CSV file."""

from __future__ import annotations

import csv
import os
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from lit_transfer.console import say
from lit_transfer.files import written_whole
from lit_transfer.training.reporting import run_folder


class PredictionWriter(Callback):
    """Writes the predictions of all processes into one `predictions.csv`, in the order of the texts."""

    def __init__(self) -> None:
        self._parts: list[dict[str, Tensor]] = []

    def on_predict_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Forgets the last run's."""
        self._parts = []

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keeps a batch's."""
        self._parts.append(
            {name: value.float().cpu() if value.is_floating_point() else value.cpu() for name, value in outputs.items()}
        )

    def on_predict_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Gathers and writes."""
        path = run_folder(trainer) / "predictions.csv"
        parts = self._parts
        if trainer.world_size > 1:
            gathered: list[Any] = [None] * trainer.world_size
            torch.distributed.all_gather_object(gathered, parts)
            parts = [part for rank in gathered for part in rank]
        if not trainer.is_global_zero:
            return
        rows = torch.cat([part["rows"] for part in parts])
        probabilities = torch.cat([part["probabilities"] for part in parts])[rows.argsort()]
        labels = pl_module.labels
        data: Any = getattr(trainer, "datamodule", None)
        texts = data.split("predict").texts
        with written_whole(path) as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label", *(f"p_{label}" for label in labels)])
            for text, values, best in zip(
                texts, probabilities.tolist(), probabilities.argmax(dim=1).tolist(), strict=True
            ):
                writer.writerow([text, labels[best], *(f"{value:.6g}" for value in values)])
        say("predictions", f"{os.path.relpath(path)} ({len(texts):,} texts)")
