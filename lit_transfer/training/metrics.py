"""Metrics computed over all texts, rather than averaged over batches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


class MeanLoss(Metric):
    """Mean loss over all texts of all processes.

    Lightning's mean rounds the number of texts of a process, and that of torchmetrics ignores losses that are NaN.
    """

    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=torch.float32), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0.0, dtype=torch.float32), dist_reduce_fx="sum")

    def update(self, mean: Tensor, count: int) -> None:
        """Add a batch of `count` texts with a mean loss. *Shape:* mean `()`."""
        self.total: Tensor = self.total + mean.detach().float() * count
        self.count: Tensor = self.count + count

    def compute(self) -> Tensor:
        """Return the mean. *Shape:* `()`."""
        return self.total / self.count


def log_train_loss(module: Any) -> None:
    """Log the mean loss over the texts of all processes: the hook `on_train_epoch_end` of a module.

    Logging in each step would take a tenth of its time.
    """
    module.log("train_loss", module.train_loss.compute(), prog_bar=True)
    module.train_loss.reset()
