"""The variance of a difference: paired comparison over the same test texts and the same seeds, and what would show more.

Each way was trained with several seeds and tested on the same texts, so a difference of two ways is a table with one row
per seed and one column per text: the difference of the two ways' scores (for accuracy: +1 where only the first way was
right, -1 where only the second was). Another choice of seeds would have given other rows, another choice of texts other
columns; both kinds of chance must count.

The paired bootstrap draws rows and columns anew, with replacement. For a mean its variance has a closed form (Owen 2007,
"The pigeonhole bootstrap"), but taken as it is it fails here in two ways: with five seeds it is too sure (it divides by 5
where 4 degrees of freedom are left and takes normal quantiles; simulated intervals that should cover the truth in 95 % of
cases did so in 67 to 90 %), and it counts the noise of single predictions three times. So the variance is the sum of
unbiased parts (the mean squares of the table's two-way analysis of variance), the quantiles are those of Student's t with
Satterthwaite's degrees of freedom, and what the seeds alone, by their own t-test, leave open stays open.
`lit_transfer.compare.evidence.simultaneous` compares many ways at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

# Accepted chance of a false claim, and the chance of finding a true difference that `seeds_to_show` plans for.
LEVEL = 0.05
POWER = 0.8
# Nobody trains more seeds than this.
MOST_SEEDS = 1000


class Interval(NamedTuple):
    """A mean and its confidence interval."""

    mean: float
    low: float
    high: float


class SeedVariance(NamedTuple):
    """How much a difference varies from seed to seed, estimated elsewhere (from more ways than two).

    Attributes:
        value: Variance of one seed's difference.
        df: Degrees of freedom of the estimate.
    """

    value: float
    df: float


class Difference(NamedTuple):
    """A mean difference, how certain it is, and where its uncertainty comes from.

    All fields have the leading dimensions of the tables given: arrays for many tables, scalars for one.

    Attributes:
        mean: The mean difference, as a share: 0.02 is 2 points.
        standard_error: Its standard error over other seeds and other texts.
        df: Degrees of freedom of the standard error.
        low: Lower end of the interval.
        high: Its upper end.
        p: Chance of a mean at least as far from 0 if the true difference were 0, not corrected for other comparisons.
        seed_variance: What one seed adds to the variance: more seeds lessen it.
        text_variance: What the test texts add to it, however many seeds: only more texts lessen it.
    """

    mean: Any
    standard_error: Any
    df: Any
    low: Any
    high: Any
    p: Any
    seed_variance: Any
    text_variance: Any


def seed_interval(values: Sequence[float] | np.ndarray) -> Interval:
    """Return the mean of a share over seeds and its 95 % interval by Student's t; nan ends with a single seed."""
    figures = np.asarray(values, dtype=float)
    mean = float(figures.mean())
    if len(figures) < 2:
        return Interval(mean, float("nan"), float("nan"))
    half = float(_t_quantile(1 - LEVEL / 2, len(figures) - 1) * figures.std(ddof=1) / len(figures) ** 0.5)
    return Interval(mean, max(mean - half, 0.0), min(mean + half, 1.0))


def paired_difference(
    first: np.ndarray, second: np.ndarray, *, seeds_vary: SeedVariance | None = None, level: float = LEVEL
) -> Difference:
    """Compare two ways by their scores for each text.

    A way that does not depend on the seed has one row, which is compared with each row of the other. Where neither depends
    on it, only the choice of texts counts.

    Args:
        first: The scores of each seed's model, for accuracy whether it was right. *Shape:* `(..., seeds, texts)`.
        second: Likewise, for the same seeds and texts.
        seeds_vary: An estimate of the variance over seeds to use in place of these two ways' own.
        level: Chance that the interval misses the true difference.

    Returns:
        The difference first - second.

    Raises:
        ValueError: The tables do not fit each other.
    """
    table = np.asarray(first, dtype=np.float32) - np.asarray(second, dtype=np.float32)  # (..., seeds, texts)
    seeds, texts = table.shape[-2:]
    by_seed, by_text = table.mean(-1, dtype=np.float64), table.mean(-2, dtype=np.float64)
    mean = by_seed.mean(-1)
    text_square = seeds * by_text.var(-1, ddof=1)
    if seeds == 1:
        variance = text_square / texts
        return _difference(mean, np.zeros_like(mean), variance, np.full_like(mean, texts - 1), 1, 1, level)

    degrees = (seeds - 1) * (texts - 1)
    own = by_seed.var(-1, ddof=1)
    total = np.square(table).sum((-2, -1), dtype=np.float64) - seeds * texts * mean**2
    noise = np.maximum(total - texts * own * (seeds - 1) - text_square * (texts - 1), 0) / degrees
    variance_of_seeds, seed_df = (own, seeds - 1) if seeds_vary is None else seeds_vary
    # Seeds vary at least as much as the noise in their texts: a handful of seeds that agree by luck proves nothing.
    seed_square = np.maximum(texts * variance_of_seeds, noise)
    of_texts = np.maximum(text_square - noise, 0)  # what is left in the texts once the noise is counted with the seeds
    uncertainty = seed_square**2 / seed_df + text_square**2 / (texts - 1) + noise**2 / degrees
    with np.errstate(invalid="ignore", divide="ignore"):
        df = np.where(uncertainty > 0, (seed_square + of_texts) ** 2 / uncertainty, seed_df)
    return _difference(mean, seed_square / texts, of_texts / (seeds * texts), df, seeds, seed_df, level)


def _difference(
    mean: Any, seed_variance: Any, text_variance: Any, df: Any, seeds: int, seed_df: float, level: float
) -> Difference:
    error = np.sqrt(seed_variance / seeds + text_variance)
    half = _t_quantile(1 - level / 2, df) * error
    p = _p_value(mean, error, df)
    if seeds > 1:
        of_seeds = np.sqrt(seed_variance / seeds)
        half = np.maximum(half, _t_quantile(1 - level / 2, seed_df) * of_seeds)
        p = np.maximum(p, _p_value(mean, of_seeds, seed_df))
    # Scores are shares, so that a difference is between -1 and 1.
    low, high = np.maximum(mean - half, -1.0), np.minimum(mean + half, 1.0)
    return Difference(mean, error, df, low, high, p, seed_variance, text_variance)


def _p_value(mean: Any, error: Any, df: Any) -> Any:
    """Return the two-sided p-value by Student's t."""
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(error > 0, np.abs(mean) / error, np.where(mean == 0, 0.0, np.inf))
    return 2 * _t_tail(t, df)


def seeds_to_show(difference: Difference, wanted: float, level: float, texts: int) -> int | None:
    """Return how many seeds would show a difference, were it truly there, with a chance of 80 %.

    Args:
        difference: Of one pair, which says how much seeds and texts vary.
        wanted: The difference to be shown, as a share of the texts.
        level: Accepted chance of a false claim for this pair.
        texts: Number of test texts.

    Returns:
        The number of seeds in all; None where not even `MOST_SEEDS` would do.
    """
    seeds = np.arange(2, MOST_SEEDS + 1)
    from_seeds, from_texts = difference.seed_variance / seeds, difference.text_variance
    with np.errstate(invalid="ignore", divide="ignore"):
        df = (from_seeds + from_texts) ** 2 / (from_seeds**2 / (seeds - 1) + from_texts**2 / (texts - 1))
    df = np.where(np.isfinite(df), df, seeds - 1)
    needed = np.maximum(
        (_t_quantile(1 - level / 2, df) + _t_quantile(POWER, df)) * np.sqrt(from_seeds + from_texts),
        (_t_quantile(1 - level / 2, seeds - 1) + _t_quantile(POWER, seeds - 1)) * np.sqrt(from_seeds),
    )
    enough = np.flatnonzero(needed <= wanted)
    return int(seeds[enough[0]]) if len(enough) else None


def texts_to_show(difference: Difference, wanted: float, level: float, texts: int) -> int:
    """Return how many test texts would show a difference with a chance of 80 %, assuming unlimited seeds."""
    needed = _t_quantile(1 - level / 2, np.inf) + _t_quantile(POWER, np.inf)
    return int(np.ceil(float(difference.text_variance) * texts * (float(needed) / wanted) ** 2))


def _t_quantile(share: float, df: Any) -> np.ndarray:
    from scipy.special import stdtrit

    return stdtrit(np.minimum(df, 1e9), share)


def _t_tail(t: Any, df: Any) -> np.ndarray:
    from scipy.special import stdtr

    return stdtr(np.minimum(df, 1e9), -np.asarray(t))
