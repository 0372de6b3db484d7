"""Significant differences in simulated results with known differences."""

from dataclasses import replace

import numpy as np
import pytest

from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.verdict import BEST, GUESSING, VECTORS, judge_size
from lit_transfer.compare.evidence.verdict import SLOW as SLOW_QUESTION
from lit_transfer.compare.methods import Method
from tests.compare.evidence.outcomes import FROZEN, INIT, LABELS, RANDOM, SLOW, TEXTS, TFIDF, guessing, outcome


def size_of(outcomes, train_size=1000):
    return judge_size(train_size, train_size == 1000, outcomes, 0.5)


def test_a_difference_that_is_there_is_shown_with_its_interval():
    size = size_of([outcome(INIT, 0.80), outcome(FROZEN, 0.75)])
    pair = size.pair("frozen", "init")
    assert (pair.first, pair.shown, pair.better) == ("init", True, "init")
    assert pair.difference.low < 0.05 < pair.difference.high
    [sentence] = size.sentences()
    accuracy = 100 * size.accuracy["init"]
    assert sentence.startswith(
        f"With all 1,000 labels, init has the highest score ({accuracy:.1f} %); it beats frozen by "
    )
    assert f"it beats frozen by {pair.found()}" in sentence


def test_a_difference_is_shown_exactly_if_its_interval_excludes_0():
    for seed in range(12):
        ways = [Method(f"way {i}", "init", "v") for i in range(4)]
        outcomes = [outcome(way, 0.78 + 0.01 * i, seeds=3, seed=[seed, i][0] * 7 + i) for i, way in enumerate(ways)]
        for pair in size_of(outcomes).pairs:
            assert pair.shown == (not pair.difference.low <= 0 <= pair.difference.high)


def test_the_pairs_answer_the_questions_and_no_others():
    outcomes = [
        outcome(RANDOM, 0.6), outcome(INIT, 0.8), outcome(FROZEN, 0.75), outcome(SLOW, 0.74), outcome(TFIDF, 0.7), guessing()
    ]  # fmt: skip
    asked = {(pair.first, pair.second): pair.questions for pair in size_of(outcomes).pairs}
    assert asked == {
        ("init", "frozen"): (BEST,),
        ("init", "slow"): (BEST,),
        ("init", "tfidf"): (BEST,),
        ("init", "random"): (BEST, VECTORS),
        ("init", "majority"): (BEST, GUESSING),
        ("frozen", "majority"): (GUESSING,),
        ("slow", "majority"): (GUESSING,),
        ("tfidf", "majority"): (GUESSING,),
        ("random", "majority"): (GUESSING,),
        ("frozen", "random"): (VECTORS,),
        ("slow", "random"): (VECTORS,),
        ("frozen", "slow"): (SLOW_QUESTION,),
    }


def test_whether_vectors_help_is_asked_of_the_way_that_has_them():
    size = size_of([outcome(TFIDF, 0.9), outcome(RANDOM, 0.8), outcome(FROZEN, 0.7)])
    pair = size.pair("random", "frozen")
    assert (pair.first, pair.better, pair.shown) == ("frozen", "random", True)
    assert pair.difference.high < 0
    assert pair.sentence(5).startswith("random beats frozen: frozen − random is −")


def test_where_none_is_shown_it_says_how_many_seeds_would_be_needed():
    size = size_of([outcome(INIT, 0.80, seed=1), outcome(FROZEN, 0.80, seed=2)])
    [pair] = size.pairs
    assert not pair.shown and pair.seeds is not None and pair.seeds > 5
    assert f"about {pair.seeds - 5} more seeds would show 0.5 points" in size.sentences()[1]
    assert replace(pair, seeds=6).need(5).startswith("about 1 more seed would show")
    assert pair.sentence(5).startswith("Not significant: ")


def test_where_seeds_cannot_help_it_says_how_many_texts_would():
    base = np.random.default_rng(0).random(TEXTS)
    right = [np.tile(base < 0.80, (5, 1)), np.tile((base + 0.3) % 1 < 0.80, (5, 1))]  # each equal for all seeds
    outcomes = [Outcome(way, LABELS ^ ~ok, ok) for way, ok in zip((INIT, FROZEN), right, strict=True)]
    [pair] = size_of(outcomes).pairs
    assert pair.seeds is None and pair.texts > TEXTS
    assert f"at least {pair.texts:,} test texts would be needed" in pair.sentence(5)


def test_where_seeds_vary_too_much_it_says_so_and_does_not_ask_for_texts():
    def by_seed(way, *right):
        right = np.repeat(np.array(right)[:, None], TEXTS, axis=1)
        return Outcome(way, np.where(right, LABELS, 1 - LABELS), right)

    [pair] = size_of([by_seed(INIT, True, False, True), by_seed(FROZEN, False, True, True)], 100).pairs
    assert pair.need(3) == "more than 1,000 seeds would be needed to show 0.5 points"


def test_one_seed_shows_nothing():
    size = size_of([outcome(INIT, 0.9, seeds=1), outcome(FROZEN, 0.6, seeds=1)])
    assert not size.pairs[0].shown
    assert "a single seed allows no test" in size.sentences()[1]


def test_a_baseline_without_seeds_stands_against_each_seed_and_against_another_baseline():
    sentence = Method("sentence x", "sentence:x", is_baseline=True)
    size = size_of([outcome(INIT, 0.9), outcome(TFIDF, 0.8, seeds=1), outcome(sentence, 0.7, 1)])
    assert size.beats("init", "tfidf") and size.beats("init", "sentence x")
    assert size.seeds == 5


def test_guessing_is_tested_like_the_rest():
    assert size_of([outcome(INIT, 0.9), guessing()]).beats_guessing
    nothing = size_of([outcome(INIT, 0.5), guessing()])
    assert not nothing.beats_guessing and nothing.recommended == "majority"


def test_a_method_significantly_below_any_other_is_no_rival():
    restless = np.random.default_rng(0).random((2, TEXTS)) < np.array([[0.99], [0.85]])
    best = Outcome(INIT, np.where(restless, LABELS, 1 - LABELS), restless)  # two seeds with very different results
    steady = outcome(TFIDF, 0.9, seeds=1)
    size = size_of([best, steady, guessing(), outcome(Method("static x", "static:x", is_baseline=True), 0.7, seeds=1)])
    assert size.best == "init" and not size.pair("init", "majority").shown
    assert size.beats("tfidf", "majority") and size.beats_guessing
    assert size.rivals == ["init", "tfidf"]
    assert any(line.startswith("tfidf beats static x") for line in size.sentences())


@pytest.mark.parametrize("size", [100, 1000])
def test_sizes_are_called_by_their_names(size):
    found = size_of([outcome(INIT, 0.8), outcome(FROZEN, 0.7)], size)
    assert found.label == ("all 1,000 labels" if size == 1000 else "100 labels")
