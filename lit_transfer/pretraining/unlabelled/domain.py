"""Distance between unlabelled text and the text of a task: coverage and divergence of word frequencies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from lit_transfer.errors import warn

MISSING = 0.1
"""Share of the task's tokens that the text may lack, beyond those that more text of the same domain would bring."""

FAR = 0.15
"""Divergence in bits above which the text is of another domain. Between long film reviews and a task, it is 0.06 to 0.07
for MR (100 to 8,530 sentences), 0.08 for SST-2, and 0.20 to 0.29 for TREC (100 to 4,900 questions)."""


class Distance(NamedTuple):
    """Distance between a text and the text of a task.

    Attributes:
        coverage: Share of the task's tokens whose words occur in the text, 0 to 1.
        divergence: Jensen-Shannon divergence of the word distributions (Lin 1991), minus that after a random permutation
            of all tokens between text and task, which corrects for the sample sizes; 0 to 1 bit.
        new: Share of tokens of the text's own domain whose words do not occur in it: that of the words that occur once
            (Good 1953), high for a short text; 0 to 1.
    """

    coverage: float
    divergence: float
    new: float

    @property
    def far(self) -> bool:
        """Whether the text is of a different domain than the task."""
        return self.coverage < 1 - self.new - MISSING or self.divergence > FAR

    def __str__(self) -> str:
        return f"{self.coverage:.1%} of the task's words are in the text, divergence {self.divergence:.2f} bit"


def measure_distance(text: Mapping[str, int], task: Mapping[str, int]) -> Distance:
    """Compare the word counts of a text and a task, both nonempty."""
    words = list(text.keys() | task.keys())
    ours, theirs = (np.array([counts.get(word, 0) for word in words], dtype=float) for counts in (text, task))
    both = (ours + theirs).astype(np.int64)
    drawn = np.random.default_rng(0).multivariate_hypergeometric(both, int(theirs.sum()), method="marginals")
    divergence = _divergence(ours, theirs) - _divergence(both - drawn, drawn)
    new = float((ours == 1).sum() / ours.sum())
    return Distance(float(theirs[ours > 0].sum() / theirs.sum()), max(0.0, divergence), new)


def warn_if_far(distance: Distance, use: str) -> None:
    """Warn if the text, which is used for what `use` says, is of another domain than the task."""
    if distance.far:
        warn(
            f"The text is of another domain than the target: {distance}. This can reduce accuracy; compare with a run "
            f"without {use}, or use text of the same domain.",
        )


def _divergence(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Jensen-Shannon divergence of two counts of the same words, in bits."""
    shares = [counts / counts.sum() for counts in (first, second)]
    mean = sum(shares) / 2
    return float(sum((p[p > 0] * np.log2(p[p > 0] / mean[p > 0])).sum() for p in shares) / 2)
