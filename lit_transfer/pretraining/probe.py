"""A probe during pretraining: the accuracy of a logistic regression on frozen states."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from lit_transfer.data.batching import Batch
from lit_transfer.training.optimization.softmax_start import fit_softmax


def probe_accuracy(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """Compute the test accuracy of a logistic regression on standardized states.

    Args:
        train: States of the training texts. *Shape:* `(texts, state_size)`.
        train_labels: Class indices of the training texts. *Shape:* `(texts,)`.
        test: States of the test texts. *Shape:* `(test_texts, state_size)`.
        test_labels: Class indices of the test texts. *Shape:* `(test_texts,)`.

    Returns:
        The accuracy, 0 to 1.
    """
    weight, bias = fit_softmax(train, train_labels, int(max(train_labels.max(), test_labels.max())) + 1)
    return float(((test @ weight.T + bias).argmax(dim=1) == test_labels).double().mean())


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
            self.log("probe_accuracy", probe_accuracy(*parts[0], *parts[1]), prog_bar=True)
