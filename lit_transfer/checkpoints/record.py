"""What a checkpoint records beside the weights, so that it stands alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from lit_transfer.checkpoints.files import is_data
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import CheckpointError

# The key of this package's record in a checkpoint, and the version of its layout.
KEY = "lit_transfer"
FORMAT = 1
# What `Network.set_architecture` needs, and what it was before checkpoints recorded it.
ARCHITECTURE = {"hidden_size": 128, "num_layers": 1, "bidirectional": True, "pooling": "max"}


@dataclass(frozen=True)
class Record:
    """What prediction needs beside the weights.

    Attributes:
        preprocessing: What turns texts into ids.
        embedding_dim: Values per word.
        architecture: Arguments of `Network.set_architecture`.
        table: How the embedding table is found again, if it was left out; see `checkpoints.table_reference`.
        reading: How the data module read the texts: arguments of `TextDataModule`, for the command line.
        calibration: `temperature`, and `threshold` of the confidence below which the answer is "unsure".
        class_name: Name of the model's class.
        training: What it was trained on, for its model card: name of the text, number of texts of each class, and the share
            of the running words that have a vector.
    """

    preprocessing: Preprocessing
    embedding_dim: int
    architecture: dict[str, Any]
    table: dict[str, Any] | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    class_name: str = "TextClassifier"
    training: dict[str, Any] = field(default_factory=dict)


def write_record(checkpoint: dict[str, Any], record: Record, written_by: type) -> None:
    """Add a record to a checkpoint, as tensors and plain values.

    Args:
        checkpoint: What is about to be written; it is changed.
        record: The record.
        written_by: Class of the model.
    """
    checkpoint[KEY] = {
        "format": FORMAT,
        "class_path": f"{written_by.__module__}.{written_by.__qualname__}",
        "preprocessing": record.preprocessing.state_dict(),
        "embedding_dim": record.embedding_dim,
        "architecture": record.architecture,
        "reading": {name: value for name, value in record.reading.items() if is_data(value)},
        "calibration": record.calibration,
        "training": record.training,
        **({} if record.table is None else {"table": record.table}),
    }


def read_record(checkpoint: dict[str, Any], name: str = "The checkpoint", written_by: type | None = None) -> Record:
    """Read the record of a checkpoint.

    Args:
        checkpoint: What was read.
        name: What an error calls it.
        written_by: Class that must have written it, by its name, so that a class may move; None allows any.

    Raises:
        CheckpointError: There is no record, it is damaged or of a newer version, or another class wrote it.
    """
    part = checkpoint.get(KEY)
    if not isinstance(part, dict):
        raise CheckpointError(
            f"{name} was not written by lit_transfer: it has no vocabulary and no labels. Give a file that `fit` wrote."
        )
    if not isinstance(version := part.get("format", 0), int) or version > FORMAT:
        raise CheckpointError(
            f"{name} is of the format {version!r}, this version of lit_transfer reads up to {FORMAT}. Update lit_transfer."
        )
    class_path = str(part.get("class_path", ""))
    class_name = class_path.rpartition(".")[2]
    if written_by is not None and class_name != written_by.__name__:
        raise CheckpointError(
            f"{name} was written by {class_path}, not {written_by.__module__}.{written_by.__qualname__}. "
            "Load it with that class."
        )
    try:
        arguments = checkpoint.get("hyper_parameters", {}) if version == 0 else part["architecture"]
        preprocessing = Preprocessing.from_state_dict(part["preprocessing"])
        if version == 0:  # it was an argument of the model alone, and of the modes that start from the vectors
            is_open = arguments.get("open_vocabulary", True) and arguments.get("transfer") != "random"
            preprocessing = dataclasses.replace(
                preprocessing, open_vocabulary=is_open and preprocessing.vectors is not None
            )
        return Record(
            preprocessing,
            int(part["embedding_dim"]),
            {
                key: arguments.get(key, default) if version == 0 else arguments[key]
                for key, default in ARCHITECTURE.items()
            },
            part.get("table"),
            dict(part.get("reading", {})),
            _read_calibration(part.get("calibration", {})),
            class_name,
            dict(part.get("training", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise (
            error
            if isinstance(error, CheckpointError)
            else CheckpointError(
                f"{name} is damaged: its record cannot be read ({type(error).__name__}: {error}). Give a file that `fit` wrote."
            )
        ) from error


def _read_calibration(part: dict[str, Any]) -> dict[str, Any]:
    """Take what this version knows of a record's calibration.

    Raises:
        ValueError: The temperature is no number above 0, or a threshold no number.
    """
    found: dict[str, Any] = {}
    if part.get("temperature") is not None:
        found["temperature"] = float(part["temperature"])
        if not found["temperature"] > 0:
            raise ValueError(f"temperature {part['temperature']!r}")
    threshold = part.get("threshold")
    if isinstance(threshold, dict):
        found["threshold"] = {str(name): float(least) for name, least in threshold.items()}
    elif threshold is not None:
        found["threshold"] = float(threshold)
    return found


def load_weights(network: nn.Module, checkpoint: dict[str, Any], name: str, strict: bool = True) -> None:
    """Load the weights of a checkpoint into a network whose layers were made by its record.

    Args:
        network: The network.
        checkpoint: What was read.
        name: What an error calls it.
        strict: Whether the names of the weights must be those of the network.

    Raises:
        CheckpointError: The weights are not those of this network.
    """
    try:
        network.load_state_dict(checkpoint["state_dict"], strict=strict)
    except (RuntimeError, TypeError, AttributeError) as error:
        first = str(error).partition("\n")[2].strip() or str(error)
        raise CheckpointError(
            f"{name} does not hold the weights of {type(network).__name__}: {' '.join(first.split())[:300]}. Load it with the "
            "class and the arguments that it was trained with."
        ) from error
