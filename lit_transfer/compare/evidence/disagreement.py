"""Test texts on which the modes disagree most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lit_transfer.compare.evidence.outcome import Outcome

# Maximum number of texts.
MOST_TEXTS = 10

Decision = int | tuple[bool, ...]
"""A class index, or an indicator for each class."""
# Predictions of a method for a text: decisions with the number of seeds that made them, the most frequent first.
Votes = dict[str, list[tuple[Decision, int]]]


def disagreements(outcomes: Sequence[Outcome]) -> list[tuple[int, Votes]]:
    """Return texts that some modes classify correctly with most seeds and others do not, at most `MOST_TEXTS`.

    Modes whose seeds disagree count less; baselines are ignored. A text is its index in the test split.
    """
    modes = [outcome for outcome in outcomes if not outcome.method.is_baseline]
    if len(modes) < 2:
        return []
    tested = [np.ones_like(one.right) if one.tested is None else one.tested for one in modes]
    # A text that was no test text of any seed has the share 0 for all.
    share = np.stack(
        [(one.right & of).sum(axis=0) / np.maximum(of.sum(axis=0), 1) for one, of in zip(modes, tested, strict=True)]
    )
    spread = share.std(axis=0)
    chosen = [int(row) for row in np.argsort(-spread, kind="stable")[:MOST_TEXTS] if spread[row] > 0]
    return [
        (row, {outcome.method.name: Counter(_votes(outcome, row)).most_common() for outcome in modes}) for row in chosen
    ]


def _votes(outcome: Outcome, row: int) -> list[Decision]:
    """Return the predictions of the seeds that were tested on a text."""
    seeds = slice(None) if outcome.tested is None else outcome.tested[:, row]
    found = outcome.predicted[seeds, row].tolist()
    return [tuple(decision) if isinstance(decision, list) else decision for decision in found]
