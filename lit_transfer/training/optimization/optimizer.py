"""From parameter groups to an optimizer and the schedule of its learning rates."""

from __future__ import annotations

import warnings
from typing import Any, Literal

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, ReduceLROnPlateau

from lit_transfer.errors import ConfigError
from lit_transfer.training.no_validation import has_validation
from lit_transfer.training.optimization.row_sparse import prefer_fused, step_by_rows
from lit_transfer.transfer import keep_lr_ratio

# What schedules call the number of steps that they are made for: torch's, and those of transformers.
STEP_COUNTS = ("total_steps", "num_training_steps")


def groups_by_name(optimizer: Optimizer) -> dict[str, dict[str, Any]]:
    """Return an optimizer's groups by their names; those of an optimizer of the user's own may have none."""
    return {group.get("name", f"group_{number}"): group for number, group in enumerate(optimizer.param_groups)}


def make_optimizer(make: OptimizerCallable, groups: list[dict[str, Any]], by_rows: bool) -> Optimizer:
    """Return an optimizer of named groups.

    Args:
        make: From groups to an optimizer.
        groups: With `params`, `lr` and `name`; those without a name get one.
        by_rows: Whether a step takes gradients that hold only some rows.
    """
    for number, group in enumerate(groups):
        group.setdefault("name", f"group_{number}")
    optimizer = prefer_fused(make(groups))
    return step_by_rows(optimizer) if by_rows else optimizer


def make_schedule(
    make: LRSchedulerCallable,
    optimizer: Optimizer,
    interval: Literal["epoch", "step"] | None = None,
    trainer: Trainer | None = None,
) -> dict[str, Any]:
    """Create a scheduler that leaves the groups' rates in their ratio, described as Lightning expects it.

    Args:
        make: From an optimizer to a scheduler. One that must know the number of steps of the whole training, and was not
            told, is given that number.
        optimizer: Its groups' rates become those that the schedule begins with.
        interval: Whether it steps after each `epoch` or `step`; None means `step` for schedules that are made for a number
            of steps, and `epoch` for others.
        trainer: What will train; it knows the number of steps, and whether there is a validation.

    Raises:
        ConfigError: The schedule needs the number of steps and it is not known, or is made for fewer than there are.
    """
    keep_lr_ratio(optimizer)  # notes the ratio, before the scheduler changes the rates
    scheduler, counts_steps = _make_scheduler(make, optimizer, interval, trainer)
    keep_lr_ratio(optimizer)
    schedule: dict[str, Any] = {"scheduler": scheduler, "interval": interval or ("step" if counts_steps else "epoch")}
    if isinstance(scheduler, ReduceLROnPlateau):
        schedule |= _what_it_watches(scheduler, trainer)
    elif trainer is not None:
        _check_number_of_steps(scheduler, schedule["interval"], trainer)
    return schedule


def _make_scheduler(
    make: LRSchedulerCallable, optimizer: Optimizer, interval: str | None, trainer: Trainer | None
) -> tuple[Any, bool]:
    """Return the scheduler, and whether it is made for a number of steps."""
    try:
        scheduler = make(optimizer)
        return scheduler, isinstance(scheduler, CyclicLR) or hasattr(scheduler, "total_steps")
    except (TypeError, ValueError) as error:
        name = next((name for name in STEP_COUNTS if name in str(error)), None)
        if name is None or trainer is None:
            raise
        steps = _number_of_steps(interval, trainer)
        if steps is None:
            raise ConfigError(
                f"The schedule needs {name}, and without --trainer.max_epochs or --trainer.max_steps the training has no end. "
                "Set one of them."
            ) from error
        return make(optimizer, **{name: steps}), True  # type: ignore[call-arg]


def _number_of_steps(interval: str | None, trainer: Trainer) -> int | None:
    """Return how often a schedule steps in the whole training; None where that has no end."""
    if interval == "epoch":
        steps: float | None = trainer.max_epochs
    else:
        steps = trainer.estimated_stepping_batches
        # To count them Lightning made the loader, too early for a resumed run to give it its place in the epoch.
        trainer.fit_loop._combined_loader = None
    return None if steps is None or steps < 1 or steps == float("inf") else int(steps)


def _check_number_of_steps(scheduler: Any, interval: str, trainer: Trainer) -> None:
    made_for = getattr(scheduler, "total_steps", None)
    steps = None if made_for is None else _number_of_steps(interval, trainer)
    if made_for is None or steps is None:
        return
    name = type(scheduler).__name__
    if steps > made_for:
        raise ConfigError(
            f"{name} is made for total_steps = {made_for:,}, but the training takes {steps:,} ({interval}s). Leave total_steps "
            "out to have it filled in."
        )
    if interval == "epoch" and steps < made_for:
        warnings.warn(
            f"{name} is made for {made_for:,} steps, but steps after each epoch, which is {steps:,} times: the rate will hardly "
            "move. Set lr_scheduler_interval: step, or leave it out.",
            stacklevel=2,
        )


def _what_it_watches(scheduler: Any, trainer: Trainer | None) -> dict[str, Any]:
    """Return the figure that decides; without a validation it is the training loss, or nothing where more is better."""
    monitor = getattr(scheduler, "monitor", None) or "val_loss"
    if trainer is None or has_validation(trainer) or not monitor.startswith("val_"):
        return {"monitor": monitor}
    return {"monitor": "train_loss"} if scheduler.mode == "min" else {"monitor": monitor, "strict": False}
