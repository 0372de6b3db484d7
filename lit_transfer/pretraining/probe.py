"""A quick look, while pretraining runs, at whether it helps: logistic regression on frozen states."""

from __future__ import annotations

import warnings

from torch import Tensor


def probe_accuracy(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """Fit a logistic regression on standardized states, and return the share of other texts it labels right.

    Args:
        train: *Shape:* `(texts, state_size)`.
        train_labels: *Shape:* `(texts,)`.
        test: *Shape:* `(other_texts, state_size)`.
        test_labels: *Shape:* `(other_texts,)`.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, deviation = train.mean(dim=0), train.std(dim=0).clamp(min=1e-6)
    regression = LogisticRegression(C=0.01, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(((train - mean) / deviation).numpy(), train_labels.numpy())
    return float(regression.score(((test - mean) / deviation).numpy(), test_labels.numpy()))
