"""Checkpoints of a trainer: atomic writing, and finding the last one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.strategies.launchers.multiprocessing import _MultiProcessingLauncher
from lightning.pytorch.trainer.states import TrainerStatus

from lit_transfer.checkpoints.files import read_checkpoint, write_checkpoint
from lit_transfer.errors import CheckpointError
from lit_transfer.files import is_address

RECORD_OF_PROCESS = "record of a process"
"""Key of the record beside the weights that a process returns, see `returns_to_parent`."""


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoint I/O that writes each checkpoint to a temporary file in the same folder and then renames it.

    Lightning writes to the temporary folder of the system. If it is on another disk, the rename is a copy, which may be
    interrupted.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            CheckpointError: The file cannot be written. An earlier checkpoint of that name is kept unchanged.
        """
        if is_address(path):
            super().save_checkpoint(checkpoint, str(path), storage_options)
            return
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        """Read a checkpoint with `read_checkpoint`, unless `weights_only=False` is given explicitly."""
        if weights_only is False:
            return super().load_checkpoint(path, map_location, weights_only)
        return read_checkpoint(path, map_location)


def use_atomic_checkpoints(trainer: Trainer) -> None:
    """Replace Lightning's default checkpoint I/O by `AtomicCheckpointIO`; keep a plugin that the user chose."""
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = AtomicCheckpointIO()


def returns_to_parent(trainer: Trainer) -> bool:
    """Return whether a trainer has finished in a process that returns the weights to the one that started it.

    With `ddp_spawn`, `ddp_fork` and `ddp_notebook`, a model is set up in the started processes only.
    """
    launcher = trainer.strategy.launcher
    return isinstance(launcher, _MultiProcessingLauncher) and trainer.state.status == TrainerStatus.FINISHED


def attach_record(module: LightningModule) -> None:
    """Put a record beside the weights that a process returns, and create the layers from it where they are loaded.

    Loading weights into a module without layers raises a `CheckpointError`: they have no vocabulary to create them.
    """
    module.register_state_dict_post_hook(_add_record)
    module.register_load_state_dict_pre_hook(_use_record)


def _add_record(module: Any, weights: dict[str, Any], prefix: str, metadata: Any) -> None:
    if module._trainer is not None and returns_to_parent(module.trainer):
        record: dict[str, Any] = {"state_dict": dict(weights)}
        module.on_save_checkpoint(record)
        weights[RECORD_OF_PROCESS] = {name: value for name, value in record.items() if name != "state_dict"}


def _use_record(module: Any, weights: dict[str, Any], prefix: str, *_: Any) -> None:
    if RECORD_OF_PROCESS in weights:
        record = {**weights.pop(RECORD_OF_PROCESS), "state_dict": dict(weights)}
        module.on_load_checkpoint(record)
        weights.clear()
        # With a table that the record refers to, without layers that serve training only.
        weights.update(record["state_dict"])
    if module.preprocessing is None:
        raise CheckpointError(
            "The model has no layers yet, and a state dict has no vocabulary and no labels to create them. Load the "
            f"checkpoint with {type(module).__name__}.load_from_checkpoint(path)."
        )


def last_checkpoint(trainer: Trainer) -> Path | None:
    """Return the newest checkpoint of this run or of an earlier one in the same folders.

    Lightning's `last` searches only the folder of this run, and each version of a logger has a new folder.
    """
    folders = []
    for callback in trainer.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint) and callback.dirpath is not None:
            folders.append((Path(callback.dirpath), "*.ckpt"))
    if trainer.loggers:
        logger = trainer.loggers[0]
        folders.append((Path(logger.save_dir or trainer.default_root_dir) / str(logger.name), "*/checkpoints/*.ckpt"))
    else:
        folders.append((Path(trainer.default_root_dir) / "checkpoints", "*.ckpt"))
    found = [path for folder, pattern in folders for path in folder.glob(pattern)]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)
