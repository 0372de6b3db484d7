"""The statistics compared with simulated results with known differences, and with resampling."""

import numpy as np
import pytest
from scipy import stats

from lit_transfer.compare.evidence.statistics import (
    LEVEL,
    POWER,
    paired_difference,
    seed_interval,
    seeds_to_show,
    texts_to_show,
)
from tests.compare.worlds import REPEATS, TEXTS, WORLDS, at_most, simulate, truth


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
@pytest.mark.parametrize("world", ["noise only", "seeds differ", "mostly seeds"])
def test_under_a_null_a_difference_is_claimed_in_at_most_five_percent(world, seeds):
    rng = np.random.default_rng(seeds)
    first, second = simulate(rng, seeds=seeds, **WORLDS[world])  # the same mode twice, with different seeds
    claimed = paired_difference(first, second).p < LEVEL
    assert claimed.sum() <= at_most(LEVEL)


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("world", WORLDS)
def test_the_interval_covers_a_planted_difference_in_about_95_percent(world, seeds):
    rng = np.random.default_rng(100 + seeds)
    true = truth(0.15, **WORLDS[world])
    difference = paired_difference(*simulate(rng, seeds=seeds, shift=0.15, **WORLDS[world]))
    missed = ((difference.low > true) | (difference.high < true)).sum()
    assert missed <= at_most(LEVEL)
    if world != "noise only" and seeds == 10:  # and not wider than necessary
        assert missed >= stats.binom.ppf(1e-4, REPEATS, LEVEL)


def test_a_plain_bootstrap_with_normal_quantiles_would_claim_too_much():
    """The claim in the module's docstring about the bootstrap, checked by the same simulation."""
    rng = np.random.default_rng(5)
    first, second = simulate(rng, seeds=5, seed=0.5, noise=0.5)
    table = first.astype(float) - second
    by_seed, by_text = table.mean(-1), table.mean(-2)
    error = np.sqrt(by_seed.var(-1) / 5 + by_text.var(-1) / TEXTS)
    assert (np.abs(table.mean((-2, -1))) > 1.96 * error).mean() > 2 * LEVEL
    assert (paired_difference(first, second).p < LEVEL).sum() <= at_most(LEVEL)


def test_the_variance_is_that_of_resampling_seeds_and_texts_corrected_for_small_numbers():
    rng = np.random.default_rng(11)
    first, second = simulate(rng, seeds=6, repeats=1, shift=0.2, **WORLDS["both differ"])[:, 0]
    table = first.astype(float) - second
    draws = 20_000
    # Six seeds have five degrees of freedom, so five are drawn; likewise for texts.
    seed_draws = rng.multinomial(5, np.full(6, 1 / 6), draws) / 5
    text_draws = rng.multinomial(TEXTS - 1, np.full(TEXTS, 1 / TEXTS), draws) / (TEXTS - 1)
    of_seeds = (seed_draws @ table.mean(1)).var()
    of_texts = (text_draws @ table.mean(0)).var()
    noise = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    both = of_seeds + of_texts - (noise**2).sum() / (5 * (TEXTS - 1)) / (6 * TEXTS)  # is contained in both draws
    assert paired_difference(first, second).standard_error == pytest.approx(both**0.5, rel=0.03)


def test_with_one_row_each_it_is_the_paired_t_test_over_texts():
    rng = np.random.default_rng(3)
    first, second = rng.random((2, 1, 200)) < [[[0.8]], [[0.7]]]
    ours = paired_difference(first, second)
    theirs = stats.ttest_rel(first[0].astype(float), second[0].astype(float))
    interval = theirs.confidence_interval(0.95)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-5)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-5)


def test_without_any_text_effect_it_is_the_t_test_over_seeds():
    by_seed = np.array([8, 6, 9, 5]) / 10  # each seed has another number of correct texts, in repeated blocks
    first = np.concatenate([np.arange(1000) % 10 < share * 10 for share in by_seed]).reshape(4, 1000)
    rng = np.random.default_rng(0)
    first = np.stack([rng.permutation(row) for row in first])
    ours = paired_difference(first, np.zeros((1, 1000)))
    theirs = stats.ttest_1samp(by_seed, 0)
    assert ours.mean == pytest.approx(0.7)
    assert ours.standard_error == pytest.approx(stats.sem(by_seed), rel=0.02)
    assert ours.p == pytest.approx(theirs.pvalue, rel=0.15)


def test_equal_predictions_are_no_difference():
    right = np.random.default_rng(0).random((5, 50)) < 0.8
    same = paired_difference(right, right)
    assert (same.mean, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_literals_that_can_be_checked_by_hand():
    # Two seeds, four texts: the first way has 4 and 3 right, the second 2 and 1.
    first, second = [[1, 1, 1, 1], [1, 1, 1, 0]], [[1, 1, 0, 0], [1, 0, 0, 0]]
    difference = paired_difference(np.array(first), np.array(second))
    assert difference.mean == 0.5
    assert paired_difference(np.array(second), np.array(first)).mean == -0.5


def test_a_difference_that_all_texts_share_moves_the_interval_only():
    first, second = simulate(np.random.default_rng(6), seeds=4, repeats=1, seed=0.1, text=0.3, noise=0.5)[:, 0] * 1.0
    here, there = paired_difference(first, second), paired_difference(first + 0.25, second)
    assert there.mean == pytest.approx(here.mean + 0.25, abs=1e-6)
    assert there.standard_error == pytest.approx(here.standard_error, rel=1e-3)
    # Satterthwaite's degrees of freedom, from the mean squares of seeds, texts and the rest.
    table = first - second
    seeds, texts = table.shape
    of_seeds, of_texts = texts * table.mean(1).var(ddof=1), seeds * table.mean(0).var(ddof=1)
    rest = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    noise, degrees = (rest**2).sum() / ((seeds - 1) * (texts - 1)), (seeds - 1) * (texts - 1)
    assert of_seeds > noise
    below = of_seeds**2 / (seeds - 1) + of_texts**2 / (texts - 1) + noise**2 / degrees
    assert here.df == pytest.approx((of_seeds + of_texts - noise) ** 2 / below, rel=1e-4)


def test_the_interval_over_seeds_is_students():
    values = [0.80, 0.82, 0.81]
    low, high = stats.t.interval(0.95, 2, loc=0.81, scale=stats.sem(values))
    assert seed_interval(values) == pytest.approx((0.81, low, high))
    assert seed_interval([0.70, 0.71]) == pytest.approx(
        (0.705, 0.705 - 12.706 * 0.005, 0.705 + 12.706 * 0.005), rel=1e-4
    )
    assert np.isnan(seed_interval([0.5]).low)


def test_texts_do_not_make_up_for_few_seeds():
    rng = np.random.default_rng(5)
    first = (rng.random(400) < 0.7) & (rng.random((2, 400)) < [[0.95], [0.75]])  # two seeds that differ much
    ours = paired_difference(first, np.zeros((1, 400)))
    over_seeds = stats.ttest_1samp(first.mean(1), 0).confidence_interval(0.95)
    assert (
        stats.t.ppf(0.975, ours.df) * ours.standard_error < over_seeds.high - ours.mean
    )  # by seeds and texts together
    assert ours.low <= over_seeds.low and ours.high >= min(over_seeds.high, 1.0)
    assert ours.p >= stats.ttest_1samp(first.mean(1), 0).pvalue * 0.99


def test_as_many_seeds_as_it_says_find_the_difference_in_about_four_of_five_cases():
    rng = np.random.default_rng(1)
    world = {"text": 0.3, "seed": 0.15, "noise": 0.7}
    shift = 0.25
    pilot = paired_difference(*simulate(rng, seeds=20, shift=shift, repeats=40, **world))
    average = type(pilot)(*(np.mean(field) for field in pilot))
    seeds = seeds_to_show(average, truth(shift, **world), LEVEL, TEXTS)
    assert seeds is not None and 2 < seeds < 40
    found = paired_difference(*simulate(rng, seeds=seeds, shift=shift, repeats=600, **world)).p < LEVEL
    assert found.mean() == pytest.approx(POWER, abs=0.1)


def test_too_few_texts_cannot_be_made_up_by_seeds_but_by_texts():
    rng = np.random.default_rng(2)
    pair = simulate(rng, seeds=5, repeats=1, shift=0.02, text=1.5, noise=0.2)[:, 0]
    difference = paired_difference(*pair)
    assert seeds_to_show(difference, 0.005, LEVEL / 6, TEXTS) is None
    texts = texts_to_show(difference, 0.005, LEVEL / 6, TEXTS)
    assert texts > 10 * TEXTS
    assert texts_to_show(difference, 0.01, LEVEL / 6, TEXTS) == pytest.approx(texts / 4, rel=0.01)


@pytest.mark.parametrize(
    ("seed_variance", "text_variance", "texts", "wanted"),
    [(4e-4, 0.0, 1000, 0.02), (4e-4, 2e-5, 1000, 0.02), (1e-4, 1e-4, 50, 0.05), (1e-6, 1e-5, 1000, 0.05)],
)
def test_the_number_of_seeds_is_that_of_a_naive_search(seed_variance, text_variance, texts, wanted):
    blank = paired_difference(np.ones((3, 50)), np.zeros((3, 50)))
    difference = blank._replace(seed_variance=seed_variance, text_variance=text_variance)

    def detectable(seeds):
        """The difference found in 80 % of cases, by seeds and texts together and by seeds alone."""
        a, b = seed_variance / seeds, text_variance
        df = (a + b) ** 2 / (a**2 / (seeds - 1) + b**2 / (texts - 1))
        both = (stats.t.ppf(0.975, df) + stats.t.ppf(0.8, df)) * (a + b) ** 0.5
        return max(both, (stats.t.ppf(0.975, seeds - 1) + stats.t.ppf(0.8, seeds - 1)) * a**0.5)

    expected = next(seeds for seeds in range(2, 1000) if detectable(seeds) <= wanted)
    assert seeds_to_show(difference, wanted, LEVEL, texts) == expected


def test_intervals_end_where_scores_end():
    assert seed_interval([0.99, 0.9]).high == 1
    assert seed_interval([0.01, 0.1]).low == 0
    rng = np.random.default_rng(7)
    high, low = rng.random((2, 100)) < 0.95, rng.random((2, 100)) < 0.05
    assert paired_difference(high, low).high == 1 and paired_difference(low, high).low == -1


def test_the_number_of_texts_is_that_of_a_normal_test():
    difference = paired_difference(np.ones((3, 50)), np.zeros((3, 50)))._replace(text_variance=0.0004)
    # z of 97.5 % is 1.960, z of 80 % is 0.842: 100 * 0.0004 * (2.802 / 0.02)^2
    assert texts_to_show(difference, 0.02, LEVEL, 100) == 785


def test_a_difference_without_any_variance_needs_two_seeds():
    always = paired_difference(np.ones((3, 50)), np.zeros((3, 50)))
    assert (always.mean, always.seed_variance, always.text_variance) == (1, 0, 0)
    assert seeds_to_show(always, 0.01, LEVEL, 50) == 2


def test_a_stricter_correction_and_a_smaller_difference_need_more_seeds():
    rng = np.random.default_rng(4)
    difference = paired_difference(*simulate(rng, seeds=5, repeats=1, seed=0.1, noise=0.5, texts=2000)[:, 0])
    needed = [
        seeds_to_show(difference, wanted, LEVEL / pairs, 2000) for wanted, pairs in ((0.02, 1), (0.02, 10), (0.01, 10))
    ]
    assert None not in needed and needed == sorted(set(needed))
