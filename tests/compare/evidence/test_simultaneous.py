"""Simultaneous intervals of all pairs on simulated results with known differences."""

import numpy as np
import pytest
from scipy import stats

from lit_transfer.compare.evidence.simultaneous import compare_all, pair_level
from lit_transfer.compare.evidence.statistics import LEVEL, paired_difference
from tests.compare.worlds import UNEQUAL, WORLDS, at_most, simulate, truth

CASES = 120


def families(data):
    """Return the family of each repeat. `data`: *Shape:* `(ways, repeats, seeds, texts)`."""
    return [compare_all(list(data[:, repeat])) for repeat in range(data.shape[1])]


def claims(family):
    return any(d.low > 0 or d.high < 0 for d in family.differences.values())


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("world", WORLDS)
def test_among_equal_ways_anything_is_claimed_in_at_most_five_percent(world, seeds):
    data = simulate(np.random.default_rng(seeds), ways=5, seeds=seeds, repeats=CASES, block=0.2, **WORLDS[world])
    assert sum(map(claims, families(data))) <= at_most(LEVEL, CASES)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("world", UNEQUAL)
def test_so_it_is_where_some_ways_vary_more_than_others(world, seeds):
    data = simulate(
        np.random.default_rng(seeds), ways=6, seeds=seeds, repeats=CASES, block=0.2, seed=UNEQUAL[world], noise=0.7
    )
    assert sum(map(claims, families(data))) <= at_most(LEVEL, CASES)


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("world", WORLDS)
def test_all_intervals_together_cover_the_truth_in_about_95_percent(world, seeds):
    shift = 0.25
    data = simulate(
        np.random.default_rng(50 + seeds), ways=4, seeds=seeds, repeats=CASES, block=0.1, shift=shift, **WORLDS[world]
    )
    lead = truth(shift, block=0.1, **WORLDS[world])
    missed = 0
    for family in families(data):
        missed += any(not d.low <= (lead if pair[0] == 0 else 0.0) <= d.high for pair, d in family.differences.items())
    assert missed <= at_most(LEVEL, CASES)


def test_with_three_seeds_it_shows_what_each_pair_alone_with_holm_cannot():
    data = simulate(np.random.default_rng(1), ways=6, seeds=3, repeats=100, shift=0.6, seed=0.1, noise=0.7, block=0.2)
    ours = sum(f.differences[0, 1].low > 0 for f in families(data))
    first_of_holm = LEVEL / 15
    theirs = (paired_difference(data[0], data[1]).p < first_of_holm).sum()
    assert ours > 65 and theirs < 20


def test_two_ways_alone_are_compared_by_their_own_variance():
    first, second = simulate(np.random.default_rng(2), seeds=5, repeats=1, seed=0.3, noise=0.7)[:, 0]
    family = compare_all([first, second])
    alone = paired_difference(first, second)
    assert family.level == LEVEL
    assert (family.differences[0, 1].low, family.differences[0, 1].high) == pytest.approx((alone.low, alone.high))


def test_the_level_of_a_pair_is_that_of_tukeys_range_for_independent_equal_ways():
    ways = 5
    pairs = [(i, j) for i in range(ways) for j in range(i + 1, ways)]
    critical = stats.studentized_range.ppf(0.95, ways, np.inf) / 2**0.5
    assert pair_level(np.eye(ways), pairs, LEVEL) == pytest.approx(2 * stats.norm.sf(critical), rel=0.1)


def test_a_way_that_is_the_same_with_every_seed_may_have_one_row():
    data = simulate(np.random.default_rng(3), ways=3, seeds=4, repeats=1, seed=0.2)[:, 0]
    constant = data[2, :1]
    one, many = compare_all([data[0], data[1], constant]), compare_all([data[0], data[1], constant.repeat(4, axis=0)])
    for pair in one.differences:
        assert one.differences[pair].low == pytest.approx(many.differences[pair].low, abs=1e-9)


def test_equal_predictions_are_no_difference():
    right = np.random.default_rng(0).random((3, 50)) < 0.8
    family = compare_all([right, right, ~right])
    assert (family.differences[0, 1].mean, family.differences[0, 1].low) == (0, 0)
