"""Sequential choice of seeds: the order of decisions, and the error rate despite repeated looks."""

from types import SimpleNamespace

import numpy as np
import pytest

from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.sequential import LOOKS, PARTS, State, choose, level_at, stopping_reason
from lit_transfer.compare.evidence.statistics import LEVEL
from lit_transfer.compare.evidence.verdict import judge_size
from lit_transfer.compare.methods import Method
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


def test_it_goes_on_where_seeds_may_change_the_choice_and_stops_at_once_where_they_cannot():
    rng = np.random.default_rng(4)
    world = {"ways": 2, "seeds": LOOKS[-1], "repeats": 20, "texts": 300, "noise": 0.7}
    stops = {}
    for name, shift, seed in (("close", 0.1, 0.3), ("clear", 1.5, 0.3), ("only texts", 0.1, 0.0)):
        data = simulate(rng, shift=shift, seed=seed, **world)
        stops[name] = [stop_of(data[:, case]).seeds for case in range(20)]
    assert np.mean(stops["close"]) > 5 and len(set(stops["close"])) > 1
    assert np.mean(stops["clear"]) < 4
    assert np.mean(stops["only texts"]) < np.mean(stops["close"])


def test_the_looks_share_the_accepted_chance():
    assert len(LOOKS) == len(PARTS) and sum(PARTS) == pytest.approx(1)
    assert sum(map(level_at, LOOKS)) == pytest.approx(LEVEL)


def test_a_clear_choice_is_not_open_and_a_choice_between_variable_methods_is():
    clear = state(0.9, 0.7)
    assert clear.gain < 1e-6 and choose([clear], float("inf")) is None
    [first], [second] = simulate(np.random.default_rng(5), ways=2, seeds=3, repeats=1, texts=300, seed=0.5, noise=0.5)
    outcomes = [Outcome(method, right, right) for method, right in ((INIT, first), (FROZEN, second))]
    close = State(judge_size(1000, True, outcomes, 0.5, level=level_at(3)), 10.0)
    assert 0.0005 < close.gain <= min(close.verdict.losses.values()) + 1e-4
    assert choose([clear, close], 20.0) == 1 and choose([clear, close], 19.0) is None


def asked(gain, seeds=3, seconds=10.0, label="100 labels"):
    """Return a state whose next look gains a number of points."""
    return State(SimpleNamespace(seeds=seeds, gain=lambda to: gain / 100, smallest=0.005, label=label), seconds)


def test_a_look_costs_the_seeds_until_it_and_there_is_none_after_the_last():
    assert [asked(1, seeds=seeds).next_look for seeds in (3, 5, 8, 12, 20)] == [5, 8, 12, 20, None]
    assert [asked(1, seeds=seeds).cost for seeds in (3, 5, 8, 12, 20)] == [20.0, 30.0, 40.0, 80.0, 0.0]
    assert not asked(1, seeds=20).is_open


def test_seeds_are_chosen_by_gain_per_second_above_a_tenth_of_the_smallest_difference():
    assert asked(0.05).is_open and not asked(0.049).is_open
    assert choose([asked(0.1), asked(0.2)], float("inf")) == 1
    assert choose([asked(0.2, seconds=10.0), asked(0.2, seconds=9.0)], float("inf")) == 1
    assert choose([asked(0.1), asked(0.2, seconds=30.0)], float("inf")) == 0


def test_the_budget_may_be_spent_whole_and_the_cheapest_look_beyond_it_is_named():
    assert choose([asked(1)], 20.0) == 0
    assert choose([asked(1)], 19.9) is None
    dear, cheap = asked(1, seconds=60.0, label="all labels"), asked(0.3, seconds=30.0)
    assert stopping_reason([dear, cheap], 0.0) == (
        "The budget ended the comparison: with 100 labels, more seeds would gain about 0.3 points on average, and need about 1 "
        "more minute."
    )


def test_it_says_why_it_ended():
    assert (
        stopping_reason([asked(0.01), asked(0.02, seeds=20)], 0)
        == "More seeds would gain less than 0.05 points on average."
    )
    assert stopping_reason([asked(1, seeds=20)], float("inf")) == "The comparison ended with 20 seeds."
