"""From parameter groups to an optimizer and the schedule of its learning rates."""

from __future__ import annotations

from typing import Any, Literal

from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from lit_transfer.training.row_sparse import prefer_fused, step_by_rows
from lit_transfer.transfer import keep_lr_ratio


def make_optimizer(make: OptimizerCallable, groups: list[dict[str, Any]], by_rows: bool) -> Optimizer:
    """An optimizer of named groups.

    Args:
        make: from groups to an optimizer.
        groups: with `params`, `lr` and `name`; those without a name get one.
        by_rows: whether a step takes gradients that hold only some rows.
    """
    for number, group in enumerate(groups):
        group.setdefault("name", f"group_{number}")
    optimizer = prefer_fused(make(groups))
    return step_by_rows(optimizer) if by_rows else optimizer


def make_schedule(
    make: LRSchedulerCallable, optimizer: Optimizer, interval: Literal["epoch", "step"]
) -> dict[str, Any]:
    """A scheduler that leaves the groups' rates in their ratio, as Lightning wants it told.

    Args:
        make: from an optimizer to a scheduler.
        optimizer: its groups' rates become those that the schedule begins with.
        interval: whether it steps after each `epoch` or `step`.
    """
    keep_lr_ratio(optimizer)  # notes the ratio, before the scheduler changes the rates
    scheduler = make(optimizer)
    keep_lr_ratio(optimizer)
    schedule: dict[str, Any] = {"scheduler": scheduler, "interval": interval}
    if isinstance(scheduler, ReduceLROnPlateau):
        schedule["monitor"] = getattr(scheduler, "monitor", None) or "val_loss"
    return schedule
