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

    @classmethod
    def split(cls, joined: np.ndarray) -> ClassCounts:
        """Invert the concatenation of the four arrays."""
        num_classes = (len(joined) - 2) // 3
        hits, predicted, true, totals = np.split(joined, num_classes * np.arange(1, 4))
        return cls(hits, predicted, true, totals)

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


def average_precision(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the average precision of each class: the mean precision at the ranks of its texts.

    Args:
        probabilities: Probabilities of the texts. *Shape:* `(texts, num_classes)`.
        targets: Whether each text is of each class. *Shape:* `(texts, num_classes)`, bool.

    Returns:
        The average precisions; 0 for a class without texts. *Shape:* `(num_classes,)`.
    """
    found = np.zeros(probabilities.shape[1])
    for number, (column, true) in enumerate(zip(probabilities.T, targets.T, strict=True)):
        order = np.argsort(-column, kind="stable")
        ends = np.flatnonzero(np.append(np.diff(column[order]) != 0, True))  # equal probabilities share a rank
        hits = true[order].cumsum()[ends]
        if hits.size and hits[-1]:
            found[number] = (np.diff(hits, prepend=0) * hits / (ends + 1)).sum() / hits[-1]
    return found
