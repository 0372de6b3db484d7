"""The sentences, from results whose truth is planted."""

from dataclasses import replace

import numpy as np
import pytest

from lit_transfer.compare.plan import Way
from lit_transfer.compare.verdict import Outcome, judge

TEXTS = 2000
RANDOM, INIT, FROZEN = Way("random", "random"), Way("init", "init", "v"), Way("frozen", "frozen", "v")
SLOW = Way("slow", "slow", "v", 1e-6)
MAJORITY = Way("majority", "majority", is_baseline=True)
TFIDF = Way("tfidf", "tfidf", is_baseline=True)
LABELS = np.arange(TEXTS) % 2


def outcome(way, share, seeds=5, seed=0):
    """Right on so many texts, in each seed on others."""
    right = np.random.default_rng([seed, round(1000 * share)]).random((seeds, TEXTS)) < share
    return Outcome(way, np.where(right, LABELS, 1 - LABELS), right)


def verdict_on(sizes, ways, all_texts=1000):
    return judge(sizes, all_texts, 0.5, ways)


def test_a_difference_that_is_there_is_told_with_its_interval():
    verdict = verdict_on({1000: [outcome(INIT, 0.80), outcome(FROZEN, 0.75)]}, [INIT, FROZEN])
    pair = verdict.sizes[0].pair("frozen", "init")
    assert (pair.first, pair.shown) == ("init", True)
    assert pair.difference.low < 0.05 < pair.difference.high
    [sentence] = verdict.sizes[0].sentences()
    accuracy = 100 * verdict.sizes[0].accuracy["init"]
    assert sentence.startswith(
        f"With all 1,000 labels, init has the highest accuracy ({accuracy:.1f} %); it beats frozen by "
    )
    assert f"it beats frozen by {100 * pair.difference.mean:.1f} points (95 % interval " in sentence


def test_where_none_is_shown_it_says_how_many_seeds_would_be_needed():
    same = [outcome(INIT, 0.80, seed=1), outcome(FROZEN, 0.80, seed=2)]
    verdict = verdict_on({1000: same}, [INIT, FROZEN])
    pair = verdict.sizes[0].pairs[0]
    assert not pair.shown and pair.seeds is not None and pair.seeds > 5
    told = verdict.sizes[0].sentences()[1]
    assert told.startswith("No difference can be shown with 5 seeds to ")
    assert f"about {pair.seeds - 5} more seeds would be needed to show 0.5 points" in told
    assert replace(pair, seeds=6).need(5).startswith("about 1 more seed would be needed")
    assert pair.sentence(5).startswith("No difference between ")


def test_where_seeds_cannot_help_it_says_how_many_texts_would():
    base = np.random.default_rng(0).random(TEXTS)
    right = [np.tile(base < 0.80, (5, 1)), np.tile((base + 0.3) % 1 < 0.80, (5, 1))]  # each the same with every seed
    outcomes = [Outcome(way, LABELS ^ ~ok, ok) for way, ok in zip((INIT, FROZEN), right, strict=True)]
    pair = verdict_on({1000: outcomes}, [INIT, FROZEN]).sizes[0].pairs[0]
    assert pair.seeds is None and pair.texts > TEXTS
    assert f"at least {pair.texts:,} test texts would be needed" in pair.sentence(5)


def test_where_seeds_vary_too_much_it_says_so_and_does_not_ask_for_texts():
    def by_seed(way, *right):
        right = np.repeat(np.array(right)[:, None], TEXTS, axis=1)
        return Outcome(way, np.where(right, LABELS, 1 - LABELS), right)

    sizes = {100: [by_seed(INIT, True, False, True), by_seed(FROZEN, False, True, True)]}
    [pair] = verdict_on(sizes, [INIT, FROZEN]).sizes[0].pairs
    assert pair.need(3) == "more than 1,000 seeds would be needed to show 0.5 points"


def test_the_crossing_is_told_and_for_which_sizes_it_holds():
    sizes = {
        100: [outcome(INIT, 0.60), outcome(FROZEN, 0.68), outcome(RANDOM, 0.55)],
        300: [outcome(INIT, 0.66), outcome(FROZEN, 0.72), outcome(RANDOM, 0.60)],
        1000: [outcome(INIT, 0.84), outcome(FROZEN, 0.80), outcome(RANDOM, 0.80, seed=3)],
    }
    summary = verdict_on(sizes, [RANDOM, INIT, FROZEN]).summary
    assert summary[0] == (
        "The best way changes with the number of labels: frozen with 100 and 300 labels and init with all 1,000 labels."
    )
    assert summary[1] == (
        "The crossing of frozen and init between 300 and 1,000 labels is shown: frozen beats init with 100 and 300 labels, "
        "init beats frozen with all 1,000 labels."
    )
    assert summary[2].startswith("init against random, in points: +") and "with 100 labels" in summary[2]
    assert "(not shown) with all 1,000 labels" in summary[3]  # frozen is as good as random there


def test_means_that_cross_by_luck_are_not_called_a_crossing():
    few, many = (outcome(INIT, 0.80, seed=1), outcome(INIT, 0.80, seed=2))
    better, worse = sorted((few, many), key=lambda one: -one.accuracy)
    frozen = [Outcome(FROZEN, one.predicted, one.right) for one in (better, worse)]
    verdict = verdict_on({100: [worse, frozen[0]], 1000: [better, frozen[1]]}, [INIT, FROZEN])
    assert verdict.summary[1] == (
        "The means of frozen and init cross between 100 and 1,000 labels, but that is not shown: neither is shown to beat the "
        "other at any size."
    )


def test_slow_is_held_against_frozen():
    frozen = outcome(FROZEN, 0.8)
    same = Outcome(SLOW, frozen.predicted, frozen.right)
    verdict = verdict_on({1000: [frozen, same]}, [FROZEN, SLOW])
    assert verdict.summary == [
        "slow is not shown to differ from frozen at any size; with the same seed they agree on 100.0 % of the test texts."
    ]
    assert "the same predictions" in verdict.sizes[0].sentences()[1]
    better = verdict_on({1000: [frozen, outcome(SLOW, 0.9)]}, [FROZEN, SLOW])
    assert better.summary[0].startswith("slow differs from frozen: slow is better with all 1,000 labels; ")


def test_one_seed_says_nothing():
    verdict = verdict_on({1000: [outcome(INIT, 0.9, seeds=1), outcome(FROZEN, 0.6, seeds=1)]}, [INIT, FROZEN])
    assert not verdict.sizes[0].pairs[0].shown
    assert "with one seed that says nothing yet" in str(verdict)


def test_a_baseline_without_seeds_stands_against_each_seed_and_against_another_baseline():
    outcomes = [
        outcome(INIT, 0.9),
        outcome(TFIDF, 0.8, seeds=1),
        outcome(Way("sentence x", "sentence:x", is_baseline=True), 0.7, 1),
    ]
    size = verdict_on({1000: outcomes}, [o.way for o in outcomes]).sizes[0]
    assert size.beats("init", "tfidf") and size.beats("tfidf", "sentence x")
    assert size.seeds == 5


def test_the_majority_class_is_not_tested():
    outcomes = [outcome(INIT, 0.9), outcome(MAJORITY, 0.5, seeds=1)]
    verdict = verdict_on({1000: outcomes}, [INIT, MAJORITY])
    assert verdict.sizes[0].pairs == [] and list(verdict.sizes[0].accuracy) == ["init"]
    assert len(verdict.sizes[0].sentences()) == 1


def test_holms_correction_makes_a_borderline_difference_not_shown_among_many_pairs():
    alone = verdict_on({1000: [outcome(INIT, 0.8125, seed=5), outcome(FROZEN, 0.80, seed=6)]}, [INIT, FROZEN])
    p = alone.sizes[0].pairs[0].p
    many = [outcome(INIT, 0.8125, seed=5), outcome(FROZEN, 0.80, seed=6)]
    others = [Way(f"other {i}", "init", "v") for i in range(6)]
    many += [outcome(way, 0.80, seed=7 + i) for i, way in enumerate(others)]
    corrected = verdict_on({1000: many}, [INIT, FROZEN, *others]).sizes[0].pair("init", "frozen").p
    assert corrected > p


@pytest.mark.parametrize("size", [100, 1000])
def test_sizes_are_called_by_their_names(size):
    verdict = verdict_on({size: [outcome(INIT, 0.8), outcome(FROZEN, 0.7)]}, [INIT, FROZEN])
    assert verdict.sizes[0].label == ("all 1,000 labels" if size == 1000 else "100 labels")
