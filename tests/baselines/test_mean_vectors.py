"""The baseline on mean word vectors."""

import numpy as np

from lit_transfer.baselines.baseline import fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.mean_vectors import average
from lit_transfer.data.tokenized import tokenize
from lit_transfer.vectors.lookup import VectorSource
from tests.baselines.test_counts import data  # noqa: F401


def test_the_average_leaves_out_words_without_a_vector_and_a_text_without_any_is_0(tmp_path):
    (tmp_path / "v.txt").write_text("good 1 2\nbad 3 -4\n")
    texts = tokenize(["good bad unknown", "good good bad", "unknown", ""], str.split)
    averages = average(texts, VectorSource(str(tmp_path / "v.txt")))
    np.testing.assert_allclose(averages, [[2, -1], [5 / 3, 0], [0, 0], [0, 0]], atol=1e-6)


def test_mean_learns_from_the_vectors_and_has_a_parameter_for_each_dimension(data):  # noqa: F811
    tested = fit_and_test(make_baseline("mean", vectors=data.vectors), data, 0)
    assert (tested.probabilities.argmax(1) == data.split("test").labels).mean() > 0.9
    assert tested.baseline.trainable == 8 + 1
    assert tested.baseline.knows(["good", "nowhere"]) == [True, False] and tested.baseline.knows([]) == []
