"""Decision thresholds of classes for F1."""

from __future__ import annotations

import numpy as np

# Number of positive texts at which the threshold of a class is halfway between its own optimum and the common threshold.
# Of 0, 2, 5, 10 and 20, it has the highest F1 in 13 of 15 cases of benchmarks/thresholds.py, and is at most 0.15 points lower.
HALFWAY = 20
# Thresholds stay within these bounds, where their logits are finite.
_LEAST, _MOST = 0.01, 0.99


def fit_thresholds(
    probabilities: np.ndarray, targets: np.ndarray, halfway: float = HALFWAY, weights: np.ndarray | None = None
) -> np.ndarray:
    """Choose a threshold for each class for F1, shrunk to a common one where the class has few positive texts.

    The optimum of a class with few positive texts has a high variance (Lin and Lin 2023). The logit of the threshold is
    therefore the weighted mean of two logits: that of the optimum of the class, with the number of its positive texts as the
    weight, and that of the common threshold, with `halfway` as the weight.

    Args:
        probabilities: Calibrated probabilities of texts not used in training. *Shape:* `(texts, num_classes)`.
        targets: Whether each text is of each class. *Shape:* `(texts, num_classes)`, bool.
        halfway: Number of positive texts at which both count alike.
        weights: How often each text counts; once if None. *Shape:* `(texts,)`, or `(draws, texts)` for many choices, int64.

    Returns:
        The thresholds. *Shape:* `(num_classes,)`, or `(draws, num_classes)`, float64.
    """
    weights = _once(targets) if weights is None else weights
    common = common_threshold(probabilities, targets, weights=weights)[..., None]
    columns = zip(probabilities.T, targets.T, strict=True)
    best = np.stack([best_threshold(*column, weights) for column in columns], axis=-1)
    positive = weights @ targets
    best = np.where(positive > 0, best, common)
    weight = positive / np.maximum(positive + halfway, 1)
    logit = weight * _logit(best) + (1 - weight) * _logit(common)
    return np.clip(1 / (1 + np.exp(-logit)), _LEAST, _MOST)


def common_threshold(
    probabilities: np.ndarray, targets: np.ndarray, steps: int = 99, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the threshold for all classes that has the highest macro F1 over the classes with positive texts.

    *Shape:* that of the weights without the texts; 0.5 where no class has positive texts.
    """
    weights = _once(targets) if weights is None else weights
    candidates = np.linspace(_LEAST, _MOST, steps)
    scores = np.zeros((*weights.shape[:-1], steps))
    positive = weights @ targets
    for column in np.flatnonzero(targets.any(axis=0)):
        order = np.argsort(probabilities[:, column], kind="stable")
        below = np.searchsorted(probabilities[order, column], candidates)
        counts = weights[..., order]
        predicted, hits = (_above(each, below) for each in (counts, counts * targets[order, column]))
        scores += 2 * hits / np.maximum(predicted + positive[..., column, None], 1)
    return np.where(positive.any(axis=-1), candidates[scores.argmax(axis=-1)], 0.5)


def best_threshold(probabilities: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the threshold of one class with the highest F1, midway between two probabilities.

    *Shape:* that of the weights without the texts.
    """
    weights = _once(targets) if weights is None else weights
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    counts = weights[..., order]
    hits = (counts * targets[order]).cumsum(axis=-1)
    f1 = 2 * hits / (np.maximum(counts.cumsum(axis=-1), 1) + np.maximum(hits[..., -1:], 1))
    f1[..., :-1][..., ranked[:-1] == ranked[1:]] = -1  # equal probabilities cannot be separated
    last = f1.argmax(axis=-1)
    return (ranked[last] + np.append(ranked, 0.0)[last + 1]) / 2


def _once(targets: np.ndarray) -> np.ndarray:
    return np.ones(len(targets), dtype=np.int64)


def _above(counts: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the sums of counts from each of some positions on. *Shape:* `(..., positions)`."""
    sums = counts.cumsum(axis=-1)
    before = np.concatenate([np.zeros_like(sums[..., :1]), sums], axis=-1)
    return sums[..., -1:] - before[..., below]


def _logit(shares: np.ndarray) -> np.ndarray:
    shares = np.clip(shares, _LEAST, _MOST)
    return np.log(shares / (1 - shares))
