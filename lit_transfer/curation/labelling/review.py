"""Review of answers: probably wrong ones, and disagreement with a second labeller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lit_transfer.curation.labelling.outlook import kappa
from lit_transfer.curation.labelling.regression import fit
from lit_transfer.curation.set_errors import find_rows
from lit_transfer.tasks import Task

FOLDS = 5
# Fewest answers for cross-validation.
FEWEST = 20


@dataclass(frozen=True)
class Doubt:
    """An answer that is probably wrong.

    Attributes:
        row: Number of the answer.
        suggested: Decision of a model that has not seen the answer, as a target.
    """

    row: int
    suggested: np.ndarray


def find_doubts(task: Task, states: np.ndarray, targets: np.ndarray, seed: int = 0) -> list[Doubt]:
    """Find probably wrong answers by confident learning on out-of-fold probabilities (cleanlab).

    Args:
        task: The task.
        states: States of the labelled texts. *Shape:* `(texts, state_size)`.
        targets: Their targets.
        seed: Seed of the folds.

    Returns:
        The doubtful answers, most doubtful first; empty with fewer than `FEWEST` answers.

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
    rows = find_rows(task, targets, probabilities)
    decisions = task.decide(probabilities)
    return [Doubt(row, decisions[row]) for row in rows if (decisions[row] != targets[row]).any()]


@dataclass(frozen=True)
class Comparison:
    """The agreement of two labellers.

    Attributes:
        common: Number of texts that both labelled.
        agreed: Number of them with the same labels.
        kappa: Cohen's kappa: 1 for full agreement, 0 for that of chance; nan without common texts.
        contradictions: Texts with different labels: the text, the first labeller's and the second's labels.
    """

    common: int
    agreed: int
    kappa: float
    contradictions: list[tuple[str, tuple[str, ...], tuple[str, ...]]]


def compare(mine: Mapping[str, tuple[str, ...]], theirs: Mapping[str, tuple[str, ...]]) -> Comparison:
    """Compare the labels of two labellers by text."""
    common = [text for text in mine if text in theirs]
    if not common:
        return Comparison(0, 0, float("nan"), [])
    classes = sorted({label for text in common for label in (*mine[text], *theirs[text])})
    several = any(len(labels) != 1 for text in common for labels in (mine[text], theirs[text]))
    columns = [
        np.array([[name in labels[text] for name in classes] for text in common], dtype=int)
        for labels in (mine, theirs)
    ]
    first, second = columns if several else (column.argmax(axis=1) for column in columns)
    different = [text for text in common if set(mine[text]) != set(theirs[text])]
    return Comparison(
        len(common),
        len(common) - len(different),
        kappa(first, second),
        [(text, mine[text], theirs[text]) for text in different],
    )
