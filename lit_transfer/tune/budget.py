"""Division of the time of `tune` between the search and the comparison of its result with the defaults."""

from __future__ import annotations

import time

# Fewest seeds of the comparison: one says nothing about others.
FEWEST_SEEDS = 2
# Largest share of the budget that is kept for the comparison; it has fewer seeds if that is too short.
MOST_KEPT = 0.5


class Budget:
    """A time limit that starts now, for the search and for the comparison, which trains both settings with each seed.

    Args:
        seconds: The time limit.
        seeds: Largest number of seeds of the comparison.
    """

    def __init__(self, seconds: float, seeds: int) -> None:
        self.total, self.most_seeds = seconds, seeds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left; below 0 after the limit."""
        return self._end - time.monotonic()

    def seeds_kept(self, pair: float) -> int:
        """Return for how many seeds time is kept, where a run of each of both settings takes `pair` seconds together."""
        return max(FEWEST_SEEDS, min(self.most_seeds, int(MOST_KEPT * self.total / max(pair, 1e-9))))

    def left_to_search(self, pair: float) -> float:
        """Return the seconds left to the search; the time of two runs is 0 if it is not known yet."""
        return self.left - self.seeds_kept(pair) * pair

    def seeds_left(self, pair: float, fewest: int) -> int:
        """Return the number of seeds that are nearest to the time left, so that the limit is exceeded by a run at most."""
        return max(fewest, min(self.most_seeds, round(self.left / max(pair, 1e-9))))

    def allows(self, done: int, pair: float, fewest: int) -> bool:
        """Return whether the comparison has time for another seed after `done` seeds."""
        return done < fewest or (done < self.most_seeds and pair / 2 <= self.left)
