"""A probe during pretraining: the accuracy of a logistic regression on frozen states."""

from __future__ import annotations

from torch import Tensor

from lit_transfer.training.optimization.softmax_start import fit_softmax


def probe_accuracy(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """Compute the test accuracy of a logistic regression on standardized states.

    Args:
        train: States of the training texts. *Shape:* `(texts, state_size)`.
        train_labels: Class indices of the training texts. *Shape:* `(texts,)`.
        test: States of the test texts. *Shape:* `(test_texts, state_size)`.
        test_labels: Class indices of the test texts. *Shape:* `(test_texts,)`.

    Returns:
        The accuracy, 0 to 1.
    """
    weight, bias = fit_softmax(train, train_labels, int(max(train_labels.max(), test_labels.max())) + 1)
    return float(((test @ weight.T + bias).argmax(dim=1) == test_labels).double().mean())
