"""The learning rate of each parameter group in an epoch, and gradual unfreezing."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, Trainer
from torch.optim import Optimizer

from lit_transfer.training.optimization.optimizer import groups_by_name
from lit_transfer.transfer import keep_lr_ratio


class GroupRates(Callback):
    """Callback that freezes the groups in `frozen_groups` of a model, and logs the learning rate of each group by its name.

    The rates are those at the start of the epoch; the model has them as `rates`, so that a resumed epoch logs the same.
    """

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Set the learning rates of the epoch, and store them by group name."""
        for optimizer in trainer.optimizers:
            keep_lr_ratio(optimizer, pl_module.frozen_groups)
            pl_module.rates = {name: group["lr"] for name, group in groups_by_name(optimizer).items()}

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Optimizer) -> None:
        """Drop the gradients of frozen groups: a learning rate of 0 would still update the optimizer's state."""
        frozen = pl_module.frozen_groups
        for group in optimizer.param_groups if frozen else ():
            for parameter in group["params"] if group.get("name") in frozen else ():
                parameter.grad = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Log the learning rates."""
        for name, rate in pl_module.rates.items():
            pl_module.log(name, rate)
