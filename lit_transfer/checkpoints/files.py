"""Checkpoint files, read as data and never as code."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import torch
from typing_extensions import TypeIs

from lit_transfer.checkpoints.pretrained import read_pretrained
from lit_transfer.errors import CheckpointError
from lit_transfer.files import atomic_write, excerpt, is_address, is_text, recognize

CheckpointPath = str | os.PathLike[str] | IO[bytes]
"""A checkpoint file, a folder written by `save_pretrained`, or an open binary file."""

_ARCHIVE_OR_PICKLE = (b"PK\x03\x04", b"\x80")


def read_checkpoint(path: CheckpointPath, map_location: Any = "cpu", mmap: bool = False) -> dict[str, Any]:
    """Read a checkpoint as tensors and plain values; nothing in the file is executed.

    Args:
        path: A checkpoint file, a folder written by `save_pretrained`, or an open binary file such as `io.BytesIO`.
        map_location: Device of the tensors.
        mmap: Whether tensors are memory-mapped, so that they are read only when used.

    Raises:
        CheckpointError: The file is missing, damaged, or not a checkpoint.
    """
    name = name_of(path)
    if not is_open(path) and not is_address(path):
        if Path(path).is_dir():
            return read_pretrained(Path(path))
        if not Path(path).is_file():
            advice = "Check the path."
            if str(path) in ("best", "last"):  # words of Lightning for the run of the same process
                advice = f"Give the path that `fit` printed: {path} is known only while training."
            raise CheckpointError(f"There is no checkpoint {path} (looked in {os.getcwd()}). {advice}")
    try:
        if is_open(path):
            checkpoint = torch.load(_rewound(path), map_location, weights_only=True)
        elif is_address(path):
            from lightning.fabric.plugins import TorchCheckpointIO

            checkpoint = TorchCheckpointIO().load_checkpoint(str(path), map_location, weights_only=True)
        else:
            checkpoint = torch.load(path, map_location, weights_only=True, mmap=mmap)
    except CheckpointError:
        raise
    except Exception as error:  # torch has no exception class for damaged files
        if what := _describe_other(path):
            raise CheckpointError(f"{name} is {what}") from error
        if "weights_only" not in str(error):
            raise CheckpointError(
                f"{name} cannot be read as a checkpoint: it is truncated, or another kind of file. Use a file written by `fit`."
            ) from error
        found = re.search(r"GLOBAL (\S+)|call to (\S+)|(\S+) was not an allowed global", str(error))
        raise CheckpointError(
            f"{name} contains more than tensors and plain values{f' ({found[0]})' if found else ''}: loading it could run code "
            "in the file, so it was not loaded. Use a file written by `fit`."
        ) from error
    if not isinstance(checkpoint, dict) or not isinstance(checkpoint.get("state_dict"), dict):
        raise CheckpointError(f"{name} contains no weights. Use a file written by `fit`.")
    return checkpoint


def is_open(path: CheckpointPath) -> TypeIs[IO[bytes]]:
    """Return whether a checkpoint is given as an open file.

    Raises:
        CheckpointError: It is neither an open file nor a path.
    """
    if not hasattr(path, "read") and not isinstance(path, (str, os.PathLike)):
        raise CheckpointError(f"Expected the path of a checkpoint or an open file, got {type(path).__name__}.")
    return hasattr(path, "read")


def name_of(path: CheckpointPath) -> str:
    """Return the name of a checkpoint in messages."""
    return str(getattr(path, "name", "The open file")) if is_open(path) else str(path)


def _rewound(file: IO[bytes]) -> IO[bytes]:
    """Return an open file at its beginning.

    Raises:
        CheckpointError: It was opened as text, is closed, or cannot be read in any order.
    """
    try:
        file.seek(0)
        is_binary = isinstance(file.read(0), bytes)
    except (OSError, ValueError) as error:  # a pipe, a closed file
        raise CheckpointError(
            f"{name_of(file)} cannot be read from its beginning: {error}. Give the path, or io.BytesIO."
        ) from error
    if not is_binary:
        raise CheckpointError(f"{name_of(file)} was opened as text. Open it with open(path, 'rb').")
    return file


def _describe_other(path: CheckpointPath) -> str | None:
    """Return the kind of a file that is neither archive nor pickle of torch, and the remedy; None if it may be a checkpoint."""
    if is_open(path):
        head = _rewound(path).read(1 << 14)
    elif is_address(path):
        return None
    else:
        with Path(path).open("rb") as file:
            head = file.read(1 << 14)
    if head.startswith(_ARCHIVE_OR_PICKLE):
        return None
    kind = f"{'text' if is_text(head) else 'a file'} that begins with {excerpt(head)}" if head else "an empty file"
    return recognize(head) or f"{kind}, not a checkpoint. Use a file written by `fit`."


def write_checkpoint(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint atomically.

    Raises:
        CheckpointError: The file cannot be written. An earlier checkpoint of that name is kept unchanged.
    """
    content = io.BytesIO()
    torch.save(checkpoint, content)
    try:
        with atomic_write(path, "wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        kept = "; the earlier checkpoint of that name is unchanged" if path.exists() else ""
        raise CheckpointError(
            f"The checkpoint {path} ({content.tell() / 1e6:.1f} MB) could not be written: {error.strerror or error}{kept}. "
            "Free disk space, or set --trainer.default_root_dir (and the loggers' save_dir) to another folder; then "
            "resume from the last checkpoint with --ckpt_path."
        ) from error


def is_data(value: Any) -> bool:
    """Return whether a value consists of str, int, float, bool, None, and lists and dicts of them."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_data(each) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(is_data, value))
    return value is None or isinstance(value, (str, int, float, bool))


def arguments_as_data(checkpoint: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the arguments that a model was created with, restricted to known arguments with plain values."""
    saved = checkpoint.get("hyper_parameters", {})
    return {name: value for name, value in saved.items() if name in known and is_data(value)}
