"""All pairs of several ways at once: intervals that hold together, so that one excludes 0 exactly if a difference is shown.

Two things make this sharper than a test of each pair with a correction for their number (Holm):

- The variance over seeds is estimated from all ways together. Ways share the seed's training texts, so they form a block
  design: a seed's common effect cancels out, and what is left has (ways - 1)(seeds - 1) degrees of freedom in place of
  seeds - 1. Ways may vary unequally (one that guesses varies less): each has its own estimate (Grubbs 1948), but never less
  than the pooled one. Pooling alone claims too much where one way varies more than the others; each pair's own variance
  alone shows next to nothing with three seeds.
- The level of a single pair is such that the chance of any false claim among all pairs is `LEVEL`, given how the pairs
  depend on each other (the single-step maximum of correlated statistics, as Tukey's and Dunnett's), by simulating their
  joint distribution. All pairs are protected, because the way the others are compared with is the one that looks best.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from lit_transfer.compare.evidence.statistics import LEVEL, Difference, SeedVariance, paired_difference

# Draws of the joint distribution: the level of a pair is known to about a twentieth of itself.
DRAWS = 8_000


class Family(NamedTuple):
    """All pairs of some ways, with simultaneous intervals.

    Attributes:
        differences: By the numbers of two ways, the lower number first: first - second.
        level: Chance of a false claim of a single pair.
    """

    differences: dict[tuple[int, int], Difference]
    level: float


def compare_all(tables: Sequence[np.ndarray], level: float = LEVEL) -> Family:
    """Compare every way with every other.

    Args:
        tables: Each way's scores. *Shape:* `(seeds, texts)`, or `(1, texts)` where the seed does not matter.
        level: Accepted chance that any interval misses its true difference.
    """
    seeds = max(len(table) for table in tables)
    pairs = list(combinations(range(len(tables)), 2))
    vary = _SeedsVary(tables, seeds)
    of_pair = pair_level(vary.covariance(), pairs, level)
    return Family(
        {(i, j): paired_difference(tables[i], tables[j], seeds_vary=vary.of(i, j), level=of_pair) for i, j in pairs},
        of_pair,
    )


def pair_level(covariance: np.ndarray, pairs: Sequence[tuple[int, int]], level: float) -> float:
    """Return the level of a single pair for which the chance of any false claim is `level`.

    Args:
        covariance: Of the ways' means. *Shape:* `(ways, ways)`.
        pairs: The numbers of two ways each.
        level: The chance for all of them together.
    """
    from scipy.stats import norm

    if len(pairs) < 2:
        return level
    first, second = np.array(pairs).T
    deviation = np.sqrt(covariance[first, first] + covariance[second, second] - 2 * covariance[first, second])
    moving = deviation > 1e-12
    if moving.sum() < 2:
        return level
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    means = np.random.default_rng(0).standard_normal((DRAWS, len(covariance))) @ root.T  # (draws, ways)
    statistics = np.abs(means[:, first] - means[:, second])[:, moving] / deviation[moving]
    return float(2 * norm.sf(np.quantile(statistics.max(axis=1), 1 - level)))


class _SeedsVary:
    """The variance over seeds of each way, from all ways together.

    Args:
        tables: As `compare_all` takes them.
        seeds: The number of seeds.
    """

    def __init__(self, tables: Sequence[np.ndarray], seeds: int) -> None:
        self.seeds = seeds
        self.tables = tables
        # A way that is the same with every seed has no part in the common effect of a seed, either.
        self.moving = [len(table) > 1 and bool((table != table[0]).any()) for table in tables]
        self.block = 0.0
        moving = [
            table.mean(axis=1, dtype=np.float64) for table, moves in zip(tables, self.moving, strict=True) if moves
        ]
        self.count = len(moving)
        if self.count < 2:
            return
        means = np.stack(moving)  # (ways, seeds)
        centred = means - means.mean(axis=1, keepdims=True)
        left = centred - centred.mean(axis=0)
        degrees = seeds - 1
        self.pooled = float((left**2).sum() / ((self.count - 1) * degrees))
        common = self.count * float((centred.mean(axis=0) ** 2).sum()) / degrees
        self.block = max(common - self.pooled, 0.0) / self.count
        rest = (self.count - 1) * self.pooled
        self.total = (common + rest) / self.count  # the variance of one way, with the common effect
        spread = common**2 / degrees + rest**2 / ((self.count - 1) * degrees)
        self.total_df = (common + rest) ** 2 / spread if spread > 0 else degrees
        own = np.full(self.count, self.pooled)
        if self.count > 2:
            of_pair = ((centred[:, None] - centred[None]) ** 2).sum(axis=-1) / degrees  # (ways, ways)
            own = (of_pair.sum(axis=1) - of_pair.sum() / 2 / (self.count - 1)) / (self.count - 2)
        numbers = [number for number, moves in enumerate(self.moving) if moves]
        self.own = dict(zip(numbers, np.maximum(own, self.pooled).tolist(), strict=True))
        self.alone = dict(zip(numbers, (centred**2).sum(axis=1) / degrees, strict=True))

    def of(self, i: int, j: int) -> SeedVariance | None:
        """Return the variance of the difference of two ways; None leaves it to the two alone."""
        if self.count < 2 or not (self.moving[i] or self.moving[j]) or self.same(i, j):
            return None
        if self.moving[i] and self.moving[j]:
            return SeedVariance(self.own[i] + self.own[j], (self.count - 1) * (self.seeds - 1))
        return SeedVariance(max(self.alone[i if self.moving[i] else j], self.total), self.total_df)

    def same(self, i: int, j: int) -> bool:
        """Return whether two ways are the same with every seed: their difference is 0 and does not vary."""
        return np.array_equal(self.tables[i], self.tables[j])

    def covariance(self) -> np.ndarray:
        """Return the covariance of the ways' means. *Shape:* `(ways, ways)`."""
        by_text = np.stack([table.mean(axis=0, dtype=np.float64) for table in self.tables])
        of_texts = np.atleast_2d(np.cov(by_text)) / by_text.shape[1]
        moving = np.array(self.moving)
        of_seeds = np.zeros(len(self.tables))
        if self.count > 1:
            of_seeds[moving] = [self.own[number] for number in np.flatnonzero(moving).tolist()]
        return of_texts + (np.diag(of_seeds) + self.block * np.outer(moving, moving)) / self.seeds
