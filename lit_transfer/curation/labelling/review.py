"""Review of answers: probably wrong ones, and disagreement with a second labeller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lit_transfer.curation.label_errors import find_issues
from lit_transfer.curation.labelling.outlook import kappa
from lit_transfer.curation.labelling.regression import fit
from lit_transfer.tasks import MultiLabel, SingleLabel, Task

FOLDS = 5
# Fewest answers for cross-validation.
FEWEST = 20


def find_doubts(task: Task, states: np.ndarray, targets: np.ndarray, seed: int = 0) -> list[tuple[int, np.ndarray]]:
    """Find probably wrong answers by confident learning on out-of-fold probabilities (cleanlab).

    The states are those of the labelled texts. *Shape:* `(texts, state_size)`.

    Returns:
        The number of each doubtful answer, and the decision of a model that has not seen it; most doubtful first. Empty with
        fewer than `FEWEST` answers.

    Raises:
        ConfigError: Cleanlab is not installed.
    """
    if len(targets) < FEWEST:
        return []
    probabilities = np.zeros((len(targets), task.num_classes))
    fold = np.random.default_rng(seed).permutation(len(targets)) % FOLDS
    for number in range(FOLDS):
        out = fold == number
        model = fit(states[~out], targets[~out], task.num_classes)
        if model is None:
            return []
        probabilities[out] = task.probabilities(model.logits(states[out]))
    rows = find_issues(task, targets, probabilities)
    decisions = task.decide(probabilities)
    return [(row, decisions[row]) for row in rows if (decisions[row] != targets[row]).any()]


def compare(mine: Mapping[str, tuple[str, ...]], theirs: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Compare the labels of two labellers by text.

    Returns:
        The number of `common` texts, that of `agreed` ones, Cohen's `kappa` (1 for full agreement, 0 for that of chance; None
        without common texts), and the `contradictions`, each with its `text` and the labels, `mine` and `theirs`.
    """
    common = [text for text in mine if text in theirs]
    classes = sorted({label for text in common for label in (*mine[text], *theirs[text])})
    several = any(len(labels) != 1 for text in common for labels in (mine[text], theirs[text]))
    task = (MultiLabel if several else SingleLabel)(tuple(classes))
    targets = [
        task.encode([list(labels[text]) if several else labels[text][0] for text in common], "labels")
        for labels in (mine, theirs)
    ]
    different = [text for text in common if set(mine[text]) != set(theirs[text])]
    return {
        "common": len(common),
        "agreed": len(common) - len(different),
        "kappa": kappa(*targets) if common else None,
        "contradictions": [
            {"text": text, "mine": list(mine[text]), "theirs": list(theirs[text])} for text in different
        ],
    }
