"""Sequential choice of the number of seeds: more seeds are trained only where they can change the choice for the better.

What seeds are worth is the score that they gain: how much better the chosen method would be with them, on average over what they
may find (the expected value of sample information, `expected_loss.gain_of_seeds`). Where two methods are almost equal, or only
more test texts could separate them, more seeds gain nothing.

Repeated looks at the data increase the probability of false claims. Therefore a comparison is judged only at fixed numbers of
seeds, and each look has a part of the accepted error probability; the parts sum to it (alpha spending with a union bound, Lan
and DeMets 1983). The intervals of a size use the level of its last look, so that the probability of any false claim at that
size is at most `LEVEL`, for any stopping rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lit_transfer.compare.evidence.statistics import LEVEL
from lit_transfer.compare.evidence.verdict import SizeVerdict
from lit_transfer.compare.wording import points

# Numbers of seeds at which a size is judged, and the part of the accepted error probability of each look.
LOOKS = (3, 5, 8, 12, 20)
PARTS = (0.4, 0.25, 0.15, 0.1, 0.1)
# Seeds are worth training if they gain this share of the smallest relevant difference.
LEAST_GAIN = 0.1


def level_at(seeds: int) -> float:
    """Return the error probability allotted to the look at a number of seeds."""
    return LEVEL * PARTS[LOOKS.index(seeds)]


@dataclass(frozen=True)
class State:
    """State of a training size.

    Attributes:
        verdict: Verdict at the last look.
        seconds: Training time in seconds of one more seed of all methods.
    """

    verdict: SizeVerdict
    seconds: float

    @property
    def next_look(self) -> int | None:
        """Number of seeds at the next look; None if there is none."""
        later = [seeds for seeds in LOOKS if seeds > self.verdict.seeds]
        return later[0] if later else None

    @property
    def cost(self) -> float:
        """Training time in seconds until the next look."""
        return 0.0 if self.next_look is None else self.seconds * (self.next_look - self.verdict.seeds)

    @cached_property
    def gain(self) -> float:
        """How much better the chosen method is after the next look, on average over what it may find, as a share."""
        return 0.0 if self.next_look is None else self.verdict.gain(self.next_look)

    @property
    def is_open(self) -> bool:
        """Whether the next look is worth its time."""
        return self.gain >= LEAST_GAIN * self.verdict.smallest


def choose(states: Sequence[State], left: float) -> int | None:
    """Return the index of the size to train with more seeds: the one that gains most per second.

    None if more seeds gain too little, or exceed the remaining time, in seconds.
    """
    possible = [i for i, state in enumerate(states) if state.is_open and state.cost <= left]
    return max(possible, key=lambda i: states[i].gain / max(states[i].cost, 1e-9), default=None)


def stopping_reason(states: Sequence[State], left: float) -> str:
    """Return the reason for stopping as a sentence."""
    unpaid = [state for state in states if state.is_open and state.cost > left]
    if unpaid:
        state = min(unpaid, key=lambda state: state.cost)
        minutes = max(round(state.cost / 60), 1)
        return (
            f"The budget ended the comparison: with {state.verdict.label}, more seeds would gain about {points(state.gain)} "
            f"points on average, and need about {minutes} more minute{'s' if minutes > 1 else ''}."
        )
    if all(state.next_look is None for state in states):
        return f"The comparison ended with {LOOKS[-1]} seeds."
    least = min(state.verdict.smallest for state in states) * LEAST_GAIN
    return f"More seeds would gain less than {100 * least:.2g} points on average."
