"""From logits to predictions: the common part of all predictors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.tasks import Task
from lit_transfer.tasks.prediction import Prediction as Prediction


class BasePredictor(ABC):
    """Base class of predictors; subclasses compute the logits.

    Attributes:
        task: Task with the class names.
        temperature: Divisor of the logits before the softmax (Guo et al. 2017, section 4.2).
        threshold: Least probability of a class: a number, or a dict with a number per class. A single label below it is None
            ("unsure"); of several labels, those below it are left out. None for that of the task.
        abstain: Whether a text without any of several labels is "unsure".
    """

    task: Task
    temperature: float
    threshold: float | dict[str, float] | None
    abstain: bool = False

    @property
    def classes_(self) -> list[str]:
        """Class names, in the order of the columns of `predict_proba`."""
        return list(self.task.classes)

    @abstractmethod
    def logits(self, texts: Iterable[str]) -> np.ndarray:
        """Compute the logits of texts, before temperature and softmax. *Shape:* `(texts, num_classes)`, float32."""

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Return class probabilities; those of a single label sum to 1. *Shape:* `(texts, num_classes)`, float64."""
        return self.task.probabilities(self.logits(texts), self.temperature)

    def predict(self, texts: Iterable[str]) -> list[Any]:
        """Return the class name of each text, or with several labels a list of class names; None if the model is unsure."""
        return [each.answer for each in self.predictions(texts)]

    def predictions(self, texts: Iterable[str]) -> list[Prediction]:
        """Return the label and the probabilities of each text, in the order of the texts.

        Raises:
            ConfigError: The texts are a single str, None, or contain other objects than str.
        """
        return self.task.predictions(self.predict_proba(texts), self.threshold, self.abstain)

    def stream(self, texts: Iterable[str], chunk: int = 1024) -> Iterator[Prediction]:
        """Classify an iterable of any length in chunks of texts, in order and in bounded memory."""
        rest = iter(texts)
        while some := list(islice(rest, chunk)):
            yield from self.predictions(some)


def as_texts(texts: Iterable[str]) -> list[str]:
    """Return texts as a list.

    Raises:
        ConfigError: The texts are a single str, None, or contain other objects than str.
    """
    if texts is None or isinstance(texts, (str, bytes, set, frozenset, Mapping)):
        kind = "None" if texts is None else f"one {type(texts).__name__}"
        raise ConfigError(
            f"Expected texts as a list or another iterable of str, got {kind}. Pass [text] for a single text, and a list "
            "for texts without an order."
        )
    found = list(texts)
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise ConfigError(f"Expected every text to be a str, got {type(text).__name__} at position {number}.")
    return found


def check_finite(values: np.ndarray) -> np.ndarray:
    """Return logits or probabilities, unless one is not finite.

    Raises:
        CheckpointError: A value is not finite.
    """
    if not np.isfinite(values).all():
        raise CheckpointError(
            "The model's output is not finite: its weights or vectors are damaged, or its training diverged. Use another "
            "checkpoint, or train again with a smaller learning rate."
        )
    return values
