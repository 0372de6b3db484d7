"""Exact confidence bounds of an accuracy (Clopper and Pearson 1934)."""

from __future__ import annotations


def accuracy_bound(num_wrong: int, count: int, delta: float) -> float:
    """Return a lower confidence bound of an accuracy by inverting the binomial tail (Clopper-Pearson).

    Args:
        num_wrong: Number of wrong answers.
        count: Number of answers.
        delta: Maximum probability, 0 to 1, that the accuracy is below the bound.

    Returns:
        The bound, 0 to 1.
    """
    from scipy.stats import beta  # heavy, and only needed here

    return 1.0 - float(beta.ppf(1 - delta, num_wrong + 1, count - num_wrong)) if num_wrong < count else 0.0


def accuracy_interval(correct: int, count: int, delta: float = 0.05) -> tuple[float, float]:
    """Return the exact interval of an accuracy, 0 to 1 (Clopper and Pearson 1934).

    Args:
        correct: Number of texts that are right.
        count: Number of texts, a random sample.
        delta: Probability that the accuracy is outside, half of it on either side.
    """
    return accuracy_bound(count - correct, count, delta / 2), 1 - accuracy_bound(correct, count, delta / 2)
