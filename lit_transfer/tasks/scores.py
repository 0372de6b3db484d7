"""Precision, recall and F1 from counts, which are added over batches and processes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class ClassCounts(NamedTuple):
    """Numbers of texts by class.

    Attributes:
        hits: Texts of the class that were decided to be of it. *Shape:* `(num_classes,)`.
        predicted: Texts that were decided to be of the class. *Shape:* `(num_classes,)`.
        true: Texts of the class. *Shape:* `(num_classes,)`.
        totals: Number of texts, and of those whose decision is correct. *Shape:* `(2,)`.
    """

    hits: np.ndarray
    predicted: np.ndarray
    true: np.ndarray
    totals: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of the texts whose decision is correct."""
        return float(self.totals[1] / max(self.totals[0], 1))

    @property
    def precision(self) -> np.ndarray:
        """Share of the decisions for a class that are correct; 0 without decisions. *Shape:* `(num_classes,)`."""
        return self.hits / np.maximum(self.predicted, 1)

    @property
    def recall(self) -> np.ndarray:
        """Share of the texts of a class that were found; 0 without texts. *Shape:* `(num_classes,)`."""
        return self.hits / np.maximum(self.true, 1)

    @property
    def f1(self) -> np.ndarray:
        """Harmonic mean of precision and recall; 0 without texts and decisions. *Shape:* `(num_classes,)`."""
        return 2 * self.hits / np.maximum(self.predicted + self.true, 1)
