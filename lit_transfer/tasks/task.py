"""The interface of a task: all operations on labels that depend on whether a text has one or several."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lit_transfer.errors import DataError
from lit_transfer.tasks.calibration import Reliability
from lit_transfer.tasks.prediction import Prediction
from lit_transfer.tasks.scores import ClassCounts

Label = str | Sequence[str] | None
"""The class name of a text, or with several labels their names; None for "unsure"."""
Threshold = float | Mapping[str, float] | None
"""Least probability of a class: a number, or a number for each class; None for that of the task."""


@dataclass(frozen=True)
class Task(ABC):
    """Interface for the operations on the labels of a task; immutable.

    A *target* is an encoded label, a *decision* a predicted one in the same format: a class index, or a row of indicators.

    Attributes:
        classes: Class names by index.
    """

    classes: tuple[str, ...]

    name: ClassVar[str]
    """Name of the task in configurations and records."""
    several: ClassVar[bool]
    """Whether a text may have any number of labels, with independent probabilities."""
    field: ClassVar[str]
    """Name of the field or column with the predicted label or labels."""
    accuracy: ClassVar[str]
    """Name of the share of correct decisions."""
    main_score: ClassVar[str]
    """Name of the score that is monitored and compared unless another one is named."""

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    # --- Labels ---

    @staticmethod
    @abstractmethod
    def names_in(labels: Sequence[Label]) -> Iterator[str]:
        """Yield the class names in labels, with repetitions."""

    @abstractmethod
    def encode(self, labels: Sequence[Label], source: str = "y") -> np.ndarray:
        """Convert labels to targets.

        Args:
            labels: Label of each text.
            source: Source of the labels in messages.

        Raises:
            DataError: A label is not a class.
        """

    def _ids_of(self, names: Iterable[Label], source: str) -> dict[Label, int]:
        """Return the index of each class, after a check that names are those of classes."""
        ids: dict[Label, int] = {name: number for number, name in enumerate(self.classes)}
        if unknown := Counter(name for name in names if name not in ids):
            counts = ", ".join(f"{name!r} ({count} rows)" for name, count in unknown.most_common(10))
            raise DataError(
                f"{source} has labels that the train split or checkpoint lacks: {counts}; expected {few(self.classes)}."
            )
        return ids

    @abstractmethod
    def decode(self, targets: np.ndarray) -> Sequence[Label]:
        """Convert targets or decisions to labels; None where a decision is unsure."""

    @abstractmethod
    def counts(self, targets: np.ndarray) -> np.ndarray:
        """Count the texts of each class. *Shape:* `(num_classes,)`, int64."""

    def counts_by_class(self, targets: np.ndarray) -> dict[str, int]:
        """Count the texts of each class, by its name."""
        return dict(zip(self.classes, self.counts(targets).tolist(), strict=True))

    @abstractmethod
    def members(self, targets: np.ndarray, number: int) -> np.ndarray:
        """Return which texts are of a class. *Shape:* `(texts,)`, bool."""

    @abstractmethod
    def distinct(self, targets: np.ndarray) -> np.ndarray:
        """Return an integer for each target; equal targets have equal integers. *Shape:* `(texts,)`, int64."""

    def describe(self, targets: np.ndarray) -> str:
        """Describe the labels of training texts in a line; empty if there is nothing to report."""
        return ""

    def quality_notes(self, targets: Mapping[str, np.ndarray]) -> list[str]:
        """Return remarks on the classes, from the targets of each split."""
        return []

    @abstractmethod
    def baseline(self, targets: np.ndarray) -> float:
        """Return the accuracy of the best constant decision, 0 to 1."""

    @abstractmethod
    def balanced_weights(self, counts: np.ndarray, num_texts: int) -> np.ndarray:
        """Return weights of the classes in the loss that balance their numbers of texts. *Shape:* `(num_classes,)`."""

    # --- Sampling ---

    @abstractmethod
    def stratified_split(self, targets: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
        """Draw disjoint stratified samples of rows, each in ascending order.

        Args:
            targets: Targets of the texts.
            fractions: Share of all rows for each sample; their sum is below 1.
            seed: Seed from 0 to 2**32 - 1.
        """

    def folds(self, targets: np.ndarray, number: int, seed: int) -> list[np.ndarray]:
        """Partition rows into a number of stratified folds, at least 2; return the row numbers of each, ascending.

        The seed is from 0 to 2**32 - 1.
        """
        folds = self.stratified_split(targets, [1 / number] * (number - 1), seed)
        return [*folds, np.setdiff1d(np.arange(len(targets)), np.concatenate(folds))]

    @abstractmethod
    def stratified_order(self, targets: np.ndarray, seed: int) -> np.ndarray:
        """Order rows so that every prefix is stratified; it begins with a row of each class. *Shape:* `(texts,)`."""

    # --- Prediction ---

    @abstractmethod
    def probabilities(self, logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
        """Convert logits to class probabilities. *Shape:* `(texts, num_classes)`, float64."""

    @abstractmethod
    def logits(self, probabilities: np.ndarray) -> np.ndarray:
        """Convert probabilities to logits, the inverse of `probabilities`. *Shape:* `(texts, num_classes)`, float64."""

    @abstractmethod
    def decide(self, probabilities: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Convert probabilities to decisions.

        Args:
            probabilities: Class probabilities. *Shape:* `(texts, num_classes)`.
            threshold: Least probability of a class.
        """

    @abstractmethod
    def decide_all(self, probabilities: np.ndarray, threshold: Threshold = None) -> np.ndarray:
        """Convert probabilities to decisions, none of which is "unsure", for scores over all texts."""

    @abstractmethod
    def predictions(
        self, probabilities: np.ndarray, threshold: Threshold = None, abstain: bool = False
    ) -> list[Prediction]:
        """Convert probabilities to predictions with class names.

        Args:
            probabilities: Class probabilities. *Shape:* `(texts, num_classes)`.
            threshold: Least probability of a class.
            abstain: Whether a text without a class that reaches its threshold is "unsure", if it could also have none.
        """

    @abstractmethod
    def is_unsure(self, decisions: np.ndarray, abstain: bool = False) -> np.ndarray:
        """Return whether each decision is "unsure"; see `predictions`. *Shape:* `(texts,)`, bool."""

    @abstractmethod
    def confidence(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the confidence of the most probable decision. *Shape:* `(texts,)`."""

    def margin(self, probabilities: np.ndarray) -> np.ndarray:
        """Return how far each text is from another decision, 0 to 1. *Shape:* `(texts,)`.

        Of independent labels, it is the mean of the squares of twice the distances of the probabilities from one half: the
        nearest alone is nearly always that of a frequent class.
        """
        distance: np.ndarray = np.square(2 * probabilities - 1).mean(axis=1)
        return distance

    @abstractmethod
    def center(self, logits: np.ndarray) -> np.ndarray:
        """Remove the component without effect on probabilities, for explanations. *Shape:* `(texts, num_classes)`, float64."""

    @abstractmethod
    def check_probabilities(self, rows: np.ndarray) -> str | None:
        """Return what is wrong with the rows of a teacher's probabilities, or None. *Shape:* `(texts, num_classes)`."""

    # --- Evaluation ---

    @abstractmethod
    def correct(self, decisions: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return whether each decision is the target. *Shape:* `(..., texts)`, bool."""

    @abstractmethod
    def selection_score(self, probabilities: np.ndarray, targets: np.ndarray) -> float:
        """Return the score of validation texts by which the settings of a baseline are selected, 0 to 1."""

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

    def cooccurrences(self, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count the pairs of different classes of the same text; results as of `confusions`."""
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)

    @abstractmethod
    def figures(self, counts: ClassCounts) -> dict[str, float]:
        """Return the scores of counts: `accuracy`, and `f1`, the mean over the classes, and others of the task."""

    def text_figures(self, decisions: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """Return further scores that are means over the texts."""
        return {}

    @abstractmethod
    def quality(self, probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return how probable each target is, 0 to 1. *Shape:* `(texts,)`."""

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
    def collect(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
        """Return the arrays of a batch that validation stores.

        Arrays whose names begin with `sum` are added over the batches, others are concatenated.
        """

    @abstractmethod
    def validate(self, kept: Mapping[str, np.ndarray]) -> tuple[dict[str, float], dict[str, object]]:
        """Return scores and calibration of what `collect` returned for the validation texts.

        Returns:
            figures: Scores by name.
            calibration: The `temperature`, and the `threshold` of each class if the task decides by thresholds.
        """

    def fit_calibration(self, logits: np.ndarray, targets: np.ndarray) -> dict[str, object]:
        """Fit the calibration, see `validate`, on validation texts. *Shape:* logits `(texts, num_classes)`."""
        return self.validate(self.collect(logits, targets))[1]


def threshold_of_classes(threshold: Threshold, classes: Sequence[str], default: float = 0.0) -> np.ndarray:
    """Return the threshold of each class, or the default. *Shape:* `(num_classes,)`, float64."""
    if isinstance(threshold, Mapping):
        return np.array([threshold.get(name, default) for name in classes], dtype=np.float64)
    return np.full(len(classes), default if threshold is None else threshold)


def few(names: Sequence[str], limit: int = 20) -> str:
    """Return the names for a message, shortened to the first `limit`."""
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
