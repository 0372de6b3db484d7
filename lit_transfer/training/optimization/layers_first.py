"""Early creation of the layers, for weight averaging and pruning."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer

from lit_transfer.layers.network import Architecture


class BuildLayers(Callback):
    """Callback that creates the layers of a module as soon as its data module has read the data.

    Weight averaging and pruning copy the layers in their setup, which Lightning calls before that of the module.
    """

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create the layers before the setup of other callbacks."""
        if isinstance(pl_module, Architecture):
            pl_module.build(stage)


def build_layers_first(trainer: Trainer) -> None:
    """Insert `BuildLayers` before the callbacks of a trainer; Lightning appends those of a module."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if not any(isinstance(callback, BuildLayers) for callback in callbacks):
        callbacks.insert(0, BuildLayers())
