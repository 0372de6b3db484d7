"""The expected loss, against numerical integration and simulation."""

import numpy as np
import pytest
from scipy import stats

from lit_transfer.compare.evidence.expected_loss import (
    PRIOR_SPREAD,
    SPREADS,
    Posterior,
    choose,
    gain_of_seeds,
    posterior_of,
)


def test_the_posterior_of_two_methods_is_that_of_numerical_integration():
    scores, error = np.array([0.80, 0.77]), 0.02
    covariance = np.eye(2) * error**2 + 0.03**2  # texts that are difficult for both
    found = posterior_of(["a", "b"], scores, covariance)
    # The difference is normal with variance 2 spread², observed with variance 2 error²; what both share says nothing.
    grid = np.linspace(-0.5, 0.5, 4001)
    weight = np.gradient(SPREADS) / (1 + (SPREADS / PRIOR_SPREAD) ** 2)
    prior = (weight[:, None] * stats.norm.pdf(grid, 0, 2**0.5 * SPREADS[:, None])).sum(0)
    density = prior * stats.norm.pdf(0.03, grid, 2**0.5 * error)
    density /= density.sum()
    assert found.losses["a"] == pytest.approx((density * np.maximum(-grid, 0)).sum(), abs=3e-4)
    assert found.losses["b"] == pytest.approx((density * np.maximum(grid, 0)).sum(), abs=3e-4)
    mean, low, high = found.difference("a", "b")
    assert mean == pytest.approx((density * grid).sum(), abs=5e-4) and 0 < mean < 0.03
    assert [low, high] == pytest.approx(grid[np.searchsorted(np.cumsum(density), [0.025, 0.975])], abs=3e-3)
    assert found.near_best("a", 0.005) == pytest.approx(density[grid > -0.005].sum(), abs=0.01)


def test_the_expected_loss_is_the_mean_regret_where_the_assumptions_hold():
    rng, regret, expected = np.random.default_rng(0), [], []
    for _ in range(150):
        true = rng.normal(0.8, 0.02, 6)
        observed = true + rng.normal(0, 0.03) + rng.normal(0, 0.015, 6)
        losses = posterior_of(list("abcdef"), observed, np.eye(6) * 0.015**2 + 0.03**2).losses
        chosen = min(losses, key=lambda name: losses[name])
        regret.append(true.max() - true["abcdef".index(chosen)])
        expected.append(losses[chosen])
    assert np.mean(regret) == pytest.approx(np.mean(expected), abs=3 * np.std(regret) / 150**0.5)


def test_guessing_does_not_draw_the_others_towards_it():
    scores, covariance = np.array([0.81, 0.80, 0.79, 0.30]), np.eye(4) * 0.01**2
    alone = posterior_of(["a", "b", "c"], scores[:3], covariance[:3, :3])
    beside = posterior_of(["a", "b", "c", "majority"], scores, covariance, [False, False, False, True])
    assert {name: beside.losses[name] for name in "abc"} == pytest.approx(alone.losses, abs=3e-4)
    assert beside.losses["majority"] == pytest.approx(0.51, abs=0.01)


def test_one_method_has_no_loss():
    assert posterior_of(["a"], np.array([0.5]), np.array([[0.01]])).losses == {"a": 0.0}
    same = Posterior(["a", "b"], np.zeros((3, 2)))
    assert same.losses == {"a": 0.0, "b": 0.0} and same.near_best("b", 0.0) == 1


def posterior(mean, covariance):
    draws = np.random.default_rng(1).multivariate_normal(mean, covariance, 100_000)
    return Posterior(list("abc")[: len(mean)], draws)


def test_what_seeds_gain_is_the_expected_value_of_the_better_choice():
    # Of two scores with independent errors, a flat prior and an error that more seeds halve, all that matters is the difference.
    error, apart = 0.02, 0.01
    covariance = np.eye(2) * error**2
    found = gain_of_seeds(posterior([apart, 0.0], covariance), covariance, covariance, 0.5)
    # The difference has the variance 2 error², of which half remains; its mean moves by the other half.
    step = error
    expected = step * stats.norm.pdf(apart / step) - apart * stats.norm.sf(apart / step)
    assert found == pytest.approx(expected, rel=0.03)


def test_what_seeds_gain_is_that_of_simulated_seeds():
    rng = np.random.default_rng(2)
    of_texts, of_seeds = np.eye(3) * 0.01**2 + 0.02**2, np.diag([0.02, 0.01, 0.005]) ** 2
    prior, scores = 0.03, np.array([0.80, 0.795, 0.79])
    now = np.linalg.inv(np.linalg.inv(of_texts + of_seeds) + np.eye(3) / prior**2)
    mean = now @ np.linalg.inv(of_texts + of_seeds) @ (scores - 0.79)
    # True scores and effects of the texts given what was seen, and then the mean of three times as many seeds.
    gains, root = [], np.linalg.cholesky(now)
    late = of_texts + of_seeds / 3
    later = np.linalg.inv(np.linalg.inv(late) + np.eye(3) / prior**2)
    for _ in range(20_000):
        # Posterior means move as those of a normal experiment with the information that is added.
        added = np.linalg.inv(late) - np.linalg.inv(of_texts + of_seeds)
        true = mean + root @ rng.standard_normal(3)
        seen = added @ true + np.linalg.cholesky(added + 1e-9 * np.eye(3)) @ rng.standard_normal(3)
        gains.append((later @ (np.linalg.inv(now) @ mean + seen)).max() - mean.max())
    found = gain_of_seeds(posterior(mean, now), of_texts + of_seeds, of_seeds, 1 / 3)
    assert found == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / 20_000**0.5 + 1e-5)


def test_gain_of_seeds_is_zero_if_only_texts_vary_or_the_choice_is_clear():
    covariance = np.eye(2) * 0.02**2
    close, clear = posterior([0.01, 0.0], covariance), posterior([0.2, 0.0], covariance)
    assert gain_of_seeds(close, covariance, 0 * covariance, 0.5) < 1e-5
    assert gain_of_seeds(clear, covariance, covariance, 0.5) < 1e-5
    same = np.full((2, 2), 0.02**2)
    assert gain_of_seeds(posterior([0.0, 0.0], same), same, same, 0.5) < 1e-4


@pytest.mark.parametrize(
    ("losses", "costs", "chosen"),
    [
        ({"a": 0.001, "b": 0.004}, {"a": 50, "b": 2}, "b"),  # both within half a point: the cheapest
        ({"a": 0.001, "b": 0.006}, {"a": 50, "b": 2}, "a"),  # not within it
        ({"a": 0.02, "b": 0.03}, {"a": 50, "b": 2}, "a"),  # none within it: the least loss
        ({"a": 0.001, "b": 0.004}, {"a": 3, "b": 2}, "a"),  # costs within a factor of two are equal
    ],
)
def test_the_cheapest_of_those_within_the_smallest_difference_is_chosen(losses, costs, chosen):
    assert choose(losses, costs, 0.005) == chosen
