"""Creation of optimizers and learning rate schedules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from lightning.pytorch.utilities.types import LRSchedulerConfigType
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CyclicLR, ReduceLROnPlateau

from lit_transfer.errors import ConfigError, warn
from lit_transfer.training.no_validation import has_validation
from lit_transfer.training.optimization.row_sparse import prefer_fused, step_by_rows
from lit_transfer.transfer import ParameterGroup, keep_lr_ratio

# Argument names for the total number of steps in schedules of torch and transformers.
STEP_COUNTS = ("total_steps", "num_training_steps")


def groups_by_name(optimizer: Optimizer) -> dict[str, dict[str, Any]]:
    """Return the parameter groups of an optimizer by name; unnamed groups are called `group_NUMBER`."""
    return {group.get("name", f"group_{number}"): group for number, group in enumerate(optimizer.param_groups)}


def make_optimizer(make: OptimizerCallable, groups: Sequence[ParameterGroup], by_rows: bool) -> Optimizer:
    """Create an optimizer with named parameter groups, which accepts row-sparse gradients if `by_rows`.

    Groups have `params`, `lr` and `name`; missing names are added.

    Raises:
        ConfigError: `make` is not callable.
    """
    _check_callable("optimizer", make, "torch.optim.AdamW, weight_decay=0.01")
    for number, group in enumerate(groups):
        group.setdefault("name", f"group_{number}")
    optimizer = prefer_fused(make(list(groups)))
    return step_by_rows(optimizer) if by_rows else optimizer


def make_schedule(
    make: LRSchedulerCallable,
    optimizer: Optimizer,
    interval: Literal["epoch", "step"] | None = None,
    trainer: Trainer | None = None,
) -> LRSchedulerConfigType:
    """Create a scheduler that preserves the ratios between the learning rates of the groups.

    Args:
        make: Callable from an optimizer to a scheduler. A missing total number of steps is filled in.
        optimizer: The optimizer; its learning rates are set to those at the start of the schedule.
        interval: Whether the scheduler steps after each `epoch` or `step`; None for `step` with schedules that have a total
            number of steps, and `epoch` with others.
        trainer: The trainer, for the number of steps and the monitored metric.

    Raises:
        ConfigError: `make` is not callable, the schedule needs a number of steps that is unknown, or it has fewer steps than
            the training.
    """
    _check_callable("lr_scheduler", make, "StepLR, step_size=2")
    keep_lr_ratio(optimizer)  # stores the ratios before the scheduler changes the rates
    scheduler, counts_steps = _make_scheduler(make, optimizer, interval, trainer)
    keep_lr_ratio(optimizer)
    schedule: LRSchedulerConfigType = {
        "scheduler": scheduler,
        "interval": interval or ("step" if counts_steps else "epoch"),
    }
    if isinstance(scheduler, ReduceLROnPlateau):
        monitor, strict = _monitored(scheduler, trainer)
        schedule |= {"scheduler": scheduler, "monitor": monitor, "strict": strict}
    elif trainer is not None:
        _check_number_of_steps(scheduler, schedule["interval"], trainer)
    return schedule


def _check_callable(name: str, value: Any, example: str) -> None:
    if not callable(value):
        raise ConfigError(
            f"{name} is {value!r}; expected a callable, such as functools.partial({example}). Entries with a class_path are for "
            "YAML and the command line."
        )


def _make_scheduler(
    make: LRSchedulerCallable, optimizer: Optimizer, interval: str | None, trainer: Trainer | None
) -> tuple[Any, bool]:
    """Return the scheduler, and whether it has a total number of steps."""
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
                f"The schedule needs {name}, which is unknown. Set --trainer.max_epochs or --trainer.max_steps."
            ) from error
        return make(optimizer, **{name: steps}), True  # type: ignore[call-arg]


def _number_of_steps(interval: str | None, trainer: Trainer) -> int | None:
    """Return the number of steps of a schedule in the whole training; None if it is unlimited."""
    if interval == "epoch":
        steps: float | None = trainer.max_epochs
    else:
        steps = trainer.estimated_stepping_batches
        # Lightning created the loader to count the steps, before a resumed run could restore its state.
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
            f"{name} has total_steps = {made_for:,}, but the training takes {steps:,} ({interval}s). Omit total_steps to use "
            "the number of steps of the training."
        )
    if interval == "epoch" and steps < made_for:
        warn(
            f"{name} has {made_for:,} steps, but steps only {steps:,} times, after each epoch: the learning rate will hardly "
            "change. Set lr_scheduler_interval: step, or omit it.",
        )


def _monitored(scheduler: ReduceLROnPlateau, trainer: Trainer | None) -> tuple[str, bool]:
    """Return the monitored metric, and whether it must exist.

    Without validation, it is the training loss; if the mode is `max`, there is none.
    """
    monitor = getattr(scheduler, "monitor", None) or "val_loss"
    if trainer is None or has_validation(trainer) or not monitor.startswith("val_"):
        return monitor, True
    return ("train_loss", True) if scheduler.mode == "min" else (monitor, False)
