"""Decision thresholds of classes for F1."""

from __future__ import annotations

import numpy as np

# Number of positive texts at which the threshold of a class is halfway between its own optimum and the common threshold.
# Of 0, 2, 5, 10 and 20, it has the highest F1 in 13 of 15 cases of benchmarks/thresholds.py, and is at most 0.15 points lower.
HALFWAY = 20
# Thresholds stay within these bounds, where their logits are finite.
_LEAST, _MOST = 0.01, 0.99


def fit_thresholds(probabilities: np.ndarray, targets: np.ndarray, halfway: float = HALFWAY) -> np.ndarray:
    """Choose a threshold for each class for F1, shrunk to a common one where the class has few positive texts.

    The optimum of a class with few positive texts is a matter of chance (Lin and Lin 2023), so that the logit of its
    threshold is a mean of that of its optimum, weighted by the number of its positive texts, and of that of the common
    threshold, weighted by `halfway`.

    Args:
        probabilities: Calibrated probabilities of texts not used in training. *Shape:* `(texts, num_classes)`.
        targets: Whether each text is of each class. *Shape:* `(texts, num_classes)`, bool.
        halfway: Number of positive texts at which both count alike.

    Returns:
        The thresholds. *Shape:* `(num_classes,)`, float64.
    """
    common = common_threshold(probabilities, targets)
    best = np.array([best_threshold(*columns) for columns in zip(probabilities.T, targets.T, strict=True)])
    positive = targets.sum(axis=0)
    best = np.where(positive > 0, best, common)
    weight = positive / np.maximum(positive + halfway, 1)
    logit = weight * _logit(best) + (1 - weight) * _logit(np.array(common))
    return np.clip(1 / (1 + np.exp(-logit)), _LEAST, _MOST)


def common_threshold(probabilities: np.ndarray, targets: np.ndarray, steps: int = 99) -> float:
    """Return the threshold for all classes that has the highest macro F1 over the classes with positive texts."""
    candidates = np.linspace(_LEAST, _MOST, steps)
    scores = np.zeros(steps)
    occurring = np.flatnonzero(targets.any(axis=0))
    for column in occurring:
        found, true = probabilities[:, column], targets[:, column]
        every, hit = np.sort(found), np.sort(found[true])
        predicted = len(every) - np.searchsorted(every, candidates)
        hits = len(hit) - np.searchsorted(hit, candidates)
        scores += 2 * hits / (predicted + len(hit))
    return 0.5 if not len(occurring) else float(candidates[scores.argmax()])


def best_threshold(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the threshold of one class with the highest F1, midway between two probabilities. *Shape:* `(texts,)`."""
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    hits = targets[order].cumsum()
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + max(hits[-1], 1))
    f1[:-1][ranked[:-1] == ranked[1:]] = -1  # equal probabilities cannot be separated
    last = int(f1.argmax())
    below = ranked[last + 1] if last + 1 < len(ranked) else 0.0
    return float((ranked[last] + below) / 2)


def _logit(shares: np.ndarray) -> np.ndarray:
    shares = np.clip(shares, _LEAST, _MOST)
    return np.log(shares / (1 - shares))
