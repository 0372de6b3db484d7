"""The checkpoints of a trainer: where they are, and that they are written completely."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from lit_transfer.checkpoints.files import read_checkpoint, write_checkpoint


class WholeFiles(TorchCheckpointIO):
    """Writes each checkpoint under another name in the same folder, and renames it when it is on the disk.

    Lightning writes to the system's folder for temporary files; from another disk a rename is a copy, which can end in
    the middle.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Writes a checkpoint.

        Raises:
            CheckpointError: It cannot be written. An earlier checkpoint of that name is as it was.
        """
        if "://" in str(path):
            super().save_checkpoint(checkpoint, str(path), storage_options)
            return
        write_checkpoint(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        """Reads a checkpoint, see `read_checkpoint`; unless this run was told `weights_only=False` in so many words."""
        if weights_only is False:
            return super().load_checkpoint(path, map_location, weights_only)
        return read_checkpoint(path, map_location)


def use_whole_files(trainer: Trainer) -> None:
    """Replace Lightning's own checkpoint I/O by `WholeFiles`; a plugin that the user chose stays."""
    if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
        trainer.strategy.checkpoint_io = WholeFiles()


def last_checkpoint(trainer: Trainer) -> Path | None:
    """Return the newest checkpoint of this run or of an earlier one in the same folders.

    Lightning's own `last` looks only in the folder of this run, which is a new one for each version of a logger.
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
