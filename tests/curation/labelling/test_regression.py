"""The regression on frozen states."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lit_transfer.curation.labelling.regression import C, fit


@pytest.fixture
def states():
    return np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


@pytest.mark.parametrize("classes", [2, 3])
def test_its_probabilities_are_those_of_scikit_learn(states, classes):
    labels = (states[:, 0] * 2).round().astype(int) % classes
    model = fit(states, labels, classes)
    reference = LogisticRegression(C=C).fit(states, labels)
    logits = model.logits(states).astype(float)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, reference.predict_proba(states), atol=1e-4)
    np.testing.assert_allclose(model.logits(states, np.array([5, 2])), model.logits(states)[[5, 2]], atol=1e-6)


def test_a_class_without_texts_has_no_probability_and_one_class_no_model(states):
    labels = np.where(states[:, 0] > 0, 0, 2)
    logits = fit(states, labels, 3).logits(states)
    assert np.isneginf(logits[:, 1]).all() and np.isfinite(logits[:, [0, 2]]).all()
    assert fit(states, np.ones(60, int), 3) is None


def test_several_labels_have_a_sigmoid_each(states):
    labels = np.stack([states[:, 0] > 0, states[:, 1] > 0, np.zeros(60)], axis=1).astype(int)
    logits = fit(states, labels, 3).logits(states)
    reference = LogisticRegression(C=C).fit(states, labels[:, 1])
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 1])), reference.predict_proba(states)[:, 1], atol=1e-4)
    assert np.isneginf(logits[:, 2]).all()
