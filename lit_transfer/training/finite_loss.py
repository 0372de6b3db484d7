"""Stopping a run whose loss is not finite."""

from __future__ import annotations

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from lit_transfer.errors import TrainingError

# Largest absolute value of a weight: with larger ones a network answers the same to all texts.
LARGEST = 1e6


class FiniteLoss(Callback):
    """Callback that stops a run before a loss that is not finite changes the weights or is written to a checkpoint."""

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Check the loss of a step.

        Raises:
            TrainingError: The loss is not finite.
        """
        if not torch.isfinite(loss):
            raise TrainingError(_explain(trainer, pl_module, f"The training loss is {loss.item():g}"))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check the weights after the last step of an epoch, before they are written to a checkpoint.

        Raises:
            TrainingError: A weight is not finite, or above `LARGEST`.
        """
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            _check_weights(trainer, pl_module)

    on_train_epoch_end = on_validation_epoch_end  # for a run without validation


def _check_weights(trainer: Trainer, module: LightningModule) -> None:
    if name := _first_not_finite(module):
        raise TrainingError(_explain(trainer, module, f"Values of {name} are not finite"))
    for name, value in module.named_parameters():
        if value.numel() and max(abs(bound.item()) for bound in value.detach().aminmax()) > LARGEST:
            raise TrainingError(_explain(trainer, module, f"Values of {name} are above {LARGEST:g}"))


def _first_not_finite(module: LightningModule) -> str | None:
    """Return the name of the first parameter with a value that is not finite."""
    return next((name for name, value in module.named_parameters() if not torch.isfinite(value).all()), None)


def _explain(trainer: Trainer, module: LightningModule, what: str) -> str:
    rates = {group.get("name", "network"): group["lr"] for each in trainer.optimizers for group in each.param_groups}
    where = f"epoch {trainer.current_epoch}, step {trainer.global_step}"
    name = _first_not_finite(module)
    largest = max(module.named_parameters(), key=lambda item: item[1].detach().abs().max().nan_to_num(torch.inf))
    values = f"{name} has values that are not finite" if name else f"the largest weight is in {largest[0]}"
    return (
        f"{what} in {where}, at the learning rates {', '.join(f'{key} {rate:g}' for key, rate in rates.items())}; {values} "
        f"(absolute value {largest[1].detach().abs().max().item():.3g}). The run was stopped, and no checkpoint of this state "
        "was written. Use a smaller --model.lr or --trainer.gradient_clip_val 1, or check the vectors with `lightning vectors "
        "inspect`."
    )
