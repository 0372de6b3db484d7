"""Calibration of probabilities: temperature scaling, calibration error, and reliability diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, NamedTuple

import numpy as np

# Bins of equal width from 0 to 1, as in Guo et al. 2017, section 2.
NUM_BINS = 15
# The temperature is searched between this value and its inverse.
LOWEST_TEMPERATURE = 1 / 20
BISECTIONS = 40


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Fit the temperature of the softmax by maximum likelihood.

    The negative log-likelihood is convex in the inverse temperature, so that the root of its derivative is found by
    bisection. The labels are smoothed by one pseudo-text per class (Platt 1999), so that small or perfectly classified
    data do not give an extreme temperature.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2.

    Args:
        logits: Logits of the texts. *Shape:* `(texts, num_classes)`.
        labels: Class indices. *Shape:* `(texts,)`.

    Returns:
        The temperature, above 0; 1 if the logits are not finite.
    """
    count, num_classes = logits.shape
    logits = logits - logits.max(axis=1, keepdims=True)
    if not np.isfinite(logits).all():
        return 1.0
    share = num_classes / (count + num_classes)
    expected = (1 - share) * logits[np.arange(count), labels] + share * logits.mean(axis=1)
    low, high = np.log(LOWEST_TEMPERATURE), -np.log(LOWEST_TEMPERATURE)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        probabilities = np.exp(logits / np.exp(middle))
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        # The derivative with respect to the inverse temperature; positive if the model is overconfident.
        if ((probabilities * logits).sum(axis=1) - expected).mean() > 0:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2))


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return the softmax of logits divided by a temperature. *Shape:* `(texts, num_classes)`, float64."""
    scaled = logits.astype(np.float64) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


class Reliability(NamedTuple):
    """Confidence and accuracy in bins of equal width.

    Attributes:
        counts: Number of texts in each bin. *Shape:* `(num_bins,)`.
        confidence: Mean confidence in each bin; 0 for empty bins. *Shape:* `(num_bins,)`.
        accuracy: Accuracy in each bin; 0 for empty bins. *Shape:* `(num_bins,)`.
    """

    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def error(self) -> float:
        """The expected calibration error: mean absolute difference between confidence and accuracy over the texts."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float((self.counts * gaps).sum() / max(self.counts.sum(), 1))


def measure_reliability(probabilities: np.ndarray, labels: np.ndarray, num_bins: int = NUM_BINS) -> Reliability:
    """Compare confidence with accuracy.

    Source: Guo et al. 2017, section 2; Naeini et al. 2015.

    Args:
        probabilities: Class probabilities. *Shape:* `(texts, num_classes)`.
        labels: Class indices. *Shape:* `(texts,)`.
        num_bins: Number of bins.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bins = np.clip(np.ceil(confidence * num_bins).astype(int) - 1, 0, num_bins - 1)  # bins include their right ends
    counts = np.bincount(bins, minlength=num_bins)
    sums = (np.bincount(bins, weights, num_bins) for weights in (confidence, correct.astype(float)))
    return Reliability(counts, *(total / np.maximum(counts, 1) for total in sums))


def plot_reliability(found: Sequence[tuple[str, Reliability]], file: IO[bytes]) -> None:
    """Plot reliability diagrams as a PNG, with the share of the texts in each bin below.

    Args:
        found: Title and reliability of each panel.
        file: Open binary file to write to.
    """
    from matplotlib.figure import Figure  # slow to import, and needed here only

    figure = Figure(figsize=(4.2 * len(found), 4.8), layout="constrained")
    panels = figure.subplots(2, len(found), squeeze=False, sharex=True, height_ratios=(3, 1))
    for (title, one), upper, lower in zip(found, *panels, strict=True):
        width = 1 / len(one.counts)
        centres = (np.arange(len(one.counts)) + 0.5) * width
        has = one.counts > 0
        upper.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1, label="confidence = accuracy")
        upper.bar(centres[has], one.accuracy[has], width, color="#3b74b4", edgecolor="white", label="accuracy")
        upper.plot(one.confidence[has], one.accuracy[has], "o", color="#c4472b", markersize=4, label="mean confidence")
        upper.set(ylim=(0, 1), xlim=(0, 1), title=f"{title}\nexpected calibration error {one.error:.3f}")
        lower.bar(centres, one.counts / max(one.counts.sum(), 1), width, color="grey", edgecolor="white")
        lower.set_xlabel(f"confidence, {len(one.counts)} bins of equal width")
    panels[0, 0].set_ylabel("accuracy")
    panels[1, 0].set_ylabel("share of texts")
    panels[0, 0].legend(loc="upper left", fontsize="small")
    figure.savefig(file, format="png", dpi=120)
