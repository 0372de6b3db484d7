"""Validation on folds of the training texts, for few labels."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities.seed import isolate_rng
from torch.optim import Optimizer

from lit_transfer.console import errors_only, print_line
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import Task
from lit_transfer.training.metrics import MeanLoss
from lit_transfer.training.tasks import ValidationMetrics


def uses_folds(trainer: Trainer) -> bool:
    """Return whether `fit` with this trainer validates on folds of the training texts; see `FoldValidation`."""
    arguments = getattr(getattr(trainer, "datamodule", None), "arguments", None)
    return getattr(arguments, "val_folds", None) is not None


def folds_sentence(found: Mapping[str, Any]) -> str:
    """Return the score on the folds, and after how many epochs, as in `trained_on["folds"]` of a model."""
    score, epochs, most = found[found["monitor"]], found["epochs"], found["max_epochs"]
    shown = f"{score:.4f}" if found["monitor"].endswith("loss") else f"{score:.1%}"
    when = f"after {epochs} of {most} epochs"
    if not epochs:
        when = f"by the regression of the softmax layer alone: none of {most} epochs is better by a standard error"
    return f"{found['monitor']} {shown} over all training texts {when}"


class FoldValidation(Callback):
    """Callback that chooses the number of epochs and the calibration on folds of the training texts.

    A few validation texts give a poor estimate of the best epoch and none of the calibration, and they are missing in
    training. Here, a copy of the network is trained outside each fold and validated on it, so that each training text is a
    validation text once; the epoch with the best score over all of them becomes the last one of the training on all texts.
    With `softmax_start: regression`, no training after the regression is a candidate, too, and chosen unless an epoch is
    better by a standard error (Breiman et al. 1984), since the best of many epochs on few texts is partly luck. With a
    learning rate schedule, whose course depends on the number of epochs, all epochs are trained.

    Args:
        quiet: Whether to suppress output.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self._max_epochs: int | None = None
        self._found: tuple[dict[str, Any], dict[str, Any]] | None = None  # figures and calibration

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Train and validate on the folds, and set the number of epochs of the trainer.

        Raises:
            ConfigError: Training has no maximum number of epochs, one of steps, or several processes, or the model has a
                teacher.
        """
        model: Any = pl_module  # a TextClassifier, of a later room
        if stage != "fit" or not uses_folds(trainer):
            return
        folds = trainer.datamodule.folds()  # type: ignore[attr-defined]
        epochs = trainer.max_epochs or 0
        _check(trainer, model, epochs, len(folds))
        pooled = PooledValidation(at_start=model.arguments.softmax_start == "regression")
        for number, fold in enumerate(folds, start=1):
            with isolate_rng(), errors_only("lightning.pytorch"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _trainer_like(trainer, pooled).fit(_copy_of(model), fold)
            if trainer.is_global_zero and not self.quiet:
                print_line("fold", f"{number} of {len(folds)}")
        monitor = _monitor_of(trainer.callbacks, model.preprocessing.task)  # type: ignore[attr-defined]
        texts = len(trainer.datamodule.split("train"))  # type: ignore[attr-defined]
        chosen = epochs if model.arguments.lr_scheduler is not None else pooled.best(monitor, texts)
        figures, calibration = pooled.at(chosen)
        self._max_epochs, trainer.fit_loop.max_epochs = trainer.max_epochs, max(chosen, 1)
        found = {"number": len(folds), "epochs": chosen, "max_epochs": epochs, "monitor": monitor, **figures}
        self._found = found, calibration
        if trainer.is_global_zero and not self.quiet:
            print_line("folds", folds_sentence(found))

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the model its calibration; a checkpoint that is resumed has been loaded before, with an earlier one."""
        if self._found is not None:
            model: Any = pl_module
            figures, model.calibration = self._found
            model.trained_on = {**model.trained_on, "folds": figures}

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Drop the gradients if the regression alone is best; the one epoch, which writes the checkpoint, changes nothing."""
        if self._found is not None and self._found[0]["epochs"] == 0:
            optimizer.zero_grad(set_to_none=True)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restore the maximum number of epochs."""
        self._found = None
        if self._max_epochs is not None:
            trainer.fit_loop.max_epochs, self._max_epochs = self._max_epochs, None


class PooledValidation(Callback):
    """Callback that collects the validation of each epoch over several trainings.

    Args:
        at_start: Whether to validate before the first epoch, too.
    """

    def __init__(self, at_start: bool = False) -> None:
        self._first = 0 if at_start else 1
        self._epochs: dict[int, tuple[ValidationMetrics, MeanLoss]] = {}

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate before the first epoch, after the regression for the softmax layer."""
        if self._first > 0 or trainer.current_epoch > 0:
            return
        model: Any = pl_module  # a TextClassifier, of a later room
        model.eval()
        with torch.no_grad(), trainer.precision_plugin.val_step_context():
            for number, batch in enumerate(trainer.datamodule.val_dataloader()):  # type: ignore[attr-defined]
                model.validation_step(trainer.strategy.batch_to_device(batch), number)
        model.train()
        self._add(0, model)
        model.val_metrics.reset()
        model.val_loss.reset()

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the validation of an epoch, before the module computes and resets it."""
        self._add(trainer.current_epoch + 1, pl_module)

    def _add(self, epochs: int, model: Any) -> None:
        """Add the validation after a number of epochs."""
        new = copy.deepcopy(model.val_metrics).cpu(), copy.deepcopy(model.val_loss).cpu()
        for pooled, added in zip(self._epochs.get(epochs, ()), new, strict=False):
            pooled.merge_state(added)
        self._epochs.setdefault(epochs, new)

    def at(self, epochs: int) -> tuple[dict[str, float], dict[str, Any]]:
        """Return the scores, such as `val_accuracy`, and the calibration over all texts after a number of epochs."""
        metrics, loss = self._epochs[epochs]
        figures, calibration = metrics.compute()
        return {
            "val_loss": float(loss.compute()),
            **{f"val_{name}": float(value) for name, value in figures.items()},
        }, calibration

    def best(self, monitor: str, texts: int) -> int:
        """Return the number of epochs with the best score; the smallest in case of a tie.

        None of training is best unless a later score, except a loss, is higher by more than its standard error with a number of
        texts.

        Raises:
            ConfigError: There is no such score.
        """
        scores = {epochs: self.at(epochs)[0] for epochs in sorted(self._epochs)}
        names = list(scores[self._first])
        if monitor not in names:
            raise ConfigError(
                f"A callback monitors {monitor}, which folds do not have; expected one of {', '.join(names)}."
            )
        sign = -1 if monitor.endswith("loss") else 1
        best = max(scores, key=lambda epochs: sign * scores[epochs][monitor])
        if 0 in scores and sign > 0:
            first, highest = scores[0][monitor], scores[best][monitor]
            return best if highest - first > math.sqrt(first * (1 - first) / texts) else 0
        return best


def _check(trainer: Trainer, model: Any, epochs: int, folds: int) -> None:
    if epochs < 1:
        raise ConfigError(f"val_folds is {folds}, which needs a maximum number of epochs. Set trainer.max_epochs.")
    if trainer.max_steps != -1 and not trainer.fast_dev_run:  # type: ignore[attr-defined]
        raise ConfigError(
            f"val_folds is {folds}, which chooses a number of epochs, but trainer.max_steps is {trainer.max_steps}. Set "
            "trainer.max_epochs alone."
        )
    if trainer.world_size > 1:
        raise ConfigError(
            f"val_folds is {folds}, but training runs in {trainer.world_size} processes. Folds are for few texts: set "
            "trainer.devices to 1, or use val_fraction."
        )
    if model.arguments.teacher is not None:
        raise ConfigError(
            f"val_folds is {folds}, but the teacher {model.arguments.teacher} gives the targets. Validate on val_fraction or "
            "val_file, with labels."
        )


def _copy_of(model: Any) -> Any:
    """Copy a model with its weights, without its trainer."""
    copied = copy.deepcopy(model, {id(model._trainer): None, id(model.preprocessing): model.preprocessing})
    copied.quiet = True
    return copied


def _trainer_like(trainer: Trainer, pooled: PooledValidation) -> Trainer:
    """Return a trainer with the settings of another one, which validates after each epoch and writes nothing."""
    return Trainer(
        accelerator=trainer.accelerator.name(),
        devices=1,
        precision=trainer.precision,  # type: ignore[arg-type]
        max_epochs=trainer.max_epochs,
        limit_train_batches=trainer.limit_train_batches,
        gradient_clip_val=trainer.gradient_clip_val,
        gradient_clip_algorithm=trainer.gradient_clip_algorithm,
        accumulate_grad_batches=trainer.accumulate_grad_batches,
        callbacks=[pooled],
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=trainer.default_root_dir,
    )


def _monitor_of(callbacks: Sequence[Callback], task: Task) -> str:
    """Return the validation score that the callbacks of a trainer monitor; by default the main one of the task."""
    found = (str(getattr(callback, "monitor", None)) for callback in callbacks)
    return next((name for name in found if name.startswith("val_")), f"val_{task.main_score}")
