"""The record in a checkpoint: everything besides the weights that prediction needs."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from lit_transfer.checkpoints.files import is_data
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.texts import UNKNOWN, SeenTexts
from lit_transfer.errors import CheckpointError
from lit_transfer.layers.architecture import Architecture
from lit_transfer.tasks import MultiLabel, SingleLabel, Task

# The key of this package's record in a checkpoint, and the version of its layout.
KEY = "lit_transfer"
FORMAT = 2
# The key of the hashes of the training texts in the record.
SEEN_TEXTS = "seen_texts"
# The version of the layout of a task's record: earlier releases, which know one label only, refuse records of several.
_FORMATS = {SingleLabel.name: 1, MultiLabel.name: 2}
ARCHITECTURE = tuple(field.name for field in dataclasses.fields(Architecture))


@dataclass(frozen=True)
class Record:
    """The information besides the weights that prediction needs.

    Attributes:
        preprocessing: Conversion of texts to ids, and the class names.
        embedding_dim: Number of values per word.
        architecture: The arguments that determine the shapes of the layers.
        table: Reference to the embedding table if the checkpoint omits it; see `checkpoints.table_reference`.
        reading: Arguments of `TextDataModule` that describe how texts are read, for the command line.
        calibration: The `temperature`, the `threshold` (least probability of a class, a number or one for each class), and
            whether the model should `abstain` from answers without a label.
        class_name: Name of the model's class.
        training: Description of the training data for the model card: name of the data, number of texts of each class,
            and share of the tokens that have a vector.
        seen_texts: Hashes of the training texts.
    """

    preprocessing: Preprocessing
    embedding_dim: int
    architecture: Architecture
    table: dict[str, Any] | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    class_name: str = "TextClassifier"
    training: dict[str, Any] = field(default_factory=dict)
    seen_texts: SeenTexts = UNKNOWN

    @property
    def task(self) -> Task:
        """Task with the class names."""
        return self.preprocessing.task


def write_record(checkpoint: dict[str, Any], record: Record, written_by: type) -> None:
    """Add a record to a checkpoint that is to be written, in place, as tensors and plain values."""
    checkpoint[KEY] = {
        "format": _FORMATS[record.preprocessing.task.name],
        "class_path": f"{written_by.__module__}.{written_by.__qualname__}",
        "preprocessing": record.preprocessing.state_dict(),
        "embedding_dim": record.embedding_dim,
        "architecture": dataclasses.asdict(record.architecture),
        "reading": {name: value for name, value in record.reading.items() if is_data(value)},
        "calibration": record.calibration,
        "training": record.training,
        **({} if record.table is None else {"table": record.table}),
        SEEN_TEXTS: {"keys": torch.from_numpy(record.seen_texts.keys), "complete": record.seen_texts.complete},
    }


def read_record(checkpoint: dict[str, Any], name: str = "The checkpoint", written_by: type | None = None) -> Record:
    """Read the record of a checkpoint.

    Args:
        checkpoint: The checkpoint.
        name: Name of the checkpoint in error messages.
        written_by: Class expected to have written it, compared by name, so that a class may be moved; None allows any.

    Raises:
        CheckpointError: The record is missing, damaged, of a newer version, or written by another class.
    """
    part = checkpoint.get(KEY)
    if not isinstance(part, dict):
        raise CheckpointError(
            f"{name} was not written by lit_transfer: it has no vocabulary and no labels. Use a file written by `fit`."
        )
    if not isinstance(version := part.get("format", 0), int) or version > FORMAT:
        raise CheckpointError(f"{name} has the format {version!r}; expected at most {FORMAT}. Update lit_transfer.")
    class_path = str(part.get("class_path", ""))
    class_name = class_path.rpartition(".")[2]
    if written_by is not None and class_name != written_by.__name__:
        raise CheckpointError(
            f"{name} was written by {class_path}, not {written_by.__module__}.{written_by.__qualname__}. "
            "Load it with that class."
        )
    try:
        # Checkpoints of version 0 have the arguments of the model only, and lack those with their default values.
        arguments = checkpoint.get("hyper_parameters", {}) if version == 0 else part["architecture"]
        shape = {name: arguments[name] for name in ARCHITECTURE if version > 0 or name in arguments}
        preprocessing = Preprocessing.from_state_dict(part["preprocessing"])
        if version == 0:  # then an argument of the model, for the modes that use the vectors
            is_open = arguments.get("open_vocabulary", True) and arguments.get("transfer") != "random"
            preprocessing = dataclasses.replace(
                preprocessing, open_vocabulary=is_open and preprocessing.vectors is not None
            )
        seen = part.get(SEEN_TEXTS)  # earlier releases and models on the hub have none
        return Record(
            preprocessing,
            int(part["embedding_dim"]),
            Architecture(**shape),
            part.get("table"),
            dict(part.get("reading", {})),
            _read_calibration(part.get("calibration", {})),
            class_name,
            dict(part.get("training", {})),
            UNKNOWN if seen is None else SeenTexts(seen["keys"].cpu().numpy(), bool(seen["complete"])),
        )
    except CheckpointError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(
            f"{name} is damaged: its record cannot be read ({type(error).__name__}: {error}). Use a file written by `fit`."
        ) from error


def _read_calibration(part: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of a record's calibration that this version knows.

    Raises:
        ValueError: The temperature is not a number above 0, or a threshold is not a number.
    """
    found: dict[str, Any] = {}
    if part.get("temperature") is not None:
        found["temperature"] = float(part["temperature"])
        if not 0 < found["temperature"] < math.inf:
            raise ValueError(f"temperature {part['temperature']!r}")
    threshold = part.get("threshold")
    if isinstance(threshold, dict):
        found["threshold"] = {str(name): float(least) for name, least in threshold.items()}
    elif threshold is not None:
        found["threshold"] = float(threshold)
    thresholds = found.get("threshold", 0.0)
    if any(map(math.isnan, thresholds.values() if isinstance(thresholds, dict) else [thresholds])):
        raise ValueError(f"threshold {threshold!r}")
    if part.get("abstain"):
        found["abstain"] = True
    return found


def load_weights(network: nn.Module, checkpoint: dict[str, Any], name: str, strict: bool = True) -> None:
    """Load the weights of a checkpoint into a network whose layers were created from its record.

    With `strict`, the names of the weights must match those of the network; `name` is that of the checkpoint in messages.

    Raises:
        CheckpointError: The weights do not match the network.
    """
    try:
        network.load_state_dict(checkpoint["state_dict"], strict=strict)
    except (RuntimeError, TypeError, AttributeError) as error:
        first = str(error).partition("\n")[2].strip() or str(error)
        raise CheckpointError(
            f"{name} does not contain the weights of {type(network).__name__}: {' '.join(first.split())[:300]}. Load it with the "
            "class and the arguments that it was trained with."
        ) from error
