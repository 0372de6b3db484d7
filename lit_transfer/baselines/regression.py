"""Logistic regression with the regularization strength selected on validation texts."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np

# Inverse regularization strengths, selected on the validation split.
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
# The setting that `fit_regression` selects.
STRENGTH = "C"


def fit_regression(
    train: Any, labels: np.ndarray, val: Any, val_labels: np.ndarray | None, strength: float | None = None
) -> Any:
    """Fit a logistic regression with the regularization strength of the highest validation accuracy; ties to the strongest.

    Args:
        train: Features of the train split. *Shape:* `(texts, features)`.
        labels: Class indices of the train split. *Shape:* `(texts,)`.
        val: Features of the validation split. *Shape:* `(texts, features)`.
        val_labels: Class indices of the validation split. *Shape:* `(texts,)`.
        strength: Inverse regularization strength; None to select it.

    Returns:
        The fitted `sklearn.linear_model.LogisticRegression`.
    """
    from sklearn.linear_model import LogisticRegression

    best_score, best = -1.0, None
    for tried in STRENGTHS if strength is None else (strength,):
        model = LogisticRegression(C=tried, max_iter=1000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about convergence with weak regularization, which is rarely selected
            model.fit(train, labels)
        if strength is not None:
            return model
        score = model.score(val, val_labels)
        if score > best_score:
            best_score, best = score, model
    return best


def all_classes(model: Any, features: Any, num_classes: int) -> np.ndarray:
    """Return class probabilities, with 0 for classes outside the train split. *Shape:* `(texts, num_classes)`."""
    probabilities = np.zeros((features.shape[0], num_classes))
    probabilities[:, model.classes_] = model.predict_proba(features)
    return probabilities


def parameters_of(model: Any) -> int:
    """Return the number of parameters of a logistic regression."""
    return int(model.coef_.size + model.intercept_.size)


def size_of(*parts: Any) -> int:
    """Return the size of objects on disk in bytes."""
    return sum(len(pickle.dumps(part, protocol=pickle.HIGHEST_PROTOCOL)) for part in parts)
