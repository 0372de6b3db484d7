"""Simultaneous confidence intervals for all pairs of methods; a difference is shown if and only if its interval excludes 0.

Two properties make this more powerful than separate tests with Holm's correction:

- The variance over seeds is estimated from all methods jointly. They share the training texts of a seed, a block design:
  the common effect of a seed cancels out, and the residual has (methods - 1)(seeds - 1) degrees of freedom instead of seeds - 1.
  Variances may be unequal (a majority classifier varies less): each method has its own estimate (Grubbs 1948), which is at least
  the pooled one. The pooled variance alone is anticonservative if one method varies more than the others; separate variances for
  each pair have little power with three seeds.
- The level of a single pair is chosen such that the probability of any false claim is `LEVEL`, given the dependence of the
  pairs (the single-step maximum of correlated statistics, as in Tukey's and Dunnett's tests), by simulation of their joint
  distribution. All pairs are included, since the reference is the method with the highest score.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from lit_transfer.compare.evidence.folds import FoldDesign
from lit_transfer.compare.evidence.statistics import (
    LEVEL,
    Difference,
    SeedVariance,
    paired_difference,
    split_variances,
    square_root,
)
from lit_transfer.compare.shared_validation import variance_of_difference

# Number of draws from the joint distribution; determines the level of a pair with a relative error of about 5 %.
DRAWS = 8_000


class Family(NamedTuple):
    """All pairs of some methods, with simultaneous intervals.

    Attributes:
        differences: Differences first - second, by the indices of the two methods, the lower first.
        level: Error probability of a single pair.
        covariance: Covariance of the means of the methods. *Shape:* `(methods, methods)`.
        of_seeds: Part of the covariance that is inversely proportional to the number of seeds. *Shape:* `(methods, methods)`.
    """

    differences: dict[tuple[int, int], Difference]
    level: float
    covariance: np.ndarray
    of_seeds: np.ndarray


def compare_all(tables: Sequence[np.ndarray], level: float = LEVEL, shared: np.ndarray | None = None) -> Family:
    """Compare all pairs of methods.

    Args:
        tables: Scores of each method; nan for texts outside the fold of a seed. *Shape:* `(seeds, texts)`, or `(1, texts)` if
            independent of the seed.
        level: Accepted probability that any interval does not contain the true difference.
        shared: Covariance of the means that is due to what all seeds share besides the test texts: the validation texts, see
            `lit_transfer.compare.shared_validation`. None for none. *Shape:* `(methods, methods)`.

    Returns:
        The differences of all pairs.
    """
    pairs = list(combinations(range(len(tables)), 2))
    common = np.zeros((len(tables), len(tables))) if shared is None else shared
    of_both = {pair: variance_of_difference(shared, *pair) for pair in pairs}
    if any(np.isnan(table).any() for table in tables):
        design = FoldDesign(tables)
        covariance = design.covariance() + common
        of_pair = pair_level(covariance, pairs, level)
        differences = {pair: design.difference(*pair, of_pair, of_both[pair]) for pair in pairs}
        return Family(differences, of_pair, covariance, design.of_seeds())
    seeds = max(len(table) for table in tables)
    vary = SeedVariances(tables, seeds)
    covariance = vary.covariance() + common
    of_pair = pair_level(covariance, pairs, level)
    return Family(
        {
            (i, j): paired_difference(
                tables[i], tables[j], seeds_vary=vary.of(i, j), level=of_pair, shared=of_both[i, j]
            )
            for i, j in pairs
        },
        of_pair,
        covariance,
        vary.of_seeds(),
    )


def pair_level(covariance: np.ndarray, pairs: Sequence[tuple[int, int]], level: float) -> float:
    """Return the level of a single pair for which the probability of any false claim is `level`.

    The covariance is that of the means of the methods, *shape* `(methods, methods)`; a pair is the indices of two of them.
    """
    from scipy.stats import norm

    if len(pairs) < 2:
        return level
    first, second = np.array(pairs).T
    deviation = np.sqrt(covariance[first, first] + covariance[second, second] - 2 * covariance[first, second])
    moving = deviation > 1e-12
    if moving.sum() < 2:
        return level
    draws = np.random.default_rng(0).standard_normal((DRAWS, len(covariance)))
    means = draws @ square_root(covariance).T  # (draws, methods)
    statistics = np.abs(means[:, first] - means[:, second])[:, moving] / deviation[moving]
    return float(2 * norm.sf(np.quantile(statistics.max(axis=1), 1 - level)))


class SeedVariances:
    """Variance over seeds of each method, estimated from all methods jointly; see `compare_all` for the tables."""

    def __init__(self, tables: Sequence[np.ndarray], seeds: int) -> None:
        self.seeds = seeds
        self.tables = tables
        # A method that is constant over seeds does not share the common effect of a seed.
        self.moving = [len(table) > 1 and bool((table != table[0]).any()) for table in tables]
        self.block = 0.0
        moving = [
            table.mean(axis=1, dtype=np.float64) for table, moves in zip(tables, self.moving, strict=True) if moves
        ]
        self.count = len(moving)
        self.own: dict[int, float] = {}
        if self.count < 2:
            self.own = {number: float(moving[0].var(ddof=1)) for number, moves in enumerate(self.moving) if moves}
            return
        means = np.stack(moving)  # (methods, seeds)
        centred = means - means.mean(axis=1, keepdims=True)
        left = centred - centred.mean(axis=0)
        degrees = seeds - 1
        self.pooled = float((left**2).sum() / ((self.count - 1) * degrees))
        common = self.count * float((centred.mean(axis=0) ** 2).sum()) / degrees
        self.block = max(common - self.pooled, 0.0) / self.count
        rest = (self.count - 1) * self.pooled
        self.total = (common + rest) / self.count  # variance of a method, including the common effect
        spread = common**2 / degrees + rest**2 / ((self.count - 1) * degrees)
        self.total_df = (common + rest) ** 2 / spread if spread > 0 else degrees
        of_pair = ((centred[:, None] - centred[None]) ** 2).sum(axis=-1) / degrees  # (methods, methods)
        own = split_variances(of_pair)
        numbers = [number for number, moves in enumerate(self.moving) if moves]
        self.own = dict(zip(numbers, np.maximum(own, self.pooled).tolist(), strict=True))
        self.alone = dict(zip(numbers, (centred**2).sum(axis=1) / degrees, strict=True))

    def of(self, i: int, j: int) -> SeedVariance | None:
        """Return the variance of the difference of two methods; None if it should be estimated from the two alone."""
        if self.count < 2 or not (self.moving[i] or self.moving[j]) or self.same(i, j):
            return None
        if self.moving[i] and self.moving[j]:
            return SeedVariance(self.own[i] + self.own[j], (self.count - 1) * (self.seeds - 1))
        return SeedVariance(max(self.alone[i if self.moving[i] else j], self.total), self.total_df)

    def same(self, i: int, j: int) -> bool:
        """Return whether two methods have equal scores with every seed."""
        return np.array_equal(self.tables[i], self.tables[j])

    def covariance(self) -> np.ndarray:
        """Return the covariance of the means of the methods. *Shape:* `(methods, methods)`."""
        by_text = np.stack([table.mean(axis=0, dtype=np.float64) for table in self.tables])
        return np.atleast_2d(np.cov(by_text)) / by_text.shape[1] + self.of_seeds()

    def of_seeds(self) -> np.ndarray:
        """Return the part of the covariance that is due to the seeds. *Shape:* `(methods, methods)`."""
        moving = np.array(self.moving)
        of_seeds = np.zeros(len(self.tables))
        of_seeds[moving] = [self.own[number] for number in np.flatnonzero(moving).tolist()]
        return (np.diag(of_seeds) + self.block * np.outer(moving, moving)) / self.seeds
