"""Checkpoint files, read as data, never as code."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from lit_transfer.errors import CheckpointError


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
            from lightning.fabric.plugins import TorchCheckpointIO

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
