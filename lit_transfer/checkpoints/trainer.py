"""The checkpoints of a trainer's run: where they are, and that they are written whole."""

from __future__ import annotations

from pathlib import Path

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from lit_transfer.checkpoints.files import WholeFiles


def use_whole_files(trainer: Trainer) -> None:
    """Puts `WholeFiles` in the place of Lightning's own; a plugin that the user chose stays."""
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = WholeFiles()


def last_checkpoint(trainer: Trainer) -> Path | None:
    """The newest checkpoint of this run or of an earlier one in the same place.

    Lightning's own `last` looks only where this run would write, which is a new folder for each version of a logger.
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
