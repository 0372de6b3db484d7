"""The interface of a task: every question about labels that the rest of the package asks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lit_transfer.tasks.calibration import Reliability
from lit_transfer.tasks.prediction import Prediction
from lit_transfer.tasks.scores import ClassCounts

Threshold = float | Mapping[str, float] | None
"""Least confidence of an answer: a number, or a number for each class; None for no threshold."""


@dataclass(frozen=True)
class Task(ABC):
    """What the labels of a text are, and what is done with them; immutable.

    A *target* is an encoded label, a *decision* a predicted one, in the same format: of one label the class index.

    Attributes:
        classes: Class names by index.
    """

    classes: tuple[str, ...]

    name: ClassVar[str]
    """Name of the task in configurations and records."""

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    # --- Labels ---

    @staticmethod
    @abstractmethod
    def names_in(labels: Sequence[Any]) -> Iterator[str]:
        """Yield the class names in labels, with repetitions."""

    @abstractmethod
    def encode(self, labels: Sequence[Any], source: str = "y") -> np.ndarray:
        """Convert labels to targets.

        Args:
            labels: Label of each text.
            source: Source of the labels in messages.

        Raises:
            DataError: A label is not a class.
        """

    @abstractmethod
    def decode(self, targets: np.ndarray) -> list[Any]:
        """Convert targets or decisions to labels; None where a decision is unsure."""

    @abstractmethod
    def counts(self, targets: np.ndarray) -> np.ndarray:
        """Count the texts of each class. *Shape:* `(num_classes,)`, int64."""

    @abstractmethod
    def baseline(self, targets: np.ndarray) -> float:
        """Return the accuracy of the best constant decision, 0 to 1."""

    # --- Sampling ---

    @abstractmethod
    def stratified_split(self, targets: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
        """Draw disjoint stratified samples of rows.

        Args:
            targets: Targets of the texts.
            fractions: Share of all rows for each sample; their sum is below 1.
            seed: Seed from 0 to 2**32 - 1.

        Returns:
            The row numbers of each sample in ascending order.
        """

    @abstractmethod
    def stratified_order(self, targets: np.ndarray, seed: int) -> np.ndarray:
        """Order rows so that every prefix is stratified; it begins with a row of each class. *Shape:* `(texts,)`."""

    # --- Prediction ---

    @abstractmethod
    def probabilities(self, logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Convert logits to class probabilities. *Shape:* `(texts, num_classes)`, float64."""

    @abstractmethod
    def decide(self, probabilities: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Convert probabilities to decisions.

        Args:
            probabilities: Class probabilities. *Shape:* `(texts, num_classes)`.
            threshold: Least confidence of an answer.
        """

    @abstractmethod
    def predictions(self, probabilities: np.ndarray, threshold: Threshold = None) -> list[Prediction]:
        """Convert probabilities to predictions with class names; see `decide`."""

    @abstractmethod
    def is_unsure(self, decisions: np.ndarray) -> np.ndarray:
        """Return whether each decision is "unsure". *Shape:* `(texts,)`, bool."""

    @abstractmethod
    def confidence(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the confidence of the most probable decision. *Shape:* `(texts,)`."""

    def margin(self, probabilities: np.ndarray) -> np.ndarray:
        """Return how far each text is from another decision, 0 to 1. *Shape:* `(texts,)`.

        Of independent labels, it is twice the distance of the nearest probability from one half.
        """
        nearest: np.ndarray = np.abs(2 * probabilities - 1).min(axis=1)
        return nearest

    @abstractmethod
    def center(self, logits: np.ndarray) -> np.ndarray:
        """Remove what does not change the probabilities, for explanations. *Shape:* `(texts, num_classes)`, float64."""

    @abstractmethod
    def check_probabilities(self, rows: np.ndarray) -> str | None:
        """Return what is wrong with the rows of a teacher's probabilities, or None. *Shape:* `(texts, num_classes)`."""

    # --- Evaluation ---

    @abstractmethod
    def correct(self, decisions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return whether each decision is the target. *Shape:* `(texts,)`, bool."""

    @abstractmethod
    def count_hits(self, decisions: np.ndarray, targets: np.ndarray) -> ClassCounts:
        """Count hits, decisions and targets by class; the counts of parts of the texts may be added."""

    @abstractmethod
    def confusions(self, decisions: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count which classes are taken for which.

        Returns:
            pairs: Indices of the true and the predicted class. *Shape:* `(pairs, 2)`, int64.
            counts: Number of texts of each pair. *Shape:* `(pairs,)`, int64.
        """

    @abstractmethod
    def figures(self, counts: ClassCounts) -> dict[str, float]:
        """Return the scores of counts: `accuracy`, and `f1`, the mean over the classes."""

    @abstractmethod
    def reliability_sums(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the sums of `calibration.bin_sums` for the decisions on texts. *Shape:* `(3, num_bins)`, float64."""

    def reliability(self, probabilities: np.ndarray, targets: np.ndarray) -> Reliability:
        """Compare confidence with accuracy."""
        return Reliability.of(self.reliability_sums(probabilities, targets))

    @abstractmethod
    def log_loss(self, probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Return the mean negative log-likelihood of the targets."""

    @abstractmethod
    def calibration_sums(self, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return what `calibrate` needs, as one array; the arrays of parts of the texts may be added.

        Their size does not depend on the number of texts.
        """

    @abstractmethod
    def calibrate(self, sums: np.ndarray) -> dict[str, Any]:
        """Fit the calibration from the sums over the validation texts: the `temperature`."""

    def fit_calibration(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, Any]:
        """Fit the calibration on validation texts.

        Args:
            logits: Logits of the texts. *Shape:* `(texts, num_classes)`.
            targets: Targets of the texts.

        Returns:
            The `temperature`.
        """
        return self.calibrate(self.calibration_sums(logits, targets))


def least_confidence(threshold: Threshold, classes: Sequence[str]) -> np.ndarray:
    """Return for each class the confidence below which a decision is unsure. *Shape:* `(num_classes,)`, float64."""
    if isinstance(threshold, Mapping):
        return np.array([threshold.get(name, 0.0) for name in classes], dtype=np.float64)
    return np.full(len(classes), threshold or 0.0)


def few(names: Sequence[str], limit: int = 20) -> str:
    """Return the names for a message, shortened to the first `limit`."""
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
