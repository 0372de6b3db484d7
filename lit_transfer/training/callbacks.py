"""The callbacks that the classifier and the pretraining module add to their trainer."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer

from lit_transfer.errors import ConfigError
from lit_transfer.training.finite_loss import FiniteLoss
from lit_transfer.training.fold_validation import FoldValidation
from lit_transfer.training.no_validation import WithoutValidation
from lit_transfer.training.optimization.group_rates import GroupRates
from lit_transfer.training.optimization.row_sparse import RowGradients
from lit_transfer.training.optimization.softmax_start import SoftmaxStart
from lit_transfer.training.resume import ExactResume


def classifier_callbacks(trainer: Trainer, softmax_start: str, quiet: bool) -> list[Callback]:
    """Return the callbacks of a classifier besides its reports, and insert `BuildLayers` before those of the trainer."""
    start: list[Callback] = [SoftmaxStart(quiet)] if softmax_start == "regression" else []
    return [FoldValidation(quiet), *start, GroupRates(), *pretraining_callbacks(trainer), WithoutValidation(quiet)]


def pretraining_callbacks(trainer: Trainer) -> list[Callback]:
    """Return the callbacks of every run, and insert `BuildLayers` before those of the trainer."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if not any(isinstance(callback, BuildLayers) for callback in callbacks):
        callbacks.insert(0, BuildLayers())  # Lightning appends the callbacks of a module
    return [ExactResume(), FiniteLoss(), RowGradients()]


def check_callbacks(module: LightningModule) -> None:
    """Check that a subclass which overrides `configure_callbacks` returns those of its base class, too.

    Without them, training would go on with other results: gradients not averaged over processes, groups not frozen.

    Raises:
        ConfigError: Callbacks of the base class are missing.
    """
    callbacks: list[Callback] = module.trainer.callbacks  # type: ignore[attr-defined]
    if not any(isinstance(callback, RowGradients) for callback in callbacks):
        raise ConfigError(
            f"{type(module).__name__}.configure_callbacks leaves out the callbacks of its base class, which training needs: "
            "return [*super().configure_callbacks(), ...]."
        )


class BuildLayers(Callback):
    """Callback that creates the layers of a module as soon as its data module has read the data.

    Weight averaging and pruning copy the layers in their setup, which Lightning calls before that of the module.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create the layers before the setup of other callbacks."""
        build = getattr(pl_module, "build", None)
        if build is not None:
            build(stage)
