"""Checkpoint files: written whole or not at all, and read as data, never as code."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from lit_transfer.errors import CheckpointError
from lit_transfer.files import written_whole

# The key of this package's part of a checkpoint.
CHECKPOINT_KEY = "lit_transfer"


def read_checkpoint(path: str | os.PathLike[str], map_location: Any = "cpu", mmap: bool = False) -> dict[str, Any]:
    """Reads a checkpoint as tensors and plain values; nothing in the file is executed.

    Args:
        path: the file.
        map_location: where its tensors go.
        mmap: whether tensors are read only when they are used.

    Raises:
        CheckpointError: it is missing, damaged, or holds something else.
    """
    remote = "://" in str(path)
    if not remote and not Path(path).is_file():
        raise CheckpointError(f"There is no checkpoint {path} (looked in {os.getcwd()}). Check the path.")
    try:
        if remote:
            checkpoint = TorchCheckpointIO().load_checkpoint(str(path), map_location, weights_only=True)
        else:
            checkpoint = torch.load(path, map_location, weights_only=True, mmap=mmap)
    except Exception as error:  # torch has no error of its own for damaged files
        if "weights_only" not in str(error):
            raise CheckpointError(
                f"{path} cannot be read as a checkpoint: it is cut off, or a file of another kind. Give a file that `fit` wrote."
            ) from error
        found = re.search(r"GLOBAL (\S+)|call to (\S+)|(\S+) was not an allowed global", str(error))
        raise CheckpointError(
            f"{path} holds more than tensors and plain values{f' ({found[0]})' if found else ''}: reading that could run code "
            "which is hidden in the file, so it was not read. Give a file that `fit` wrote."
        ) from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise CheckpointError(f"{path} holds no weights. Give a file that `fit` wrote.")
    return checkpoint


def add_part(checkpoint: dict[str, Any], part: dict[str, Any], written_by: type) -> None:
    """Adds this package's part to a checkpoint.

    Args:
        checkpoint: what is about to be written; it is changed.
        part: tensors and plain values.
        written_by: the model's class.
    """
    checkpoint[CHECKPOINT_KEY] = {"class_path": _class_path(written_by), **part}


def get_part(
    checkpoint: dict[str, Any], name: str = "The checkpoint", written_by: type | None = None
) -> dict[str, Any]:
    """This package's part of a checkpoint.

    Args:
        checkpoint: what was read.
        name: what an error calls it.
        written_by: the class that must have written it; None allows any.

    Raises:
        CheckpointError: it has no such part, or another class wrote it.
    """
    part = checkpoint.get(CHECKPOINT_KEY)
    if part is None:
        raise CheckpointError(
            f"{name} was not written by lit_transfer: it has no vocabulary and no labels. Give a file that `fit` wrote."
        )
    if written_by is not None and part["class_path"] != _class_path(written_by):
        raise CheckpointError(
            f"{name} was written by {part['class_path']}, not {_class_path(written_by)}. Load it with that class."
        )
    return part


def _class_path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def is_data(value: Any) -> bool:
    """Whether a value is of str, int, float, bool, None, and lists and dicts of them."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_data(each) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(is_data, value))
    return value is None or isinstance(value, (str, int, float, bool))


def arguments_as_data(checkpoint: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """The arguments that a model was made with, of those that are known and are data."""
    saved = checkpoint.get("hyper_parameters", {})
    return {name: value for name, value in saved.items() if name in known and is_data(value)}


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
            CheckpointError: it cannot be written. An earlier checkpoint of that name is as it was.
        """
        if "://" in str(path):
            super().save_checkpoint(checkpoint, str(path), storage_options)
            return
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            with written_whole(Path(path), "wb") as file:
                file.write(content.getbuffer())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            kept = ", and the earlier one of that name is as it was" if Path(path).exists() else ""
            raise CheckpointError(
                f"The checkpoint {path} ({content.tell() / 1e6:.1f} MB) could not be written: {error.strerror or error}{kept}. "
                "Make room, or set --trainer.default_root_dir (and the loggers' save_dir) to another folder; then go on "
                "from the last checkpoint with --ckpt_path."
            ) from error

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        """Reads a checkpoint, see `read_checkpoint`; unless this run was told `weights_only=False` in so many words."""
        if weights_only is False:
            return super().load_checkpoint(path, map_location, weights_only)
        return read_checkpoint(path, map_location)
