"""A probe during pretraining: the scores of a logistic regression on frozen states."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lit_transfer.tasks import Task
from lit_transfer.training.optimization.softmax_start import fit_layer

# Maximum number of training texts of the regression. Of 43,410 texts with 28 classes, all took longer than the half epoch of
# training between two probes.
MOST_TEXTS = 5_000


def sample_rows(task: Task, targets: np.ndarray) -> np.ndarray:
    """Return the rows of the training texts of a probe: all, or a stratified sample of `MOST_TEXTS`, in ascending order."""
    if len(targets) <= MOST_TEXTS:
        return np.arange(len(targets))
    [rows] = task.stratified_split(targets, [MOST_TEXTS / len(targets)], seed=0)
    return rows


def probe_scores(
    task: Task, train: Tensor, train_targets: Tensor, test: Tensor, test_targets: Tensor
) -> dict[str, float]:
    """Compute the test scores of a logistic regression on standardized states.

    Args:
        task: The task.
        train: States of the training texts. *Shape:* `(texts, state_size)`.
        train_targets: Targets of the training texts.
        test: States of the test texts. *Shape:* `(test_texts, state_size)`.
        test_targets: Targets of the test texts.

    Returns:
        The scores that validation logs by name, 0 to 1; with several labels at thresholds fitted to the test texts.
    """
    weight, bias = fit_layer(task, train, train_targets)
    logits = (test @ weight.T + bias).numpy()
    return task.validate(task.collect(logits, test_targets.numpy()))[0]


class Probe:
    """States of the target's texts, collected in a validation, and the scores of a logistic regression on them."""

    def __init__(self) -> None:
        self._train: list[tuple[Tensor, Tensor]] = []
        self._test: list[tuple[Tensor, Tensor]] = []

    def update(self, states: Tensor, labels: Tensor, of_training: bool) -> None:
        """Add a batch.

        Args:
            states: States of the texts. *Shape:* `(batch, state_size)`.
            labels: Targets of the texts.
            of_training: Whether the texts are training texts of the target; otherwise they are validation texts.
        """
        (self._train if of_training else self._test).append((states.float().cpu(), labels.cpu()))

    def compute(self, task: Task) -> dict[str, float] | None:
        """Return the scores, and discard the states; None unless there are training and validation texts."""
        train, test = self._train, self._test
        self._train, self._test = [], []
        if not (train and test):
            return None
        parts = [[torch.cat(each) for each in zip(*part, strict=True)] for part in (train, test)]
        return probe_scores(task, *parts[0], *parts[1])
