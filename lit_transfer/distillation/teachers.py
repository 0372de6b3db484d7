"""Teachers: functions from texts to class probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lit_transfer.compare.baselines.encoders import load_encoder
from lit_transfer.compare.baselines.fitted import all_classes, fit_regression
from lit_transfer.compare.plan import SENTENCE, STATIC
from lit_transfer.data.corpus import Split
from lit_transfer.datamodule import TextDataModule
from lit_transfer.prediction.teacher import model_teacher
from lit_transfer.tasks import Task

Teacher = Callable[[Sequence[str]], np.ndarray]
"""Function from texts to class probabilities, *Shape:* `(texts, num_classes)`."""


def load_teacher(name: str, data: TextDataModule) -> Teacher:
    """Load a teacher.

    Args:
        name: `sentence:PATH` or `static:PATH` for logistic regression on the vectors of a sentence encoder (see
            `lit_transfer.compare.baselines.encoders.load_encoder`), fitted to the train split, with the regularization
            strength selected on the validation split; or a model for `lit_transfer.load` with the same classes.
        data: Data module of the task.

    Raises:
        ConfigError: The library of the encoder is not installed, the model has other classes, or there is no validation
            split.
        CheckpointError: The model is missing or damaged.
    """
    val = data.split("val")
    if not name.startswith((SENTENCE, STATIC)):
        return model_teacher(name, data.task)
    encoder, train = load_encoder(name, "teacher"), data.split("train")
    vectors, val_vectors = (encoder.encode(list(split.texts)) for split in (train, val))
    regression, num_classes = fit_regression(vectors, train.labels, val_vectors, val.labels), len(data.labels)
    return lambda texts: all_classes(regression, encoder.encode(list(texts)), num_classes)


def accuracy(teacher: Teacher, split: Split, task: Task) -> float:
    """Return the share of the texts that a teacher classifies correctly, 0 to 1."""
    assert split.labels is not None
    return float(task.correct(task.decide(teacher(split.texts)), split.labels).mean())
