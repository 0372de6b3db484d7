"""Paired comparison of two methods over the same test texts and seeds: variance of the difference, and sample sizes.

Each method is trained with several seeds and tested on the same texts, so the difference of two methods is a table with one row
per seed and one column per text: the difference of the scores (for accuracy, +1 if only the first method is correct, -1 if only
the second is). Other seeds would give other rows and other texts other columns; both are sources of variance.

The paired bootstrap resamples rows and columns. For a mean, its variance has a closed form (Owen 2007, "The pigeonhole
bootstrap"), which has two problems here: with five seeds it is anticonservative (it divides by 5 instead of 4 degrees of
freedom and uses normal quantiles; simulated 95 % intervals covered the true value in 67 to 90 % of cases), and it counts the
noise of single predictions three times. Therefore the variance is the sum of unbiased components (the mean squares of a
two-method analysis of variance), the quantiles are those of Student's t with Satterthwaite's degrees of freedom, and a
difference is shown only if the t-test over seeds also shows it.
`lit_transfer.compare.evidence.simultaneous` compares many methods at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Accepted probability of a false claim, and the power for `seeds_to_show`.
LEVEL = 0.05
POWER = 0.8
# Maximum number of seeds to plan for.
MOST_SEEDS = 1000


class Interval(NamedTuple):
    """A mean and its confidence interval."""

    mean: float
    low: float
    high: float


class SeedVariance(NamedTuple):
    """Variance of a difference over seeds, estimated from more than two methods.

    Attributes:
        value: Variance of the difference for one seed.
        df: Degrees of freedom of the estimate.
    """

    value: float
    df: float


class Difference(NamedTuple):
    """A mean difference, its uncertainty, and the components of its variance.

    The fields are those of one pair of tables. Simulations compare many pairs at once and have arrays of the leading dimensions
    of the tables, *Shape:* `(...)`.

    Attributes:
        mean: Mean difference as a share: 0.02 is 2 points.
        standard_error: Standard error over seeds and texts.
        df: Degrees of freedom of the standard error.
        low: Lower end of the interval.
        high: Upper end of the interval.
        p: Two-sided p-value, not corrected for multiple comparisons.
        seed_variance: Variance component of one seed, which more seeds reduce.
        text_variance: Variance component of the test texts, and of the validation texts that all seeds share, which only more
            texts reduce.
    """

    mean: float
    standard_error: float
    df: float
    low: float
    high: float
    p: float
    seed_variance: float
    text_variance: float

    def as_dict(self, shown: bool) -> dict[str, float | bool]:
        """Return the mean and the interval of a single difference as plain values, and whether it is shown."""
        return {"mean": float(self.mean), "low": float(self.low), "high": float(self.high), "shown": shown}


def seed_interval(values: Sequence[float] | np.ndarray, mean: float | None = None) -> Interval:
    """Return the mean over seeds and its 95 % interval by Student's t; the ends are nan for a single seed.

    `mean` is the middle of the interval if it is another than that of the values: with folds of different sizes, that of all
    texts.
    """
    figures = np.asarray(values, dtype=float)
    mean = float(figures.mean()) if mean is None else mean
    if len(figures) < 2:
        return Interval(mean, float("nan"), float("nan"))
    half = float(_t_quantile(1 - LEVEL / 2, len(figures) - 1) * figures.std(ddof=1) / len(figures) ** 0.5)
    return Interval(mean, max(mean - half, 0.0), min(mean + half, 1.0))


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    *,
    seeds_vary: SeedVariance | None = None,
    level: float = LEVEL,
    shared: float = 0.0,
) -> Difference:
    """Compare two methods by their scores for each text.

    A method that does not depend on the seed has one row, which is compared with each row of the other. If neither depends
    on the seed, the texts are the only source of variance.

    Args:
        first: Scores of the first method; for accuracy, whether it is correct. *Shape:* `(..., seeds, texts)`.
        second: Scores of the second method, for the same seeds and texts. *Shape:* `(..., seeds, texts)`.
        seeds_vary: Estimate of the variance over seeds to use instead of that of the two methods.
        level: Probability that the interval does not contain the true difference.
        shared: Variance of the difference due to validation texts that all seeds share.

    Returns:
        The difference first - second.

    Raises:
        ValueError: The shapes of the tables do not match.
    """
    table = np.asarray(first, dtype=np.float32) - np.asarray(second, dtype=np.float32)  # (..., seeds, texts)
    seeds, texts = table.shape[-2:]
    by_seed, by_text = table.mean(-1, dtype=np.float64), table.mean(-2, dtype=np.float64)
    mean = by_seed.mean(-1)
    text_square = seeds * by_text.var(-1, ddof=1)
    if seeds == 1:
        variance = text_square / texts + shared
        return difference_of(mean, np.zeros_like(mean), variance, np.full_like(mean, texts - 1), 1, level)

    degrees = (seeds - 1) * (texts - 1)
    own = by_seed.var(-1, ddof=1)
    total = np.square(table).sum((-2, -1), dtype=np.float64) - seeds * texts * mean**2
    noise = np.maximum(total - texts * own * (seeds - 1) - text_square * (texts - 1), 0) / degrees
    variance_of_seeds, seed_df = (own, seeds - 1) if seeds_vary is None else seeds_vary
    # The variance over seeds is at least the noise of the texts, since a few seeds may agree by chance.
    seed_square = np.maximum(texts * variance_of_seeds, noise)
    # The variance of the texts is without the noise, which is part of the seeds' variance.
    of_texts = np.maximum(text_square - noise, 0)
    uncertainty = seed_square**2 / seed_df + text_square**2 / (texts - 1) + noise**2 / degrees
    with np.errstate(invalid="ignore", divide="ignore"):
        df = np.where(uncertainty > 0, (seed_square + of_texts) ** 2 / uncertainty, seed_df)
    of_texts = of_texts / (seeds * texts) + shared
    return difference_of(mean, seed_square / texts, of_texts, df, seeds, level, seed_df)  # type: ignore[arg-type]


def difference_of(
    mean: float,
    seed_variance: float,
    text_variance: float,
    df: float,
    seeds: int,
    level: float,
    seed_df: float | None = None,
) -> Difference:
    """Return a difference with its interval and p-value, from the components of its variance.

    Args:
        mean: The mean difference.
        seed_variance: Variance component of one seed.
        text_variance: Variance component of the test texts, and of the validation texts that all seeds share.
        df: Degrees of freedom of the standard error.
        seeds: Number of seeds.
        level: Probability that the interval does not contain the true difference.
        seed_df: Degrees of freedom of the variance over seeds, if a difference has to be shown by a test over seeds as well.
    """
    error = np.sqrt(seed_variance / seeds + text_variance)
    half = _t_quantile(1 - level / 2, df) * error
    p = _p_value(mean, error, df)
    if seed_df is not None:
        of_seeds = np.sqrt(seed_variance / seeds)
        half = np.maximum(half, _t_quantile(1 - level / 2, seed_df) * of_seeds)
        p = np.maximum(p, _p_value(mean, of_seeds, seed_df))
    # Scores are shares, so that a difference is between -1 and 1.
    low, high = np.maximum(mean - half, -1.0), np.minimum(mean + half, 1.0)
    return Difference(mean, error, df, low, high, p, seed_variance, text_variance)


def _p_value(mean: float, error: float, df: float) -> float:
    """Return the two-sided p-value by Student's t."""
    from scipy.special import stdtr

    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(error > 0, np.abs(mean) / error, np.where(mean == 0, 0.0, np.inf))
    return 2 * stdtr(np.minimum(df, 1e9), -t)


def seeds_to_show(difference: Difference, wanted: float, level: float, texts: int) -> int | None:
    """Return the number of seeds needed to show a true difference with a power of 80 %.

    Args:
        difference: Difference of the pair, with its variance components.
        wanted: Difference to show, as a share of the texts.
        level: Accepted probability of a false claim for this pair.
        texts: Number of test texts.

    Returns:
        The total number of seeds; None if it exceeds `MOST_SEEDS`.
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
    """Return the number of test texts needed to show a difference with a power of 80 %, assuming unlimited seeds."""
    needed = _t_quantile(1 - level / 2, np.inf) + _t_quantile(POWER, np.inf)
    return int(np.ceil(float(difference.text_variance) * texts * (float(needed) / wanted) ** 2))


def square_root(covariance: np.ndarray) -> np.ndarray:
    """Return a matrix whose product with its transpose is a covariance; eigenvalues below 0, due to rounding, count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))


def split_variances(of_pair: np.ndarray) -> np.ndarray:
    """Split the variances of the differences of pairs into one for each method (Grubbs 1948). *Shape:* `(methods,)`."""
    count = len(of_pair)
    if count == 2:
        return np.full(2, of_pair[0, 1] / 2)
    return (of_pair.sum(axis=1) - of_pair.sum() / 2 / (count - 1)) / (count - 2)


def _t_quantile(share: float, df: float | np.ndarray) -> np.ndarray:
    from scipy.special import stdtrit

    return stdtrit(np.minimum(df, 1e9), share)
