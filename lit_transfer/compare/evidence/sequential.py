"""Seeds where they decide: look, and train more of them only where an open question can be settled.

Who looks often finds something by chance. So a comparison looks at fixed numbers of seeds only, and each look has its own part
of the accepted chance of a false claim; the parts add up to it (alpha spending with a union bound, Lan and DeMets 1983).
Whenever a size stops, its intervals are those of its last look's part, so that the chance that any claim at that size is false
is at most `LEVEL`, however the decision to go on was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lit_transfer.compare.evidence.statistics import LEVEL
from lit_transfer.compare.evidence.verdict import Pair, SizeVerdict
from lit_transfer.errors import ConfigError

# Numbers of seeds at which a size is judged, and each look's part of the accepted chance of a false claim.
LOOKS = (3, 5, 8, 12, 20)
PARTS = (0.4, 0.25, 0.15, 0.1, 0.1)
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def level_at(seeds: int) -> float:
    """Return the chance of a false claim that the look at so many seeds may take."""
    return LEVEL * PARTS[LOOKS.index(seeds)]


@dataclass(frozen=True)
class State:
    """How far a training size is.

    Attributes:
        verdict: At its last look.
        seconds: That another seed of all ways takes.
    """

    verdict: SizeVerdict
    seconds: float

    @property
    def open(self) -> list[Pair]:
        """The questions that are not settled, and that one more look may settle."""
        pairs = self.verdict.pairs
        return [
            p for p in pairs if not p.settled(self.verdict.smallest) and p.seeds is not None and p.seeds <= LOOKS[-1]
        ]

    @property
    def next_look(self) -> int | None:
        """The number of seeds at its next look."""
        later = [seeds for seeds in LOOKS if seeds > self.verdict.seeds]
        return later[0] if later else None

    @property
    def cost(self) -> float:
        """Seconds until then."""
        return 0.0 if self.next_look is None else self.seconds * (self.next_look - self.verdict.seeds)

    @property
    def worth(self) -> float:
        """Questions that the next look is likely to settle, for each second; those that a later one may count half."""
        within = [1.0 if pair.seeds is not None and pair.seeds <= (self.next_look or 0) else 0.5 for pair in self.open]
        return sum(within) / max(self.cost, 1e-9)


def choose(states: Sequence[State], left: float) -> int | None:
    """Return the number of the size that gets the next seeds; None where all is settled, hopeless, or too long.

    Args:
        states: Of each training size.
        left: Seconds that may still be spent.
    """
    possible = [i for i, state in enumerate(states) if state.open and state.next_look and state.cost <= left]
    return max(possible, key=lambda i: states[i].worth, default=None)


def why_it_ended(states: Sequence[State], left: float) -> str:
    """Return why no size gets more seeds, as a sentence."""
    unpaid = [state for state in states if state.open and state.next_look and state.cost > left]
    if unpaid:
        state = min(unpaid, key=lambda state: state.cost)
        return (
            f"The budget ended the comparison: with {state.verdict.label}, {len(state.open)} question"
            f"{'s' if len(state.open) > 1 else ''} would need about {state.cost / 60:.0f} more minutes."
        )
    settled = all(pair.settled(state.verdict.smallest) for state in states for pair in state.verdict.pairs)
    return (
        "All questions are settled."
        if settled
        else "What is still open would take more seeds or test texts than are worth it."
    )


def seconds_of(budget: str | None) -> float:
    """Return a span of time such as 90s, 20m, 1h30m in seconds; None is no limit.

    Raises:
        ConfigError: It is none.
    """
    if budget is None:
        return float("inf")
    total, digits = 0.0, ""
    for letter in str(budget).replace(" ", ""):
        if letter in UNITS and digits:
            try:
                total, digits = total + float(digits) * UNITS[letter], ""
            except ValueError:
                break
        else:
            digits += letter
    if digits or total <= 0:
        raise ConfigError(f"compare.budget is {budget!r}; expected a time such as 90s, 20m or 1h30m.")
    return total
