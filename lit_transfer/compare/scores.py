"""Metrics to compare: accuracy, balanced accuracy, and macro F1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# Share of the largest class above which accuracy is uninformative, since it is the accuracy of a majority classifier.
UNEVEN = 0.8


def _accuracy(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (predicted == labels).astype(np.float64)


def _balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the contributions of the texts to balanced accuracy, the mean recall over classes."""
    classes, counts = np.unique(labels, return_counts=True)
    weight = len(labels) / (len(classes) * counts[np.searchsorted(classes, labels)])
    return (predicted == labels) * weight


def _f1(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return macro F1 plus the first-order influence of each text; the F1 of a class is 2 hits / (predicted + true)."""
    scores = np.zeros(predicted.shape)
    classes = np.unique(labels)
    for one in classes:
        chosen, true = predicted == one, labels == one
        both = chosen.mean(axis=1, keepdims=True) + true.mean()
        f1 = 2 * (chosen & true).mean(axis=1, keepdims=True) / np.maximum(both, 1e-12)
        influence = (2.0 * (chosen & true) - f1 * (chosen.astype(float) + true)) / np.maximum(both, 1e-12)
        scores += (f1 + influence) / len(classes)
    return scores


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "accuracy": _accuracy,
    "f1": _f1,
    "balanced_accuracy": _balanced_accuracy,
}
NAMES = {"accuracy": "accuracy", "f1": "macro F1", "balanced_accuracy": "balanced accuracy"}


def scores_of(metric: str, predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the contribution of each text to a metric, such that the mean over the texts is the metric.

    For metrics that are not means over texts (F1), these are pseudo-values: the metric plus the influence of the text, with
    the variance of the metric (the delta method).

    Args:
        metric: Name of a metric in `METRICS`.
        predicted: Predicted class indices. *Shape:* `(seeds, texts)`.
        labels: True class indices. *Shape:* `(texts,)`.

    Returns:
        The contributions. *Shape:* `(seeds, texts)`.
    """
    return METRICS[metric](predicted, labels)


def choose_metric(labels: np.ndarray) -> str:
    """Return `f1` if one class has more than 80 % of the texts, and `accuracy` otherwise."""
    return "f1" if np.bincount(labels).max() > UNEVEN * len(labels) else "accuracy"
