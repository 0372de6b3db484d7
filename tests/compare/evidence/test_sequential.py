"""Sequential choice of seeds: the order of decisions, and the error rate despite repeated looks."""

from types import SimpleNamespace

import numpy as np
import pytest

from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.sequential import LOOKS, PARTS, State, choose, level_at, seconds_of, why_it_ended
from lit_transfer.compare.evidence.statistics import LEVEL
from lit_transfer.compare.evidence.verdict import judge_size
from lit_transfer.compare.methods import Method
from lit_transfer.errors import ConfigError
from tests.compare.evidence.outcomes import FROZEN, INIT, outcome
from tests.compare.worlds import WORLDS, at_most, simulate

CASES = 60


def state(first, second, seeds=3, seconds=10.0):
    outcomes = [outcome(INIT, first, seeds=seeds, seed=1), outcome(FROZEN, second, seeds=seeds, seed=2)]
    return State(judge_size(1000, True, outcomes, 0.5, level=level_at(seeds)), seconds)


def stop_of(ways):
    """Return the verdict at which a size stops. `ways`: *Shape:* `(ways, seeds, texts)`."""
    for seeds in LOOKS:
        outcomes = [
            Outcome(Method(f"way {i}", "init", "v"), table[:seeds], table[:seeds]) for i, table in enumerate(ways)
        ]
        verdict = judge_size(100, False, outcomes, 0.5, level=level_at(seeds))
        if choose([State(verdict, 1.0)], float("inf")) is None:
            return verdict
    return verdict


@pytest.mark.parametrize("world", WORLDS)
def test_among_equal_ways_it_claims_anything_in_at_most_five_percent_though_it_looks_often(world):
    rng = np.random.default_rng(3)
    data = simulate(rng, ways=4, seeds=LOOKS[-1], repeats=CASES, texts=200, block=0.2, **WORLDS[world])
    claimed = sum(any(pair.shown for pair in stop_of(data[:, case]).pairs) for case in range(CASES))
    assert claimed <= at_most(LEVEL, CASES)


def test_it_goes_on_until_a_difference_is_shown_and_stops_then():
    rng = np.random.default_rng(4)
    data = simulate(rng, ways=2, seeds=LOOKS[-1], repeats=30, texts=300, shift=0.35, seed=0.1, noise=0.7)
    stops = [stop_of(data[:, case]) for case in range(30)]
    assert sum(verdict.pairs[0].shown for verdict in stops) > 15
    assert len({verdict.seeds for verdict in stops}) > 1


def test_the_looks_share_the_accepted_chance():
    assert len(LOOKS) == len(PARTS) and sum(PARTS) == pytest.approx(1)
    assert sum(map(level_at, LOOKS)) == pytest.approx(LEVEL)


def test_the_next_seeds_go_where_a_question_can_be_settled_soonest():
    settled, soon, late = state(0.9, 0.7), state(0.80, 0.76), state(0.80, 0.76, seconds=1000.0)
    assert not settled.open and soon.open
    assert choose([settled, late, soon], float("inf")) == 2
    assert choose([settled, late, soon], 15.0) is None  # the next look takes two seeds of ten seconds
    assert choose([settled], float("inf")) is None


def asked(*needed, seeds=3, seconds=10.0, label="100 labels"):
    """Return a state with open questions that need these numbers of seeds."""
    pairs = [SimpleNamespace(seeds=each, settled=lambda smallest: False) for each in needed]
    return State(SimpleNamespace(seeds=seeds, pairs=pairs, smallest=0.5, label=label), seconds)


def test_a_look_costs_the_seeds_until_it_and_there_is_none_after_the_last():
    assert [asked(9, seeds=seeds).next_look for seeds in (3, 5, 8, 12, 20)] == [5, 8, 12, 20, None]
    assert [asked(9, seeds=seeds).cost for seeds in (3, 5, 8, 12, 20)] == [20.0, 30.0, 40.0, 80.0, 0.0]


def test_a_question_for_the_next_look_counts_one_and_for_a_later_one_half():
    assert asked(4, 5).worth == pytest.approx(2 / 20)
    assert asked(5, 6, 20).worth == pytest.approx((1 + 0.5 + 0.5) / 20)
    assert asked(None, 21).worth == 0.0  # more seeds than the last look has, or any number
    one_soon, two_late, three_late = asked(5), asked(9, 9), asked(9, 9, 9)
    assert one_soon.worth == two_late.worth
    assert choose([one_soon, three_late], float("inf")) == 1
    assert choose([asked(5, seconds=10.0), asked(5, seconds=9.0)], float("inf")) == 1


def test_the_budget_may_be_spent_whole_and_the_cheapest_look_beyond_it_is_named():
    assert choose([asked(5)], 20.0) == 0
    assert choose([asked(5)], 19.9) is None
    dear, cheap = asked(5, seconds=60.0, label="all labels"), asked(5, 5, seconds=30.0)
    assert why_it_ended([dear, cheap], 0.0) == (
        "The budget ended the comparison: with 100 labels, 2 questions would need about 1 more minute."
    )


def test_it_says_why_it_ended():
    settled, soon = state(0.9, 0.7), state(0.80, 0.76, seconds=600.0)
    assert why_it_ended([settled], 0) == "All questions are settled."
    assert why_it_ended([settled, soon], 60.0).startswith(
        "The budget ended the comparison: with all 1,000 labels, 1 question"
    )
    hopeless = state(0.8001, 0.80, seeds=20)
    assert "too many seeds or more test texts" in why_it_ended([hopeless], float("inf"))


@pytest.mark.parametrize(
    ("budget", "seconds"), [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("0.5h", 1800), ("1s", 1)]
)
def test_a_budget_is_a_span_of_time(budget, seconds):
    assert seconds_of(budget) == seconds
    assert seconds_of(None) == float("inf")


@pytest.mark.parametrize("budget", ["soon", "20", "0m", "m", "1.2.3m"])
def test_an_invalid_budget_is_an_error(budget):
    with pytest.raises(ConfigError, match="20m or 1h30m"):
        seconds_of(budget)
