"""Outcome and cost of a method at one training size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lit_transfer.compare.methods import Method
from lit_transfer.compare.scores import scores_of
from lit_transfer.tasks import Task

# Assumed standard error of a score from a single seed.
ERROR_OF_ONE = 0.01
# Number of texts whose prediction counts as much as the training, in the cost of a method.
TEXTS_PREDICTED = 100_000


@dataclass(frozen=True)
class Outcome:
    """Predictions and scores of a method at one training size.

    Attributes:
        method: The method.
        predicted: Decisions. *Shape:* `(seeds, texts, ...)`.
        right: Whether the predictions are correct. *Shape:* `(seeds, texts)`.
        scores: Contribution of each text to the metric; None for accuracy. *Shape:* `(seeds, texts)`.
        tested: Whether each text was a test text of the seed; None if all were. *Shape:* `(seeds, texts)`.
        by_sample: Mean score with thresholds from samples of validation texts that all seeds share; None if there are none, see
            `lit_transfer.compare.shared_validation`. *Shape:* `(draws,)`.
    """

    method: Method
    predicted: np.ndarray
    right: np.ndarray
    scores: np.ndarray | None = None
    tested: np.ndarray | None = None
    by_sample: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        task: Task,
        method: Method,
        predicted: np.ndarray,
        labels: np.ndarray,
        metric: str,
        tested: np.ndarray | None = None,
        folds: int = 1,
        probabilities: np.ndarray | None = None,
        by_sample: np.ndarray | None = None,
    ) -> Outcome:
        """Score the predictions; see the attributes for shapes.

        `folds` is the number of consecutive seeds that together test each text once. Metrics that are no means over texts (F1)
        are computed of all of them together, since a fold has few texts of a rare class. A metric of probabilities needs them,
        *shape* `(seeds, texts, num_classes)`.
        """
        right = task.correct(predicted, labels)
        answers = predicted if probabilities is None else probabilities
        if metric == "accuracy":
            return cls(method, predicted, right, None, tested, by_sample)
        if tested is None:
            scores = scores_of(task, metric, answers, labels)
        else:
            scores = np.zeros(right.shape)
            for start in range(0, len(predicted), folds):
                seed, text = np.nonzero(tested[start : start + folds])
                found = scores_of(task, metric, answers[start + seed, text][None], labels[text])
                scores[start + seed, text] = found[0]
        return cls(method, predicted, right, scores, tested, by_sample)

    def same(self, other: Outcome) -> np.ndarray:
        """Return whether the predictions of two methods are the same. *Shape:* `(seeds, texts)`, bool."""
        equal = self.predicted == other.predicted
        return equal.reshape(*equal.shape[:2], -1).all(axis=-1)

    @property
    def table(self) -> np.ndarray:
        """The compared scores; nan for texts that a seed was not tested on. *Shape:* `(seeds, texts)`."""
        scores = self.right if self.scores is None else self.scores
        return scores if self.tested is None else np.where(self.tested, scores, np.nan)

    @property
    def by_seed(self) -> np.ndarray:
        """The metric for each seed. *Shape:* `(seeds,)`."""
        return np.asarray(np.nanmean(self.table, axis=1, dtype=np.float64))

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the seeds."""
        return float(self.right.mean() if self.tested is None else self.right[self.tested].mean())

    @property
    def score(self) -> float:
        """Mean of the metric over the seeds."""
        return float(np.nanmean(self.table, dtype=np.float64))

    @property
    def error(self) -> float:
        """Standard error of the score over the seeds; an assumed value for a single seed."""
        by_seed = self.by_seed
        return float(by_seed.std(ddof=1) / len(by_seed) ** 0.5) if len(by_seed) > 1 else ERROR_OF_ONE


@dataclass(frozen=True)
class Cost:
    """Cost of a method.

    Attributes:
        seconds: Training time in seconds.
        seconds_per_text: Prediction time of a text in seconds.
    """

    seconds: float = 0.0
    seconds_per_text: float = 0.0

    @property
    def total(self) -> float:
        """Seconds of training and of the prediction of `TEXTS_PREDICTED` texts."""
        return self.seconds + TEXTS_PREDICTED * self.seconds_per_text
