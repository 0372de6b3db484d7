"""Loading of a checkpoint as a predictor, without Lightning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import Record, load_weights, read_record
from lit_transfer.checkpoints.table_reference import put_back
from lit_transfer.errors import CheckpointError
from lit_transfer.hub.hub import find_model
from lit_transfer.layers.network import Network
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.runtime import folder
from lit_transfer.vectors.lookup import VectorSource

CLASS_NAME = "TextClassifier"


def load(path: str | os.PathLike[str], *, vectors: str | None = None, device: str = "cpu", **options: Any) -> Predictor:
    """Load a trained model for prediction. The file is read as data, and nothing that it names is imported.

    Args:
        path: A checkpoint written by `fit`, a folder written by `save_pretrained`, or a name on the Hugging Face hub.
        vectors: Path of the pretrained vectors, if they were moved after training.
        device: Device of the network.
        options: Further arguments of `Predictor`.

    Returns:
        The predictor.

    Raises:
        CheckpointError: The model is missing or damaged, or of a subclass of `TextClassifier`.
    """
    return load_with_record(path, vectors=vectors, device=device, **options)[0]


def load_with_record(
    path: str | os.PathLike[str], *, vectors: str | None = None, device: str = "cpu", **options: Any
) -> tuple[Predictor, Record]:
    """Load a trained model and the record of its checkpoint; see `load` for arguments and errors."""
    model = find_model(path)
    if (Path(model) / folder.MODEL).is_file():
        raise CheckpointError(
            f"{path} was written by `lightning export`. Load it with lit_transfer.runtime.load, or give a checkpoint or a folder "
            "written by `save_pretrained`."
        )
    checkpoint = read_checkpoint(model)
    record = read_record(checkpoint, str(path))
    if record.class_name != CLASS_NAME:
        raise CheckpointError(
            f"{path} was written by the class {record.class_name}, and does not contain its code. Load it with that class: "
            f"{record.class_name}.load_from_checkpoint({os.fspath(path)!r}).predictor()."
        )
    preprocessing = record.preprocessing
    if vectors is not None and preprocessing.vectors is not None:
        preprocessing = preprocessing.with_vectors_at(VectorSource(vectors))
    if record.table is not None:
        put_back(checkpoint, record.table, preprocessing)
    network = Network()
    network.set_architecture(**record.architecture)
    network.build_layers(
        vocabulary_size=len(preprocessing.vocabulary),
        pad_id=preprocessing.vocabulary.pad_id,
        num_classes=len(preprocessing.labels),
        embedding_dim=record.embedding_dim,
        learns=False,
    )
    checkpoint["state_dict"] = {
        name: value for name, value in checkpoint["state_dict"].items() if name.partition(".")[0] in LAYERS
    }
    load_weights(network, checkpoint, str(path))
    return Predictor(network.to(device), preprocessing, **{**record.calibration, **options}), record


# Layers with weights for prediction; other entries of a checkpoint, such as metrics, are needed for training only.
LAYERS = ("embedding", "lstm", "softmax")
