"""Logistic regression with the regularization strength selected on validation texts."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np

from lit_transfer.tasks import Task

# Inverse regularization strengths, selected on the validation split.
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
# The setting that `fit_regression` selects.
STRENGTH = "C"


def fit_regression(
    task: Task, train: Any, labels: np.ndarray, val: Any, val_labels: np.ndarray | None, strength: float | None = None
) -> Any:
    """Fit a logistic regression, with the regularization strength of the highest validation score; ties to the strongest.

    Args:
        task: The task; with several labels, there is one regression for each class.
        train: Features of the train split. *Shape:* `(texts, features)`.
        labels: Targets of the train split.
        val: Features of the validation split. *Shape:* `(texts, features)`.
        val_labels: Targets of the validation split.
        strength: Inverse regularization strength; None to select it.

    Returns:
        The fitted `sklearn.linear_model.LogisticRegression`, or `sklearn.multiclass.OneVsRestClassifier` of such.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    best_score, best = -1.0, None
    for tried in STRENGTHS if strength is None else (strength,):
        model = LogisticRegression(C=tried, max_iter=1000)
        if task.several:
            model, labels = OneVsRestClassifier(model), labels.astype(np.int64)
        with warnings.catch_warnings():
            # About convergence with weak regularization, which is rarely selected, and about classes without texts.
            warnings.simplefilter("ignore")
            model.fit(train, labels)
        if strength is not None:
            return model
        assert val_labels is not None
        score = task.selection_score(all_classes(model, val, task.num_classes), val_labels)
        if score > best_score:
            best_score, best = score, model
    return best


def rows_of_classes(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight and bias of each class of a logistic regression, also of two classes.

    For two classes, scikit-learn has one row: the difference of the two.

    Returns:
        weight: Weight of the features. *Shape:* `(classes, features)`.
        bias: Bias. *Shape:* `(classes,)`.
    """
    weight, bias = model.coef_, model.intercept_
    if len(weight) > 1:
        return weight, bias
    return np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2


def all_classes(model: Any, features: Any, num_classes: int) -> np.ndarray:
    """Return class probabilities, with 0 for classes outside the train split. *Shape:* `(texts, num_classes)`."""
    probabilities = np.zeros((features.shape[0], num_classes))
    probabilities[:, model.classes_] = model.predict_proba(features)
    return probabilities


def strength_of(model: Any) -> float:
    """Return the inverse regularization strength of a fitted regression."""
    return float(getattr(model, "estimator", model).C)


def parameters_of(model: Any) -> int:
    """Return the number of parameters of a fitted regression; a class that is constant in the train split has none."""
    parts = getattr(model, "estimators_", [model])
    return sum(int(part.coef_.size + part.intercept_.size) for part in parts if hasattr(part, "coef_"))


def size_of(*parts: Any) -> int:
    """Return the size of objects on disk in bytes."""
    return sum(len(pickle.dumps(part, protocol=pickle.HIGHEST_PROTOCOL)) for part in parts)
