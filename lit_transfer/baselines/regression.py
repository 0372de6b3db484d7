"""Baselines by logistic regression, with the regularization strength selected on validation texts."""

from __future__ import annotations

import pickle
import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
from typing_extensions import Self

from lit_transfer.baselines.baseline import Baseline, Inputs, Settings
from lit_transfer.tasks import Task

# The selected setting: the inverse regularization strength.
STRENGTH = "C"
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
CANDIDATES: list[Settings] = [{STRENGTH: strength} for strength in STRENGTHS]


class RegressionBaseline(Baseline):
    """Logistic regression on features of the texts; of equal validation scores, the strongest regularization is selected.

    Attributes:
        model: The fitted `sklearn.linear_model.LogisticRegression`, or `sklearn.multiclass.OneVsRestClassifier` of such.
    """

    @abstractmethod
    def features(self, inputs: Inputs) -> Any:
        """Return the features of texts. *Shape:* `(texts, features)`."""

    def fit_features(self, train: Inputs) -> Any:
        """Fit what computes the features, if anything, and return those of the training texts."""
        return self.features(train)

    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Fit the regression."""
        features = self.fit_features(train)
        val_features = None if val is None else self.features(val)
        model = self.select(
            CANDIDATES,
            lambda settings: logistic_regression(task, features, train.labels, settings[STRENGTH]),
            lambda model: all_classes(model, val_features, task.num_classes),
            val,
            task,
        )
        return self.fitted(model, task)

    def fitted(self, model: Any, task: Task, settings: Settings | None = None) -> Self:
        """Set the regression, and its settings if they are not those of the regression itself."""
        self.model, self.num_classes = model, task.num_classes
        self.settings = {STRENGTH: float(getattr(model, "estimator", model).C)} if settings is None else settings
        # A class that is constant in the train split has no parameters.
        parts = [part for part in getattr(model, "estimators_", [model]) if hasattr(part, "coef_")]
        self.trainable = sum(int(part.coef_.size + part.intercept_.size) for part in parts)
        self.size = size_of(model)
        return self

    def predict_proba(self, inputs: Inputs) -> np.ndarray:
        """Return class probabilities. *Shape:* `(texts, num_classes)`."""
        return all_classes(self.model, self.features(inputs), self.num_classes)


def logistic_regression(task: Task, features: Any, targets: np.ndarray, strength: float) -> Any:
    """Fit a logistic regression; with several labels, one for each class.

    The features have the shape `(texts, features)`; `strength` is the inverse regularization strength.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    model: Any = LogisticRegression(C=strength, max_iter=1000)
    if task.several:
        model, targets = OneVsRestClassifier(model), targets.astype(np.int64)
    with warnings.catch_warnings():
        # About convergence with weak regularization, which is rarely selected, and about classes without texts.
        warnings.simplefilter("ignore")
        return model.fit(features, targets)


def rows_of_classes(model: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight and bias of each class of a logistic regression. *Shape:* `(classes, features)` and `(classes,)`.

    For two classes, scikit-learn has one row: the difference of the two.
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


def size_of(*parts: Any) -> int:
    """Return the size of objects on disk in bytes."""
    return sum(len(pickle.dumps(part, protocol=pickle.HIGHEST_PROTOCOL)) for part in parts)
