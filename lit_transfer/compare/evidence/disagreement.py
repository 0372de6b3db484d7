"""The test texts on which the modes disagree most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lit_transfer.compare.evidence.outcome import Outcome

# A way's predictions for one text: classes with the number of seeds that chose them, the most frequent first.
Votes = dict[str, list[tuple[int, int]]]


def disagreements(outcomes: Sequence[Outcome], most: int = 10) -> list[tuple[int, Votes]]:
    """The texts that some modes get right with most seeds, and others wrong; a mode that contradicts itself counts less.

    Args:
        outcomes: At one training size; baselines are left out.
        most: Number of texts, at most.

    Returns:
        The number of each text in the test split, and how each mode's seeds voted.
    """
    modes = [outcome for outcome in outcomes if not outcome.way.is_baseline]
    if len(modes) < 2:
        return []
    share = np.stack([outcome.right.mean(axis=0) for outcome in modes])  # (modes, texts)
    spread = share.std(axis=0)
    chosen = [int(row) for row in np.argsort(-spread, kind="stable")[:most] if spread[row] > 0]
    return [
        (row, {outcome.way.name: Counter(outcome.predicted[:, row].tolist()).most_common() for outcome in modes})
        for row in chosen
    ]
