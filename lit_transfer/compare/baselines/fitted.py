"""Results of baselines, and the logistic regression that most of them use."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# Inverse regularization strengths, selected on the validation split.
STRENGTHS = (0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True)
class Fitted:
    """A fitted baseline, with its predictions for the test texts.

    Attributes:
        probabilities: Class probabilities. *Shape:* `(texts, num_classes)`.
        trainable: Number of fitted parameters.
        size: Number of bytes needed for prediction.
        predict_seconds: Prediction time of the tokenized test texts, in seconds.
    """

    probabilities: np.ndarray
    trainable: int
    size: int
    predict_seconds: float


def timed(predict: Callable[[], Any]) -> tuple[Any, float]:
    """Call a function; return its result, and the time in seconds."""
    start = time.perf_counter()
    given = predict()
    return given, time.perf_counter() - start


def fit_regression(train: Any, train_labels: Any, val: Any, val_labels: Any) -> Any:
    """Fit a logistic regression with the regularization strength of the highest validation accuracy; ties to the strongest.

    Args:
        train: Features of the train split. *Shape:* `(texts, features)`.
        train_labels: Class indices of the train split. *Shape:* `(texts,)`.
        val: Features of the validation split. *Shape:* `(texts, features)`.
        val_labels: Class indices of the validation split. *Shape:* `(texts,)`.

    Returns:
        The fitted model.
    """
    from sklearn.linear_model import LogisticRegression

    best_score, best = -1.0, None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about convergence with weak regularization, which is rarely selected
            model.fit(train, train_labels)
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
