"""What a baseline hands back, and the logistic regression that most of them end in."""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# Inverse strengths of the logistic regression's penalty; the validation split chooses.
STRENGTHS = (0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True)
class Fitted:
    """A baseline, trained and applied to the test texts.

    Attributes:
        probabilities: Of the classes. *Shape:* `(texts, num_classes)`.
        trainable: Number of parameters that were fitted.
        size: Bytes of all that prediction needs.
        predict_seconds: Time that the test texts took, from their words.
    """

    probabilities: np.ndarray
    trainable: int
    size: int
    predict_seconds: float


def timed(predict: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function gives, and the seconds that it took."""
    start = time.perf_counter()
    given = predict()
    return given, time.perf_counter() - start


def fit_regression(train: Any, train_labels: Any, val: Any, val_labels: Any) -> Any:
    """Fit a logistic regression whose penalty the validation split chooses, the strongest of equals.

    Args:
        train: features. *Shape:* `(texts, features)`.
        train_labels: classes. *Shape:* `(texts,)`.
        val: As `train`, of the validation split.
        val_labels: likewise.
    """
    from sklearn.linear_model import LogisticRegression

    best_score, best = -1.0, None
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a weak penalty that has not converged is simply not chosen
            model.fit(train, train_labels)
        score = model.score(val, val_labels)
        if score > best_score:
            best_score, best = score, model
    return best


def all_classes(model: Any, features: Any, num_classes: int) -> np.ndarray:
    """Return the probabilities, with 0 for classes that the train split lacks. *Shape:* `(texts, num_classes)`."""
    probabilities = np.zeros((features.shape[0], num_classes))
    probabilities[:, model.classes_] = model.predict_proba(features)
    return probabilities


def parameters_of(model: Any) -> int:
    """Return the number of a logistic regression's parameters."""
    return int(model.coef_.size + model.intercept_.size)


def size_of(*parts: Any) -> int:
    """Return the bytes that objects take on disk."""
    return sum(len(pickle.dumps(part, protocol=pickle.HIGHEST_PROTOCOL)) for part in parts)
