"""Exact bounds of an accuracy."""

import pytest
from scipy.stats import binom, binomtest

from lit_transfer.tasks.bounds import accuracy_bound, accuracy_interval


@pytest.mark.parametrize(("wrong", "count", "delta"), [(0, 20, 0.05), (3, 100, 0.001), (50, 60, 0.01)])
def test_the_bound_inverts_the_binomial_tail(wrong, count, delta):
    bound = accuracy_bound(wrong, count, delta)
    assert binom.cdf(wrong, count, 1 - bound) == pytest.approx(delta, rel=1e-6)
    assert accuracy_bound(count, count, delta) == 0.0


@pytest.mark.parametrize(("correct", "count"), [(0, 1), (85, 120), (120, 120), (0, 12)])
def test_the_interval_is_that_of_clopper_and_pearson(correct, count):
    reference = binomtest(correct, count).proportion_ci(0.95, "exact")
    assert accuracy_interval(correct, count) == pytest.approx((reference.low, reference.high), abs=1e-9)
    assert accuracy_interval(85, 120) == pytest.approx((0.6184, 0.7877), abs=1e-4)
