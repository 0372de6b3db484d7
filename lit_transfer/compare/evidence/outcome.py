"""Outcome and cost of a method at one training size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lit_transfer.compare.methods import Method

# Assumed standard error of a score from a single seed.
ERROR_OF_ONE = 0.01


@dataclass(frozen=True)
class Outcome:
    """Predictions and scores of a method at one training size.

    Attributes:
        method: The method.
        predicted: Predicted class indices. *Shape:* `(seeds, texts)`.
        right: Whether the predictions are correct. *Shape:* `(seeds, texts)`.
        scores: Contribution of each text to the metric; None for accuracy. *Shape:* `(seeds, texts)`.
    """

    method: Method
    predicted: np.ndarray
    right: np.ndarray
    scores: np.ndarray | None = None

    @property
    def table(self) -> np.ndarray:
        """The compared scores. *Shape:* `(seeds, texts)`."""
        return self.right if self.scores is None else self.scores

    @property
    def by_seed(self) -> np.ndarray:
        """The metric for each seed. *Shape:* `(seeds,)`."""
        return self.table.mean(axis=1, dtype=np.float64)

    @property
    def accuracy(self) -> float:
        """Mean accuracy over the seeds."""
        return float(self.right.mean())

    @property
    def score(self) -> float:
        """Mean of the metric over the seeds."""
        return float(self.table.mean())

    @property
    def error(self) -> float:
        """Standard error of the score over the seeds; an assumed value for a single seed."""
        by_seed = self.by_seed
        return float(by_seed.std(ddof=1) / len(by_seed) ** 0.5) if len(by_seed) > 1 else ERROR_OF_ONE


@dataclass(frozen=True)
class Cost:
    """Cost of a method, in order of priority.

    Attributes:
        trainable: Number of trainable parameters.
        seconds: Training time in seconds.
        size: Size on disk in bytes.
    """

    trainable: float = 0.0
    seconds: float = 0.0
    size: float = 0.0

    @property
    def order(self) -> tuple[float, float, float]:
        """Sort key; the cheaper of two methods has the smaller key."""
        return self.trainable, self.seconds, self.size
