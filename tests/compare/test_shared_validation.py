"""The chance in validation texts that all seeds share."""

import numpy as np
import pytest

from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.simultaneous import compare_all
from lit_transfer.compare.evidence.verdict import judge_size
from lit_transfer.compare.methods import Method
from lit_transfer.compare.shared_validation import DRAWS, FIELD, covariance_of, mean_by_sample, scores_by_sample
from lit_transfer.tasks import MultiLabel
from lit_transfer.tasks.f1_thresholds import fit_thresholds

TASK = MultiLabel(("a", "b"))


def draw(count, seed, strength=2.0):
    rng = np.random.default_rng(seed)
    targets = rng.random((count, 2)) < (0.5, 0.1)
    return TASK.probabilities(rng.normal(size=(count, 2)) + strength * targets - 1), targets


def test_the_spread_over_bootstrap_samples_is_that_over_other_validation_texts():
    test = draw(2000, 0)
    spread = np.mean([np.std(scores_by_sample(TASK, draw(200, seed), test)["accuracy"]) for seed in range(1, 21)])
    others = []
    for seed in range(100, 200):
        decisions = test[0] >= fit_thresholds(*draw(200, seed))
        others.append(TASK.correct(decisions, test[1]).mean())
    assert spread == pytest.approx(np.std(others), rel=0.35)


def test_scores_are_of_the_samples_that_all_methods_have_in_common():
    first, second = (scores_by_sample(TASK, draw(200, 1), draw(100, 0)) for _ in range(2))
    assert first == second and set(first) == {"accuracy", "f1", "f1_micro"} and len(first["f1"]) == DRAWS


def test_a_metric_without_thresholds_and_runs_without_shared_texts_have_no_samples():
    rows = [{FIELD: {"f1": [0.5] * DRAWS}}, {FIELD: {"f1": [0.7] * DRAWS}}]
    np.testing.assert_allclose(mean_by_sample(rows, "f1"), 0.6)
    assert mean_by_sample(rows, "average_precision") is None
    assert mean_by_sample([*rows, {}], "f1") is None
    assert covariance_of([None, np.ones(3)]) is None
    np.testing.assert_allclose(covariance_of([np.array([1.0, 2, 3]), np.array([1.0, 2, 3])]), 1)


@pytest.mark.parametrize("folds", [False, True])
def test_intervals_are_wider_by_the_chance_that_the_methods_do_not_have_in_common(folds):
    rng = np.random.default_rng(0)
    tables = [(rng.random((4, 400)) < share).astype(float) for share in (0.6, 0.5, 0.5)]
    if folds:
        outside = np.arange(400) % 4 != np.arange(4)[:, None]
        tables = [np.where(outside, np.nan, table) for table in tables]
    common = np.full((3, 3), 0.01)
    shared = common + np.diag([0.0, 0.0, 0.02**2])
    without, found = compare_all(tables), compare_all(tables, shared=shared)
    for pair, more in (((0, 1), 0.0), ((0, 2), 0.02**2)):
        assert found.differences[pair].mean == without.differences[pair].mean
        assert found.differences[pair].standard_error ** 2 == pytest.approx(
            without.differences[pair].standard_error ** 2 + more
        )
    assert found.differences[0, 2].low < without.differences[0, 2].low
    np.testing.assert_allclose(found.covariance, without.covariance + shared)
    np.testing.assert_allclose(found.of_seeds, without.of_seeds)  # more seeds do not help


def test_a_difference_that_is_luck_with_thresholds_is_not_shown():
    rng = np.random.default_rng(0)
    right = [rng.random((5, 1000)) < share for share in (0.6, 0.5)]
    methods = [Method("init", "init", "v"), Method("random", "random")]
    sure = [Outcome(*each, each[1]) for each in zip(methods, right, strict=True)]
    lucky = [
        Outcome(*each, each[1], by_sample=rng.normal(0.55, 0.1, DRAWS)) for each in zip(methods, right, strict=True)
    ]
    assert judge_size(100, True, sure, 0.5).pairs[0].shown
    assert not judge_size(100, True, lucky, 0.5).pairs[0].shown
