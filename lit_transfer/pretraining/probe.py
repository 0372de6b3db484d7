"""A probe during pretraining: the accuracy of a logistic regression on frozen states."""

from __future__ import annotations

import torch
from torch import Tensor

from lit_transfer.tasks import Task
from lit_transfer.training.optimization.softmax_start import fit_layer


def probe_accuracy(task: Task, train: Tensor, train_targets: Tensor, test: Tensor, test_targets: Tensor) -> float:
    """Compute the test accuracy, 0 to 1, of a logistic regression on standardized states.

    Args:
        task: The task.
        train: States of the training texts. *Shape:* `(texts, state_size)`.
        train_targets: Targets of the training texts.
        test: States of the test texts. *Shape:* `(test_texts, state_size)`.
        test_targets: Targets of the test texts.
    """
    weight, bias = fit_layer(task, train, train_targets)
    decisions = task.decide(task.probabilities((test @ weight.T + bias).numpy()))
    return float(task.correct(decisions, test_targets.numpy()).mean())


class Probe:
    """States of the target's texts, collected in a validation, and the accuracy of a logistic regression on them."""

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

    def compute(self, task: Task) -> float | None:
        """Return the accuracy, and discard the states; None unless there are training and validation texts."""
        train, test = self._train, self._test
        self._train, self._test = [], []
        if not (train and test):
            return None
        parts = [[torch.cat(each) for each in zip(*part, strict=True)] for part in (train, test)]
        return probe_accuracy(task, *parts[0], *parts[1])
