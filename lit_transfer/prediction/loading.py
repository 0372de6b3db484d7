"""Loading of a trained model as a predictor, without Lightning: a network or a fitted baseline."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from lit_transfer.baselines.record import BaselineRecord, is_baseline, read_record, write_record
from lit_transfer.checkpoints.files import CheckpointPath, is_open, name_of, read_checkpoint, write_checkpoint
from lit_transfer.checkpoints.pretrained import store_calibration as store_in_folder
from lit_transfer.checkpoints.record import KEY, Record, load_weights
from lit_transfer.checkpoints.restoring import restore
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.hub.hub import find_model
from lit_transfer.layers.network import Network
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.runtime import folder
from lit_transfer.vectors.lookup import VectorSource

if TYPE_CHECKING:
    from lit_transfer.prediction.baseline_predictor import BaselinePredictor

CLASS_NAME = "TextClassifier"


Loaded = Union[Predictor, "BaselinePredictor"]
"""A trained model for prediction."""


def load(path: CheckpointPath, *, vectors: str | None = None, device: str = "cpu", **options: Any) -> Loaded:
    """Load a trained model for prediction. The file is read as data, and nothing that it names is imported.

    Args:
        path: A checkpoint written by `fit`, also as an open binary file or `io.BytesIO`, a folder written by `save_pretrained`
            or (`recommended/`) by a comparison, or a name on the Hugging Face hub.
        vectors: Path of the pretrained vectors, if they were moved after training.
        device: Device of the network.
        options: Further arguments of `Predictor`, or of `BaselinePredictor`.

    Raises:
        CheckpointError: The model is missing or damaged, or of a subclass of `TextClassifier`.
        ConfigError: A library of a baseline is not installed, or an argument is for networks only.
    """
    return load_with_record(path, vectors=vectors, device=device, **options)[0]


def load_network(path: str | os.PathLike[str], **options: Any) -> Predictor:
    """Load a trained network; see `load` for arguments.

    Raises:
        ConfigError: The model is a baseline.
        CheckpointError: As for `load`.
    """
    return as_network(load(path, **options), path)


def as_network(predictor: Loaded, path: str | os.PathLike[str]) -> Predictor:
    """Return a loaded model if it is a network.

    Raises:
        ConfigError: The model is a baseline.
    """
    if not isinstance(predictor, Predictor):
        raise ConfigError(
            f"{os.fspath(path)} is the baseline {predictor.record.name}; this needs a network. Give a checkpoint of `fit`."
        )
    return predictor


def load_with_record(
    path: CheckpointPath, *, vectors: str | None = None, device: str = "cpu", **options: Any
) -> tuple[Loaded, Record | BaselineRecord]:
    """Load a trained model and its record; see `load` for arguments and errors."""
    name = name_of(path)
    model = path if is_open(path) else find_model(path)
    if not is_open(model) and (Path(model) / folder.MODEL).is_file():
        raise CheckpointError(
            f"{path} was written by `lightning export`. Load it with lit_transfer.runtime.load, or give a checkpoint or a folder "
            "written by `save_pretrained`."
        )
    if not is_open(model) and is_baseline(Path(model)):
        from lit_transfer.baselines.folder import read_baseline
        from lit_transfer.prediction.baseline_predictor import BaselinePredictor

        baseline, known = read_baseline(Path(model))
        return BaselinePredictor(baseline, known, vectors=vectors, device=device, **options), known
    checkpoint = read_checkpoint(model)
    record = restore(checkpoint, name, vectors=None if vectors is None else VectorSource(vectors))
    if record.class_name != CLASS_NAME:
        raise CheckpointError(
            f"{name} was written by the class {record.class_name}, and does not contain its code. Load it with that class: "
            f"{record.class_name}.load_from_checkpoint({'file' if is_open(path) else repr(os.fspath(path))}).predictor()."
        )
    network = Network()
    network.set_architecture(record.architecture)
    network.build_layers(**record.preprocessing.sizes, embedding_dim=record.embedding_dim, trainable=False)
    checkpoint["state_dict"] = {
        name: value for name, value in checkpoint["state_dict"].items() if name.partition(".")[0] in LAYERS
    }
    load_weights(network, checkpoint, name)
    return Predictor(network.to(device), record.preprocessing, **{**record.calibration, **options}), record


# Layers with weights for prediction; other entries of a checkpoint, such as metrics, are needed for training only.
LAYERS = ("embedding", "lstm", "softmax")


def store_calibration(path: str | os.PathLike[str], found: dict[str, Any]) -> None:
    """Write entries of the calibration, such as `threshold`, into a trained model: a checkpoint, or a folder.

    Raises:
        ConfigError: The path is neither.
        CheckpointError: The model is damaged, or cannot be written.
    """
    model = Path(path)
    if is_baseline(model):
        known = read_record(model)
        write_record(model, dataclasses.replace(known, calibration={**known.calibration, **found}))
    elif model.is_dir():
        store_in_folder(model, found)
    elif model.is_file():
        checkpoint = read_checkpoint(model)
        checkpoint[KEY]["calibration"] = {**checkpoint[KEY].get("calibration", {}), **found}
        write_checkpoint(checkpoint, model)
    else:
        raise ConfigError(f"{path} is not on this disk; expected a checkpoint or a folder to write the threshold into.")
