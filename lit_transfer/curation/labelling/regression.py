"""The model of a labelling session: logistic regression on frozen states, trained again after each answer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lit_transfer.baselines.regression import rows_of_classes
from lit_transfer.tasks import Task

# Inverse strength of the L2 penalty, for states of `TextStates`.
C = 0.05
# Number of texts that are classified at once.
AT_ONCE = 8_192


class Examples(NamedTuple):
    """Labelled texts.

    Attributes:
        states: State of each text. *Shape:* `(texts, state_size)`.
        targets: Target of each text.
    """

    states: np.ndarray
    targets: np.ndarray

    def take(self, rows: np.ndarray | slice) -> Examples:
        """Return some of the texts."""
        return Examples(self.states[rows], self.targets[rows])


@dataclass(frozen=True)
class Regression:
    """A softmax, or a sigmoid for each class if a text may have several.

    Attributes:
        weight: Weight of each state. *Shape:* `(num_classes, state_size)`, float32.
        bias: Bias; minus infinity for a class without a text. *Shape:* `(num_classes,)`, float32.
    """

    weight: np.ndarray
    bias: np.ndarray

    def logits(self, states: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Compute the logits of texts. *Shape:* `(texts, num_classes)`, float32.

        Args:
            states: States of texts, which may be memory-mapped. *Shape:* `(texts, state_size)`.
            rows: Rows to compute; None for all.
        """
        rows = np.arange(len(states)) if rows is None else rows
        found = np.empty((len(rows), len(self.bias)), dtype=np.float32)
        for start in range(0, len(rows), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            found[part] = states[rows[part]] @ self.weight.T + self.bias
        return found

    def decide(self, task: Task, states: np.ndarray) -> np.ndarray:
        """Return the decisions on texts."""
        return task.decide(task.probabilities(self.logits(states)))


def fit(states: np.ndarray, targets: np.ndarray, num_classes: int) -> Regression | None:
    """Fit a regression.

    Args:
        states: States of the labelled texts, of `TextStates`. *Shape:* `(texts, state_size)`.
        targets: Class indices, *shape* `(texts,)`, or a column of 0 and 1 for each class, *shape* `(texts, num_classes)`.
        num_classes: Number of classes.

    Returns:
        The regression; None if the labels do not differ yet.
    """
    weight = np.zeros((num_classes, states.shape[1]), dtype=np.float32)
    bias = np.full(num_classes, -np.inf, dtype=np.float32)
    if targets.ndim == 1:
        classes = np.unique(targets)
        if len(classes) < 2:
            return None
        found_weight, found_bias = _fit_one(states, targets)
        weight[classes], bias[classes] = found_weight, found_bias
        return Regression(weight, bias)
    for column in range(num_classes):
        if len(np.unique(targets[:, column])) == 2:
            found_weight, found_bias = _fit_one(states, targets[:, column])
            # Twice, since the logit of a sigmoid is the difference of the two of a softmax.
            weight[column], bias[column] = 2 * found_weight[1], 2 * found_bias[1]
    return Regression(weight, bias) if np.isfinite(bias).any() else None


def _fit_one(states: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about convergence, which a ranking does not need
        model = LogisticRegression(C=C, max_iter=100).fit(states, labels)
    weight, bias = rows_of_classes(model)
    return weight.astype(np.float32), bias.astype(np.float32)
