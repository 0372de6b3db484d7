"""A checkpoint as a folder in portable formats: tensors in safetensors, everything else in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from lit_transfer.errors import CheckpointError
from lit_transfer.files import atomic_write

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
# The keys of a checkpoint that are exported; states of optimizers and loops are needed for training only.
KEPT = ("state_dict", "lit_transfer", "hyper_parameters")
_TENSOR = "tensor"


def write_pretrained(checkpoint: dict[str, Any], folder: Path) -> None:
    """Write a checkpoint's weights and record, as prepared by `TextClassifier.on_save_checkpoint`, into an existing folder."""
    from safetensors.torch import save_file

    tensors: dict[str, torch.Tensor] = {}
    config = {name: _split(checkpoint[name], name, tensors) for name in KEPT if name in checkpoint}
    del config["state_dict"]
    preprocessing = config["lit_transfer"]["preprocessing"]
    vocabulary = {name: preprocessing.pop(name) for name in ("tokens", "counts")}
    weights = {name.removeprefix("state_dict/"): tensor.contiguous() for name, tensor in tensors.items()}
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / VOCABULARY).write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / CONFIG).write_text(json.dumps({"model_type": "lit_transfer", **config}, indent=2), encoding="utf-8")


def read_pretrained(folder: Path) -> dict[str, Any]:
    """Read a folder written by `write_pretrained` as a checkpoint.

    Raises:
        CheckpointError: A file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for name in (CONFIG, VOCABULARY, WEIGHTS):
        if not (folder / name).is_file():
            raise CheckpointError(
                f"{folder} is not the folder of a trained model: it has no {name}. Give a folder written by "
                "`save_pretrained`, or a checkpoint file."
            )
    try:
        tensors = load_file(folder / WEIGHTS)
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
        config["lit_transfer"]["preprocessing"] |= {name: vocabulary[name] for name in ("tokens", "counts")}
        others = {name: tensor for name, tensor in tensors.items() if "/" in name}
        record = {name: _join(config[name], others) for name in KEPT if name in config}
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder} is damaged ({type(error).__name__}: {error}). Give a folder written by `save_pretrained`."
        ) from error
    return {**record, "state_dict": {name: tensor for name, tensor in tensors.items() if name not in others}}


def store_calibration(folder: Path, calibration: dict[str, Any]) -> None:
    """Write entries of the record's calibration into a folder written by `write_pretrained`.

    Raises:
        CheckpointError: The folder is damaged.
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        record = config["lit_transfer"]
        record["calibration"] = {**record.get("calibration", {}), **calibration}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged ({type(error).__name__}: {error}).") from error
    with atomic_write(path) as file:
        json.dump(config, file, indent=2)


def _split(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Move the tensors in a value to `tensors`, and replace them by their names."""
    if isinstance(value, torch.Tensor):
        tensors[name] = value
        return {_TENSOR: name}
    if isinstance(value, dict):
        return {key: _split(each, f"{name}/{key}", tensors) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_split(each, f"{name}/{number}", tensors) for number, each in enumerate(value)]
    return value


def _join(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Invert `_split`."""
    if isinstance(value, dict):
        if value.keys() == {_TENSOR}:
            return tensors[value[_TENSOR]]
        return {key: _join(each, tensors) for key, each in value.items()}
    return [_join(each, tensors) for each in value] if isinstance(value, list) else value
