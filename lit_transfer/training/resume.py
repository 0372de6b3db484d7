"""Exact resuming of interrupted runs: the result equals that of an uninterrupted run."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import lightning
import numpy as np
import torch
from lightning.pytorch import Callback, Trainer
from rich.table import Table
from rich.text import Text
from torch.optim import Optimizer

from lit_transfer.checkpoints.files import is_data
from lit_transfer.console import console
from lit_transfer.data.batching import LengthBucketSampler, gather
from lit_transfer.errors import CheckpointError, warn
from lit_transfer.escaping import printable
from lit_transfer.training.optimization.optimizer import groups_by_name

KEY = "lit_transfer_run"

Written = Literal["", "after an epoch", "after a batch"]
"""When a checkpoint was written; "" means after a validation."""

Settings = dict[str, dict[str, Any]]
"""Settings of a run by group and name, as plain values."""

FREE = ("model", "data")
"""Groups of settings that may change in a resumed run, which uses the new values; others must not change.

A setting that is missing in one of the runs is not a difference.
"""
OF_TORCH = ("optimizer", "scheduler")
"""Groups of settings of which other versions of torch have more or fewer; those are no differences."""


class Difference(NamedTuple):
    """A setting that differs between a checkpoint and the run that resumes from it."""

    group: str
    name: str
    before: object
    now: object

    def __str__(self) -> str:
        return f"{self.name} (of the {self.group}): {self.before} in the checkpoint, {self.now} here"


def find_differences(before: Settings, now: Settings) -> list[Difference]:
    """Return the settings that differ, among those in both."""
    return [
        Difference(group, name, before[group].get(name), now[group].get(name))
        for group in now
        if group in before
        for name in now[group] | before[group]
        if before[group].get(name) != now[group].get(name)
        and not _is_no_difference(group, name, before[group], now[group])
    ]


def _is_no_difference(group: str, name: str, before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Return whether a setting is missing in one of the runs, which does not matter."""
    if name in before and name in now:
        return False
    part = name.rpartition(" ")[0]  # such as a group of an optimizer's parameters
    return group in FREE or (
        group in OF_TORCH and all(part in {each.rpartition(" ")[0] for each in run} for run in (before, now))
    )


def settings_in(checkpoint: Mapping[str, Any]) -> Settings:
    """Return the settings of the run that wrote a checkpoint; empty if it has none."""
    run, record = checkpoint.get(KEY, {}), checkpoint.get("lit_transfer", {})
    return run.get("settings") or record.get("settings", {})  # location before the record had a format number


def compare_settings(before: Settings, now: Settings, show: bool) -> None:
    """Compare the settings of a checkpoint with those of the run that resumes from it, and print the differences if `show`.

    Raises:
        CheckpointError: A setting differs that must not change.
    """
    differences = find_differences(before, now)
    if differences and show:
        table = Table("setting", "checkpoint", "this run", "from here on", title="The configuration has changed")
        for one in differences:
            holds = "this run's" if one.group in FREE else "refused"
            cells = (f"{one.name} ({one.group})", str(one.before), str(one.now), holds)
            table.add_row(*(Text(printable(cell)) for cell in cells))
        console().print(table)
    if refused := [one for one in differences if one.group not in FREE]:
        raise CheckpointError(
            "The checkpoint was written with other settings, which a resumed run cannot change: "
            + "; ".join(map(str, refused))
            + ". Give the settings of that run (its config.yaml has them), or start a new run from its weights: "
            "--model.init_from instead of --ckpt_path."
        )


def optimizer_settings(optimizer: Optimizer) -> dict[str, Any]:
    """Return the settings of an optimizer before the first step."""
    unsaid = ("params", "name", "fused", "foreach", "capturable", "differentiable")  # without effect on the result
    groups = groups_by_name(optimizer).items()
    values = {f"{name} {key}": value for name, group in groups for key, value in group.items() if key not in unsaid}
    return {"class": type(optimizer).__name__, **_plain(values)}


def scheduler_settings(scheduler: Any) -> dict[str, Any]:
    """Return the settings of a scheduler before the first step."""
    return {"class": type(scheduler).__name__, **_plain(scheduler.state_dict())}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values, with tuples as lists."""
    kept = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {name: value for name, value in kept.items() if is_data(value)}


def _without_functions(value: Any) -> Any:
    """Return dicts and lists without functions, such as one in the state of torch 2.6's SWALR: they would not be read."""
    if isinstance(value, dict):
        return {name: _without_functions(each) for name, each in value.items() if not callable(each)}
    return [_without_functions(each) for each in value] if type(value) is list else value


class ExactResume(Callback):
    """Callback that saves and restores the state of a run that Lightning omits from checkpoints.

    This comprises the random states and the sum of training losses of each process, the seed of the batch order, the
    metrics monitored by schedulers and callbacks, and the paths of the best checkpoints. The position in the epoch is
    saved by the loader.
    """

    def __init__(self) -> None:
        self._state: dict[str, Any] | None = None
        self._settings: Settings = {}
        self._settings_before: Settings = {}
        self._written: Written | None = ""

    def on_save_checkpoint(self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Collect the state of all processes."""
        mine = {"random": _random_states(), "losses": _states(pl_module.train_loss)}
        for name in {"lr_schedulers", "callbacks"} & checkpoint.keys():
            checkpoint[name] = _without_functions(checkpoint[name])
        checkpoint[KEY] = {
            "ranks": gather(trainer, mine),
            "settings": self._settings,
            "seed": getattr(_sampler(trainer), "seed", None),
            "rates": pl_module.rates,
            "figures": {name: value.cpu() for name, value in trainer.callback_metrics.items()},
        }

    def on_load_checkpoint(self, trainer: Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Keep the state until training starts, and restore the best paths of checkpoint callbacks."""
        for callback in trainer.checkpoint_callbacks:
            state = checkpoint.get("callbacks", {}).get(callback.state_key)
            if state and "dirpath" in state:
                state["dirpath"] = getattr(callback, "dirpath", state["dirpath"])
        if trainer.training and KEY in checkpoint:
            self._state = checkpoint[KEY]
            self._settings_before = settings_in(checkpoint)
            loops = copy.deepcopy(checkpoint["loops"]["fit_loop"])
            self._written = _unless_unknown(lambda: _correct_progress(loops))
            if self._written is not None:
                checkpoint["loops"]["fit_loop"] = loops

    def on_fit_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Store the settings of this run, and compare those of the optimizer with the checkpoint before loading its state.

        Raises:
            CheckpointError: A setting differs that must not change.
        """
        optimizers, schedulers = trainer.optimizers, trainer.lr_scheduler_configs
        learning: Settings = {
            **({"optimizer": optimizer_settings(optimizers[0])} if optimizers else {}),
            **({"scheduler": scheduler_settings(schedulers[0].scheduler)} if schedulers else {}),
        }
        compare_settings(self._settings_before, learning, show=trainer.is_global_zero)
        self._settings = {**pl_module.settings, **learning}

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Restore the state, after everything else that draws random numbers, such as creating the layers."""
        if self._state is None:
            return
        state, self._state = self._state, None
        pl_module.rates = state["rates"]
        if trainer.global_rank < len(state["ranks"]):
            mine = state["ranks"][trainer.global_rank]
            _set_random_states(mine["random"])
            loss = pl_module.train_loss
            for name, value in mine["losses"].items():
                setattr(loss, name, value.to(loss.device))
        sampler = _sampler(trainer)
        if sampler is not None and state["seed"] is not None:
            sampler.seed = state["seed"]
        if self._written is not None:
            written = self._written
            _unless_unknown(lambda: _correct_loops(trainer, written, state["figures"]))
        # From the checkpoint of the last epoch, Lightning would train another epoch.
        if any(callback.stopped_epoch for callback in trainer.early_stopping_callbacks):
            trainer.should_stop = True


# --- Corrections of the position that Lightning (2.6) restores ---

# Private attributes of Lightning used below.
PRIVATE = (
    "_logger_connector._callback_metrics",
    "fit_loop._restarting",
    "fit_loop._data_fetcher",
    "fit_loop.epoch_loop._should_check_val_fx",
    "fit_loop.epoch_loop._should_accumulate",
    "fit_loop.epoch_loop._batches_that_stepped",
    "fit_loop.epoch_loop.update_lr_schedulers",
    "fit_loop.epoch_loop.val_loop._restart_stage",
    "fit_loop.epoch_loop.val_loop.batch_progress.current",
)


def _unless_unknown(correct: Callable[[], Any]) -> Any:
    """Return the result of a correction; None, with a warning, if this version of Lightning is incompatible."""
    try:
        return correct()
    except (AttributeError, ImportError, KeyError, TypeError) as error:
        warn(
            f"Lightning {lightning.__version__} stores the progress of training in a way that lit_transfer does not support "
            f"({type(error).__name__}: {error}). The run is resumed by Lightning alone: it may repeat or skip a validation or "
            "a step of the schedule, and is not bitwise equal to an uninterrupted run. Lightning 2.6 is supported.",
        )
        return None


def _correct_progress(loops: dict[str, Any]) -> Written:
    """Correct the counters of a checkpoint, and return when it was written; "" means after a validation."""
    epochs, batches = loops["epoch_progress"], loops["epoch_loop.batch_progress"]
    if epochs["current"]["processed"] == epochs["current"]["ready"]:
        # With `max_steps`, Lightning would treat this as the middle of an epoch, and run an epoch without batches.
        for counts in epochs.values():
            counts["completed"] = counts["processed"]
        for loader in loops["state_dict"].get("combined_loader", []):
            loader["place"] = 0
        return "after an epoch"
    if batches["current"]["completed"] == batches["current"]["processed"]:
        return ""
    for counts in (batches["total"], batches["current"]):
        counts["completed"] = counts["processed"]
    return "after a batch"


def _correct_loops(trainer: Trainer, written: Written, figures: Mapping[str, Any]) -> None:
    """Continue with the next operation after the checkpoint; Lightning skips validations and `ReduceLROnPlateau`."""
    from lightning.pytorch.loops.evaluation_loop import RestartStage  # as private as the rest

    attrgetter(*PRIVATE)(trainer)  # all or nothing
    trainer._logger_connector._callback_metrics.update(figures)
    fit, loop = trainer.fit_loop, trainer.fit_loop.epoch_loop
    fit._restarting = False
    if written == "after an epoch":
        loop.restarting = False
        for config in trainer.lr_scheduler_configs:
            due = config.interval == "epoch" and trainer.current_epoch % config.frequency == 0
            if config.reduce_on_plateau and due:
                trainer.lightning_module.lr_scheduler_step(
                    config.scheduler, trainer.callback_metrics[str(config.monitor)]
                )
    elif written == "after a batch":
        if loop._should_check_val_fx(fit._data_fetcher):  # type: ignore[arg-type]
            loop.val_loop._restart_stage = RestartStage.RESTARTED_MID_EVALUATION
            loop.val_loop.batch_progress.current.reset()
        else:
            loop.update_lr_schedulers("step", update_plateau_schedulers=True)
            loop._batches_that_stepped += not loop._should_accumulate()


def _sampler(trainer: Trainer) -> LengthBucketSampler | None:
    sampler = getattr(trainer.train_dataloader, "sampler", None)
    return sampler if isinstance(sampler, LengthBucketSampler) else None


def _states(metric: Any) -> dict[str, Any]:
    return {name: getattr(metric, name).cpu().clone() for name in metric._defaults}


def _random_states() -> dict[str, Any]:
    """Return the states of the random generators of this process, as tensors and plain values."""
    version, keys, gauss = random.getstate()
    _, numpy_keys, *numpy_rest = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
        "python": [version, list(keys), gauss],
        "numpy": [np.asarray(numpy_keys).tolist(), *numpy_rest],
    }


def _set_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"].cpu())
    if states["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"].cpu())
    version, keys, gauss = states["python"]
    random.setstate((version, tuple(keys), gauss))
    keys, *rest = states["numpy"]
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), *rest))
