"""A probe during pretraining: the accuracy of a logistic regression on frozen states."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from lit_transfer.data.batching import Batch
from lit_transfer.tasks import Task
from lit_transfer.training.optimization.softmax_start import fit_layer


def probe_accuracy(task: Task, train: Tensor, train_targets: Tensor, test: Tensor, test_targets: Tensor) -> float:
    """Compute the test accuracy of a logistic regression on standardized states.

    Args:
        task: The task.
        train: States of the training texts. *Shape:* `(texts, state_size)`.
        train_targets: Targets of the training texts.
        test: States of the test texts. *Shape:* `(test_texts, state_size)`.
        test_targets: Targets of the test texts.

    Returns:
        The accuracy, 0 to 1.
    """
    weight, bias = fit_layer(task, train, train_targets)
    decisions = task.decide(task.probabilities((test @ weight.T + bias).numpy()))
    return float(task.correct(decisions, test_targets.numpy()).mean())


class Probed(LightningModule):
    """The part of `PretrainingModule` that measures its progress on labelled texts, in place of a validation loss."""

    _probed: list[list[tuple[Tensor, Tensor]]]

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Collect the states of the target's training texts (loader 0) and validation texts (loader 1)."""
        while len(self._probed) <= dataloader_idx:
            self._probed.append([])
        self._probed[dataloader_idx].append((self(batch.token_ids, batch.lengths).float().cpu(), batch.labels.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log `probe_accuracy`, the accuracy of a logistic regression on the frozen states."""
        probed, self._probed = self._probed, []
        if len(probed) == 2:
            parts = [[torch.cat(each) for each in zip(*part, strict=True)] for part in probed]
            task = self.trainer.datamodule.task.text.task  # type: ignore[attr-defined]
            self.log("probe_accuracy", probe_accuracy(task, *parts[0], *parts[1]), prog_bar=True)
