"""Metrics as means of the contributions of texts."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from lit_transfer.compare.scores import choose_metric, scores_of
from lit_transfer.tasks import SingleLabel

TASK = SingleLabel(("a", "b", "c"))
LABELS = np.random.default_rng(0).choice(3, 400, p=[0.8, 0.15, 0.05])
PREDICTED = np.where(
    np.random.default_rng(1).random((4, 400)) < 0.7, LABELS, np.random.default_rng(2).choice(3, (4, 400))
)


def test_the_mean_of_the_scores_is_scikit_learns_metric():
    for seed, predicted in enumerate(PREDICTED):
        assert scores_of(TASK, "f1", PREDICTED, LABELS)[seed].mean() == pytest.approx(
            f1_score(LABELS, predicted, average="macro")
        )
        balanced = scores_of(TASK, "balanced_accuracy", PREDICTED, LABELS)[seed].mean()
        assert balanced == pytest.approx(balanced_accuracy_score(LABELS, predicted))


def test_the_variance_over_texts_is_that_of_drawing_the_texts_anew():
    rng = np.random.default_rng(3)
    drawn = rng.integers(400, size=(400, 400))
    values = [f1_score(LABELS[rows], PREDICTED[0][rows], average="macro") for rows in drawn]
    scores = scores_of(TASK, "f1", PREDICTED[:1], LABELS)[0]
    assert scores.std() / 400**0.5 == pytest.approx(np.std(values), rel=0.15)


def test_f1_is_chosen_where_one_class_has_more_than_80_percent():
    assert choose_metric(SingleLabel(("a", "b")), np.repeat([0, 1], [81, 19])) == "f1"
    assert choose_metric(SingleLabel(("a", "b")), np.repeat([0, 1], [80, 20])) == "accuracy"
