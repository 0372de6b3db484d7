"""What more labels would bring: a learning curve fitted to each way and extended, with its uncertainty.

The curve is an inverse power law, score(n) = limit - gap * n ** -rate, the form that learning curves of many methods have
(Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically"; Mohr and van Rijn 2022). A few sizes do not fix
three numbers, so all limits and rates on a grid are weighted by how well they fit (a flat prior); the band is where 90 % of
the weight is. `python -m benchmarks.extrapolation` holds it against data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Fewer sizes say nothing of a curve's bend.
FEWEST_SIZES = 3
TIMES = (2, 4, 10)
# The share of the weight that is in the band.
BAND = 0.9
# The normal distribution's quantile for that band.
NORMAL = 1.645
# How far a learning curve is from any power law, as a share; counted where it is fitted and where it is extended.
MODEL_ERROR = 0.01
RATES = np.geomspace(0.05, 1.5, 60)
LIMITS = 120


class Outlook(NamedTuple):
    """What a way is expected to reach with so many labels.

    Attributes:
        train_size: Number of training texts.
        middle: Half of the weight is below.
        low: Lower end of the band.
        high: Upper end.
    """

    train_size: int
    middle: float
    low: float
    high: float


def extend(
    sizes: Sequence[int], scores: Sequence[float], errors: Sequence[float], targets: Sequence[int]
) -> list[Outlook]:
    """Return what is expected with other numbers of labels.

    Args:
        sizes: Numbers of training texts.
        scores: What was reached with them, as shares.
        errors: Standard errors of these over seeds.
        targets: Numbers of training texts to predict for.

    Returns:
        One for each target; none with fewer than `FEWEST_SIZES` sizes.
    """
    if len(sizes) < FEWEST_SIZES:
        return []
    n, y = np.asarray(sizes, dtype=float), np.asarray(scores, dtype=float)
    weight = 1 / (np.asarray(errors, dtype=float) ** 2 + MODEL_ERROR**2)
    # Fewer labels do not do better than more, but for noise: no limit is below the last score but for its error.
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
        down, up = (float(np.hypot(end - middle, NORMAL * MODEL_ERROR)) for end in (low, high))
        found.append(Outlook(target, max(middle, 0.0), max(middle - down, 0.0), min(middle + up, 1.0)))
    return found


def _quantiles(values: np.ndarray, weights: np.ndarray, shares: Sequence[float]) -> list[float]:
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    places = np.minimum(np.searchsorted(reached, np.asarray(shares)), len(order) - 1)
    return values[order[places]].tolist()
