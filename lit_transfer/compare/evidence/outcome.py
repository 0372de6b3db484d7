"""What one way did at one training size, and what using it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lit_transfer.compare.plan import Way

# The standard error of a score that one seed has given.
ERROR_OF_ONE = 0.01


@dataclass(frozen=True)
class Outcome:
    """How one way did at one training size.

    Attributes:
        way: The way.
        predicted: The predicted classes, a row for each seed. *Shape:* `(seeds, texts)`.
        right: Whether they are the true ones. *Shape:* `(seeds, texts)`.
        scores: Each text's share of the metric; None if that is accuracy. *Shape:* `(seeds, texts)`.
    """

    way: Way
    predicted: np.ndarray
    right: np.ndarray
    scores: np.ndarray | None = None

    @property
    def table(self) -> np.ndarray:
        """What is compared. *Shape:* `(seeds, texts)`."""
        return self.right if self.scores is None else self.scores

    @property
    def accuracy(self) -> float:
        """The mean over the seeds."""
        return float(self.right.mean())

    @property
    def score(self) -> float:
        """The metric, mean over the seeds."""
        return float(self.table.mean())

    @property
    def error(self) -> float:
        """The score's standard error over seeds; with a single one, a fair guess."""
        by_seed = self.table.mean(axis=1)
        return float(by_seed.std(ddof=1) / len(by_seed) ** 0.5) if len(by_seed) > 1 else ERROR_OF_ONE


@dataclass(frozen=True)
class Cost:
    """What using a way costs, in the order in which it counts.

    Attributes:
        trainable: Trainable parameters.
        seconds: Of training.
        size: Bytes on disk.
    """

    trainable: float = 0.0
    seconds: float = 0.0
    size: float = 0.0

    @property
    def order(self) -> tuple[float, float, float]:
        """The cheaper of two ways has the smaller one."""
        return self.trainable, self.seconds, self.size
