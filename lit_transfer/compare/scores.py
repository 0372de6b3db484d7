"""What is compared: accuracy, or a metric that counts small classes as much as large ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# The largest class's share above which accuracy says little: who always answers that class is right so often.
UNEVEN = 0.8


def _accuracy(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (predicted == labels).astype(np.float64)


def _balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean over the classes of the share of their texts that were found."""
    classes, counts = np.unique(labels, return_counts=True)
    weight = len(labels) / (len(classes) * counts[np.searchsorted(classes, labels)])
    return (predicted == labels) * weight


def _f1(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Macro F1 and each text's influence on it, to first order: F1 of a class is 2 hits / (predicted + true)."""
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
    """Return each text's share of the metric: the mean over the texts is the metric itself.

    For metrics that are no mean over texts (F1) these are pseudo-values, the metric plus the text's influence on it, whose
    variance is the metric's (the delta method).

    Args:
        metric: One of `METRICS`.
        predicted: The predicted classes. *Shape:* `(seeds, texts)`.
        labels: The true classes. *Shape:* `(texts,)`.

    Returns:
        *Shape:* `(seeds, texts)`.
    """
    return METRICS[metric](predicted, labels)


def choose_metric(labels: np.ndarray) -> str:
    """Return `f1` where one class has more than 80 % of the texts, `accuracy` otherwise."""
    return "f1" if np.bincount(labels).max() > UNEVEN * len(labels) else "accuracy"
