"""From logits to predictions: the common part of all predictors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from lit_transfer.errors import ConfigError


class Prediction(NamedTuple):
    """The prediction for a text.

    Attributes:
        label: Name of the most probable class; None if the model is unsure, see `Answers.threshold`.
        probabilities: Probability of each class by name; they sum to 1.
    """

    label: str | None
    probabilities: dict[str, float]

    @property
    def confidence(self) -> float:
        """The largest probability."""
        return max(self.probabilities.values())


class Answers(ABC):
    """Base class of predictors; subclasses compute the logits.

    Attributes:
        classes_: Class names, in the order of the columns of `predict_proba`.
        temperature: Divisor of the logits before the softmax (Guo et al. 2017, section 4.2).
        threshold: Confidence below which `predict` returns None ("unsure"): a number, or a dict with a number per class.
            None for no threshold.
    """

    classes_: list[str]
    temperature: float
    threshold: float | dict[str, float] | None

    @abstractmethod
    def logits(self, texts: Iterable[str]) -> np.ndarray:
        """Compute the logits of texts, before temperature and softmax. *Shape:* `(texts, num_classes)`, float32."""

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Return class probabilities; rows sum to 1. *Shape:* `(texts, num_classes)`, float64."""
        logits = self.logits(texts).astype(np.float64) / self.temperature
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def predict(self, texts: Iterable[str]) -> list[str | None]:
        """Return the class name of each text; None if the model is unsure."""
        return [prediction.label for prediction in self.predictions(texts)]

    def predictions(self, texts: Iterable[str]) -> list[Prediction]:
        """Classify texts.

        Args:
            texts: Any iterable of str.

        Returns:
            The label and the probabilities of each text, in the order of the texts.

        Raises:
            ConfigError: The texts are a single str, None, or contain other objects than str.
        """
        return self.as_predictions(self.predict_proba(texts))

    def as_predictions(self, probabilities: np.ndarray) -> list[Prediction]:
        """Convert probabilities to predictions. *Shape:* `(texts, num_classes)`."""
        least = least_confidence(self.threshold, self.classes_)
        return [
            Prediction(
                self.classes_[best] if row[best] >= least[best] else None, dict(zip(self.classes_, row, strict=True))
            )
            for best, row in zip(
                probabilities.argmax(axis=1).tolist() if len(probabilities) else [], probabilities.tolist(), strict=True
            )
        ]

    def stream(self, texts: Iterable[str], chunk: int = 1024) -> Iterator[Prediction]:
        """Classify an iterable of any length in chunks, in bounded memory.

        Args:
            texts: Any iterable of str.
            chunk: Number of texts per chunk.

        Yields:
            The prediction of each text, in order.
        """
        rest = iter(texts)
        while some := list(islice(rest, chunk)):
            yield from self.predictions(some)


def least_confidence(threshold: float | dict[str, float] | None, classes: Sequence[str]) -> list[float]:
    """Return for each class the confidence below which a model is unsure; see `Answers.threshold`."""
    if isinstance(threshold, dict):
        return [threshold.get(name, 0.0) for name in classes]
    return [threshold or 0.0] * len(classes)


def as_texts(texts: Iterable[str]) -> list[str]:
    """Return texts as a list.

    Raises:
        ConfigError: The texts are a single str, None, or contain other objects than str.
    """
    if texts is None or isinstance(texts, (str, bytes)):
        kind = "None" if texts is None else f"one {type(texts).__name__}"
        raise ConfigError(
            f"Expected texts as a list or another iterable of str, got {kind}. Pass [text] for a single text."
        )
    found = list(texts)
    for number, text in enumerate(found):
        if not isinstance(text, str):
            raise ConfigError(f"Expected every text to be a str, got {type(text).__name__} at position {number}.")
    return found
