"""Simultaneous intervals of all pairs on simulated results with known differences."""

import numpy as np
import pytest
from scipy import stats

from lit_transfer.compare.evidence.simultaneous import SeedVariances, compare_all, pair_level
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
def test_false_claims_are_bounded_for_methods_of_unequal_variance(world, seeds):
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


def varying(*means, texts=40):
    """Return tables with these means by seed: each row has ones in as many places. *Shape:* `(ways, seeds, texts)`."""
    return np.stack([[np.arange(texts) < round(mean * texts) for mean in way] for way in means])


# Accuracy of four ways with three seeds, in fortieths: the last way varies more than the others.
MEANS = np.array([[20, 24, 22], [21, 26, 22], [30, 33, 33], [24, 37, 20]]) / 40


def seed_variances(tables):
    """Return the variance and its degrees of freedom of each pair, as `compare_all` passes them on."""
    vary = SeedVariances(list(tables), 3)
    return {(i, j): vary.of(i, j) for i in range(len(tables)) for j in range(i + 1, len(tables))}, vary


def pair_variance(first, second):
    return np.var(first - second, ddof=1)


def test_the_variance_of_three_ways_is_that_of_grubbs_at_least_the_residual_mean_square():
    a, b, c = ways = MEANS[[0, 1, 3]]
    ab, ac, bc = pair_variance(a, b), pair_variance(a, c), pair_variance(b, c)
    grubbs = [(ab + ac - bc) / 2, (ab + bc - ac) / 2, (ac + bc - ab) / 2]  # Grubbs 1948, three instruments
    residual = sum(
        (ways[i, s] - ways[i].mean() - ways[:, s].mean() + ways.mean()) ** 2 for i in range(3) for s in range(3)
    ) / (2 * 2)
    own = [max(one, residual) for one in grubbs]
    assert own[0] == own[1] == residual < own[2]  # both cases occur
    found, _ = seed_variances(varying(*ways))
    for (i, j), of_pair in found.items():
        assert of_pair.value == pytest.approx(own[i] + own[j])
        assert of_pair.df == 4


def test_the_variance_of_four_ways_averages_grubbs_estimates_over_all_triples():
    found, _ = seed_variances(varying(*MEANS))
    triples = []  # estimates of the last way from the triples that contain it
    for j, k in ((0, 1), (0, 2), (1, 2)):
        mine = pair_variance(MEANS[3], MEANS[j]) + pair_variance(MEANS[3], MEANS[k])
        triples.append((mine - pair_variance(MEANS[j], MEANS[k])) / 2)
    residuals = MEANS - MEANS.mean(axis=1, keepdims=True) - MEANS.mean(axis=0) + MEANS.mean()
    assert found[0, 3].value == pytest.approx((residuals**2).sum() / (3 * 2) + np.mean(triples))
    assert found[0, 3].df == 6


def test_against_a_constant_way_the_common_effect_of_a_seed_counts():
    constant = np.full(3, 0.5)
    found, _ = seed_variances(varying(*MEANS[:2], constant))
    a, b = MEANS[:2]
    # Variance of a way: the mean of those of the two, unless the way itself varies more. Satterthwaite's degrees of freedom.
    total = (np.var(a, ddof=1) + np.var(b, ddof=1)) / 2
    common, rest = np.var(a + b, ddof=1) / 2, np.var(a - b, ddof=1) / 2
    df = (common + rest) ** 2 / (common**2 / 2 + rest**2 / 2)
    assert np.var(a, ddof=1) < total < np.var(b, ddof=1)
    assert (found[0, 2].value, found[1, 2].value) == pytest.approx((total, np.var(b, ddof=1)))
    assert found[0, 2].df == pytest.approx(df)
    assert found[0, 1].value == pytest.approx(2 * rest) and found[0, 1].df == 2


def test_a_single_way_that_varies_is_judged_by_its_own_variance_and_equal_ways_by_none():
    constant = np.full(3, 0.5)
    tables = varying(MEANS[0], constant, constant)
    found, _ = seed_variances(tables)
    assert set(found.values()) == {None}
    family = compare_all(list(tables))
    assert family.differences[0, 1].low == paired_difference(tables[0], tables[1], level=family.level).low
    found, _ = seed_variances(varying(MEANS[0], MEANS[0], MEANS[1]))
    assert found[0, 1] is None and found[0, 2] is not None


def test_the_covariance_of_the_means_has_those_of_the_texts_the_seeds_and_their_common_effect():
    tables = varying(*MEANS[:2], np.full(3, 0.5))
    _, vary = seed_variances(tables)
    by_text = tables.mean(axis=1)
    residual = np.var(MEANS[0] - MEANS[1], ddof=1) / 2
    block = (np.var(MEANS[0] + MEANS[1], ddof=1) / 2 - residual) / 2
    assert block > 0
    seeds = np.array([[residual + block, block, 0], [block, residual + block, 0], [0, 0, 0]])
    assert vary.covariance() == pytest.approx(np.cov(by_text) / 40 + seeds / 3)


def test_pairs_that_cannot_differ_have_no_part_in_the_level():
    pairs = [(0, 1), (0, 2), (1, 2)]
    one_moves = np.diag([0.0, 0.0, 1.0])
    assert pair_level(np.eye(1), [], LEVEL) == LEVEL
    assert pair_level(one_moves, pairs[:1], LEVEL) == pair_level(np.zeros((3, 3)), pairs, LEVEL) == LEVEL
    # The two pairs with the third way are the same statistic.
    assert pair_level(one_moves, pairs, LEVEL) == pytest.approx(LEVEL, rel=0.1)
    assert pair_level(np.eye(3), pairs, LEVEL) < 0.5 * LEVEL
