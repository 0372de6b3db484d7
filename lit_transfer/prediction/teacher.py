"""Class probabilities of texts from a teacher: a trained model, or a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lit_transfer.errors import ConfigError, DataError
from lit_transfer.prediction.loading import load
from lit_transfer.pretraining.teacher import read_rows


def teacher_probabilities(path: str, texts: Sequence[str], labels: Sequence[str]) -> Tensor:
    """Return the teacher's class probabilities.

    Args:
        path: A model for `lit_transfer.load`, or an `.npy` file with a row for each text and a column for each class, in the
            order of the labels.
        texts: The texts.
        labels: Class names.

    Returns:
        Class probabilities. *Shape:* `(texts, num_classes)`, float32.

    Raises:
        ConfigError: The file does not exist, or the model has other classes.
        CheckpointError: The model is missing or damaged.
        DataError: The file does not contain a probability distribution over the classes for each text.
    """
    if path.endswith(".npy"):
        found = np.array(read_rows(Path(path).expanduser(), len(texts), "teacher", "training texts"), dtype=np.float32)
        sums = found.sum(axis=1)
        if found.shape[1] != len(labels) or not ((found >= 0).all() and np.allclose(sums, 1, atol=1e-3)):
            raise DataError(
                f"teacher: {path} has {found.shape[1]} columns, and its rows sum to {sums.min():.3g} to {sums.max():.3g}; "
                f"expected probabilities of the {len(labels)} classes {', '.join(labels)}, in this order."
            )
        return torch.from_numpy(found)
    return torch.from_numpy(model_teacher(path, labels)(texts))


def model_teacher(path: str, labels: Sequence[str]) -> Callable[[Sequence[str]], np.ndarray]:
    """Load a trained model as a teacher.

    Args:
        path: A model for `lit_transfer.load`.
        labels: Class names.

    Returns:
        A function from texts to class probabilities in the order of the labels. *Shape:* `(texts, num_classes)`, float32.

    Raises:
        ConfigError: The model has other classes.
        CheckpointError: The model is missing or damaged.
    """
    predictor = load(path)
    if set(predictor.classes_) != set(labels):
        raise ConfigError(
            f"teacher: {path} has the classes {', '.join(predictor.classes_)}, but the training texts have {', '.join(labels)}. "
            "Use a model with the same classes."
        )
    columns = [predictor.classes_.index(label) for label in labels]
    return lambda texts: np.asarray(predictor.predict_proba(texts), dtype=np.float32)[:, columns]
