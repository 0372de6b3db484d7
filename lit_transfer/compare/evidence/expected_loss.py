"""Expected loss of each method: its distance from the best, averaged over the posterior of the true scores.

A test asks whether a difference is certain; a choice has to be made even where nothing is. With few test texts no difference is
significant, and a rule that chooses the cheapest of all methods that are not significantly worse chooses one of the worst. The
expected loss weighs all possibilities instead (Wald 1950; Berger 1985, "Statistical Decision Theory", chapter 4).

The scores of the methods on the same texts and seeds are normal, with the covariance of `compare_all`:
a text that is difficult for all methods does not separate them. The true scores are normal around their mean, which draws the
observed ones towards each other, all the more the noisier they are (James and Stein 1961); their spread is unknown, and its
posterior is computed on a grid. The majority baseline is no part of this family, and keeps its score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lit_transfer.compare.evidence.statistics import square_root

# Draws from the posterior; the standard error of an expected loss is below 0.02 points.
DRAWS = 20_000
# Standard deviations of the true scores of the methods, and the scale of their half-Cauchy prior (Gelman 2006).
SPREADS = np.geomspace(0.001, 0.3, 40)
PRIOR_SPREAD = 0.03
# Prior standard deviation of a score outside the family of methods.
WIDE = 1.0
# Costs within this factor count as equal, since they vary from run to run.
SIMILAR_COST = 2.0
# Share of the posterior in an interval.
CREDIBLE = 0.95


@dataclass(frozen=True)
class Posterior:
    """True scores of the methods that are possible after the comparison.

    Attributes:
        names: Names of the methods.
        draws: Draws of the scores, as shares. *Shape:* `(draws, methods)`.
    """

    names: Sequence[str]
    draws: np.ndarray

    @property
    def losses(self) -> dict[str, float]:
        """Expected loss of each method: mean difference from the best method of the draw, as a share."""
        below = self.draws.max(axis=1, keepdims=True) - self.draws
        return dict(zip(self.names, below.mean(axis=0).tolist(), strict=True))

    def near_best(self, name: str, smallest: float) -> float:
        """Return the probability that a method is at most `smallest` below the best."""
        below = self.draws.max(axis=1) - self.draws[:, self.names.index(name)]
        return float((below <= smallest).mean())

    def difference(self, first: str, second: str) -> tuple[float, float, float]:
        """Return the mean of the difference first - second, and its 95 % interval."""
        differences = self.draws[:, self.names.index(first)] - self.draws[:, self.names.index(second)]
        low, high = np.quantile(differences, [(1 - CREDIBLE) / 2, (1 + CREDIBLE) / 2])
        return float(differences.mean()), float(low), float(high)


def posterior_of(
    names: Sequence[str], scores: np.ndarray, covariance: np.ndarray, outside: Sequence[bool] = ()
) -> Posterior:
    """Compute the posterior of the true scores.

    Args:
        names: Names of the methods.
        scores: Observed mean score of each method. *Shape:* `(methods,)`.
        covariance: Covariance of the observed means. *Shape:* `(methods, methods)`.
        outside: Whether each method is outside the family whose scores are alike, such as the majority baseline.
    """
    wide = np.array([*outside, *(False for _ in names[len(outside) :])])
    rng = np.random.default_rng(0)
    spreads = SPREADS if (~wide).sum() > 1 else SPREADS[-1:]
    found = [_given_spread(scores, covariance, np.where(wide, WIDE, spread), ~wide) for spread in spreads]
    # The grid is geometric, so that each spread stands for an interval proportional to itself.
    log_weights = np.array([one[0] for one in found]) + np.log(spreads / (1 + (spreads / PRIOR_SPREAD) ** 2))
    weights = np.exp(log_weights - log_weights.max())
    counts = rng.multinomial(DRAWS, weights / weights.sum())
    draws = []
    for count, (_, mean, of_mean, root) in zip(counts, found, strict=True):
        common = rng.standard_normal((count, 1)) * of_mean
        draws.append(mean + common + rng.standard_normal((count, len(names))) @ root.T)
    return Posterior(list(names), np.concatenate(draws))


def _given_spread(
    scores: np.ndarray, covariance: np.ndarray, spread: np.ndarray, alike: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Condition on the spread of the true scores; the mean of the family has a flat prior.

    Returns:
        The log-likelihood of the spread; the posterior mean; its change with the mean of the family, per standard deviation;
        and a root of the remaining posterior covariance.
    """
    prior = np.diag(spread**2)
    inverse = np.linalg.inv(covariance + prior)
    design = alike.astype(float)
    # Methods outside the family have their own prior mean, the observed score, with a large variance.
    given = np.where(alike, scores, 0.0)
    information = design @ inverse @ design
    middle = (design @ inverse @ given) / information if alike.any() else 0.0
    centre = np.where(alike, middle, scores)
    left = scores - centre
    _, log_determinant = np.linalg.slogdet(covariance + prior)
    likelihood = -0.5 * (log_determinant + left @ inverse @ left + (np.log(information) if alike.any() else 0.0))
    gain = prior @ inverse
    mean = centre + gain @ left
    of_mean = (design - gain @ design) / information**0.5 if alike.any() else np.zeros(len(scores))
    return float(likelihood), mean, of_mean, square_root(prior - gain @ prior)


def gain_of_seeds(posterior: Posterior, covariance: np.ndarray, of_seeds: np.ndarray, factor: float) -> float:
    """Return how much better the chosen method is after more seeds, on average over what they may find.

    This is the expected value of sample information (Raiffa and Schlaifer 1961): the expected maximum of the posterior means
    with more seeds, less the maximum of those without.

    Args:
        posterior: True scores that are possible now.
        covariance: Covariance of the observed means now. *Shape:* `(methods, methods)`.
        of_seeds: Part of it that is inversely proportional to the number of seeds. *Shape:* `(methods, methods)`.
        factor: Number of seeds now divided by that number.

    Returns:
        The gain as a share.
    """
    small = 1e-9 * np.eye(len(covariance))  # methods with equal predictions
    now = np.atleast_2d(np.cov(posterior.draws.T)) + small
    known, more = (np.linalg.inv(each + small) for each in (covariance, covariance - (1 - factor) * of_seeds))
    change = now - np.linalg.inv(np.linalg.inv(now) + more - known)
    root = square_root((change + change.T) / 2)
    mean = posterior.draws.mean(axis=0)
    steps = np.random.default_rng(0).standard_normal((DRAWS, len(mean))) @ root.T
    # In pairs, so that the mean of the steps is 0.
    best = ((mean + steps).max(axis=1) + (mean - steps).max(axis=1)) / 2
    return max(float(best.mean() - mean.max()), 0.0)


def choose(losses: Mapping[str, float], costs: Mapping[str, float], smallest: float) -> str:
    """Choose the cheapest method whose expected loss is at most `smallest`; if there is none, the one with the least.

    Among methods that cost at most twice as much as the cheapest, the one with the least expected loss is chosen. Costs are in
    seconds.
    """
    good = [name for name in losses if losses[name] <= smallest] or [min(losses, key=lambda name: losses[name])]
    limit = SIMILAR_COST * min(costs[name] for name in good)
    return min((name for name in good if costs[name] <= limit), key=lambda name: losses[name])
