"""Extrapolation of learning curves to more labels, with uncertainty.

The curve is an inverse power law, score(n) = limit - gap * n ** -rate, the form that learning curves of many methods have
(Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically"; Mohr and van Rijn 2022). A few sizes do not
determine three parameters, so all limits and rates on a grid are weighted by their likelihood (a flat prior); the band has 90 %
of the weight. `python -m benchmarks.extrapolation` evaluates it on data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Minimum number of sizes; fewer do not determine the curvature.
FEWEST_SIZES = 3
TIMES = (2, 4, 10)
# Share of the weight in the band.
BAND = 0.9
# Quantile of the normal distribution for the band.
NORMAL = 1.645
# Model error: deviation of a learning curve from a power law, as a share. Added to all scores.
MODEL_ERROR = 0.01
# Increase of the model error for each factor of e beyond the largest size, such that the band contains at least nine of ten
# measured scores (`python -m benchmarks.extrapolation`).
MODEL_ERROR_BEYOND = 0.007
RATES = np.geomspace(0.05, 1.5, 60)
LIMITS = 120


class Outlook(NamedTuple):
    """Expected score of a method with a number of labels.

    Attributes:
        train_size: Number of training texts.
        middle: Median of the score.
        low: Lower end of the band.
        high: Upper end of the band.
    """

    train_size: int
    middle: float
    low: float
    high: float


def extend(
    sizes: Sequence[int], scores: Sequence[float], errors: Sequence[float], targets: Sequence[int]
) -> list[Outlook]:
    """Extrapolate a learning curve.

    Args:
        sizes: Numbers of training texts.
        scores: Scores with these numbers, 0 to 1.
        errors: Standard errors of the scores over seeds.
        targets: Numbers of training texts to extrapolate to.

    Returns:
        The expected score for each target; empty with fewer than `FEWEST_SIZES` sizes.
    """
    if len(sizes) < FEWEST_SIZES:
        return []
    n, y = np.asarray(sizes, dtype=float), np.asarray(scores, dtype=float)
    weight = 1 / (np.asarray(errors, dtype=float) ** 2 + MODEL_ERROR**2)
    # Scores increase with the number of labels, except for noise: the limit is at least the last score minus its error.
    lowest = min(float(y[-1]) - 2 * float(weight[-1]) ** -0.5, 1.0)
    limits = np.linspace(max(lowest, 0.0), 1.0, LIMITS)
    power = n[None] ** -RATES[:, None]  # (rates, sizes)
    left = limits[:, None] - y[None]  # (limits, sizes)
    # For each limit and rate, the gap with the least squared error.
    gap = np.einsum("s,rs,ls->lr", weight, power, left) / np.einsum("s,rs,rs->r", weight, power, power)
    gap = np.maximum(gap, 0.0)
    fitted = limits[:, None, None] - gap[..., None] * power[None]  # (limits, rates, sizes)
    loss = (weight * (fitted - y) ** 2).sum(axis=-1)
    chance = np.exp(-0.5 * (loss - loss.min())).ravel()
    chance /= chance.sum()
    found = []
    for target in targets:
        reached = (limits[:, None] - gap * float(target) ** -RATES[None]).ravel()
        low, middle, high = _quantiles(reached, chance, ((1 - BAND) / 2, 0.5, (1 + BAND) / 2))
        model_error = MODEL_ERROR + MODEL_ERROR_BEYOND * max(np.log(target / n.max()), 0.0)
        down, up = (float(np.hypot(end - middle, NORMAL * model_error)) for end in (low, high))
        found.append(Outlook(target, max(middle, 0.0), max(middle - down, 0.0), min(middle + up, 1.0)))
    return found


def _quantiles(values: np.ndarray, weights: np.ndarray, shares: Sequence[float]) -> list[float]:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    places = np.minimum(np.searchsorted(reached, np.asarray(shares)), len(order) - 1)
    return values[order[places]].tolist()
