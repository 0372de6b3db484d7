"""How far unlabelled text is from a task's: coverage and divergence of word frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

LOW_COVERAGE = 0.9
"""Share of the task's running words that the text should have."""

FAR = 0.35
"""Divergence, in bits, from which the text counts as of another domain. Film reviews are 0.2 from sentences of film reviews,
0.4 from questions of TREC."""


class Distance(NamedTuple):
    """How far a text is from a task's.

    Attributes:
        coverage: Share of the task's running words that the text has, too, 0 to 1.
        divergence: Jensen-Shannon divergence of the two distributions of words, 0 to 1 bit (Lin 1991).
    """

    coverage: float
    divergence: float

    @property
    def far(self) -> bool:
        """Whether the text is of another domain than the task."""
        return self.coverage < LOW_COVERAGE or self.divergence > FAR


def measure_distance(text: Mapping[str, int], task: Mapping[str, int]) -> Distance:
    """Compare two counts of words, neither of them empty."""
    words = list(task.keys() | text.keys())
    p, q = (np.array([counts.get(word, 0) for word in words], dtype=float) for counts in (text, task))
    coverage = float(q[p > 0].sum() / q.sum())
    p, q = p / p.sum(), q / q.sum()
    mean = (p + q) / 2
    divergence = sum((each[each > 0] * np.log2(each[each > 0] / mean[each > 0])).sum() for each in (p, q)) / 2
    return Distance(coverage, float(divergence))
