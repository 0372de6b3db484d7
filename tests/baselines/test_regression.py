"""Logistic regressions of the baselines."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from lit_transfer.baselines.regression import rows_of_classes


@pytest.mark.parametrize("num_classes", [2, 3])
def test_each_class_has_a_row_whose_softmax_is_the_probability(num_classes):
    rng = np.random.default_rng(0)
    states, labels = rng.normal(size=(60, 4)), np.arange(60) % num_classes
    model = LogisticRegression().fit(states, labels)
    weight, bias = rows_of_classes(model)
    assert weight.shape == (num_classes, 4)
    np.testing.assert_allclose(softmax(states @ weight.T + bias, axis=1), model.predict_proba(states), atol=1e-9)
    np.testing.assert_allclose(weight.sum(axis=0), 0, atol=1e-5)
