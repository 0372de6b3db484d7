"""Intervals of methods that are tested on folds, by simulation, and against the formulas."""

import numpy as np
import pytest

from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.simultaneous import compare_all
from lit_transfer.compare.evidence.statistics import seed_interval
from lit_transfer.compare.evidence.verdict import judge_size
from lit_transfer.tasks import SingleLabel
from tests.compare.evidence.outcomes import FROZEN, INIT, TFIDF
from tests.compare.worlds import at_most

TEXTS, FOLDS = 500, 5


def on_folds(rng, methods, lead=0.0, training=0.03, shared=0.2, folds=FOLDS):
    """Return scores on folds: the first method is better by `lead`; training effects of a method are correlated over folds."""
    hard = rng.normal(0.7, 0.25, (1, 1, TEXTS))
    of_method = rng.normal(0, 0.2, (methods, 1, TEXTS))
    both = shared**0.5 * rng.standard_normal((methods, 1, 1))
    scores = hard + of_method + training * (both + (1 - shared) ** 0.5 * rng.standard_normal((methods, folds, 1)))
    scores[0] += lead
    fold = rng.permutation(TEXTS) % FOLDS
    for number in range(folds):
        scores[:, number, fold != number] = np.nan
    return list(scores)


@pytest.mark.parametrize("training", [0.0, 0.03])
def test_intervals_of_all_pairs_contain_the_truth(training):
    rng, cases = np.random.default_rng(1), 200
    wrong = sum(
        any(not difference.low <= 0 <= difference.high for difference in compare_all(tables).differences.values())
        for tables in (on_folds(rng, 4, training=training) for _ in range(cases))
    )
    assert wrong <= at_most(0.07, cases)


def test_without_the_correction_for_overlap_too_many_intervals_would_be_wrong():
    rng, cases, wrong = np.random.default_rng(1), 200, 0
    for tables in (on_folds(rng, 2, training=0.06) for _ in range(cases)):
        wrong += not seed_interval(1 / 2 + (np.nanmean(tables[0], 1) - np.nanmean(tables[1], 1)) / 2).low <= 0.5
    assert wrong > at_most(0.025, cases)


def test_the_standard_error_is_that_of_the_texts_where_training_adds_nothing():
    rng, ratios = np.random.default_rng(2), []
    for _ in range(30):
        scores = on_folds(rng, 3, training=0.0)
        apart = np.nansum(scores[0], axis=0) - np.nansum(scores[1], axis=0)
        difference = compare_all(scores).differences[0, 1]
        assert difference.mean == pytest.approx(apart.mean())
        ratios.append(difference.standard_error / (apart.std(ddof=1) / TEXTS**0.5))
    assert min(ratios) >= 1 - 1e-12 and 1 <= np.median(ratios) < 1.5


def test_folds_show_what_a_tenth_of_the_texts_does_not():
    rng, shown = np.random.default_rng(3), {"folds": 0, "fixed": 0}
    for _ in range(40):
        tables = on_folds(rng, 3, lead=0.05, training=0.01)
        shown["folds"] += float(compare_all(tables).differences[0, 1].low) > 0
        few = [np.nanmean(table, axis=0)[None, : TEXTS // 10].repeat(5, axis=0) for table in tables]
        shown["fixed"] += float(compare_all(few).differences[0, 1].low) > 0
    assert shown["folds"] >= 2 * shown["fixed"] and shown["folds"] > 15


@pytest.mark.parametrize("folds", [3, FOLDS])
def test_more_seeds_reduce_the_variance_of_the_texts_only_while_folds_are_untested(folds):
    tables = on_folds(np.random.default_rng(6), 3, training=0.0, folds=folds)
    family = compare_all(tables)
    by_text = np.nansum(tables, axis=1)[:, ~np.isnan(tables[0]).all(axis=0)]
    of_texts = np.cov(by_text) / by_text.shape[1]
    left = family.of_seeds - (of_texts if folds < FOLDS else 0.0)
    np.testing.assert_allclose(left, np.diag(np.diag(left)), atol=1e-12)
    assert (np.diag(left) >= 0).all() and (np.diag(family.covariance - family.of_seeds) >= -1e-12).all()


def test_a_verdict_on_folds_has_the_scores_of_all_tested_texts():
    rng = np.random.default_rng(4)
    labels, fold = rng.integers(0, 3, TEXTS), rng.permutation(TEXTS) % FOLDS
    tested = np.stack([fold == number for number in range(FOLDS)])
    outcomes = []
    for method, share in ((INIT, 0.9), (FROZEN, 0.7), (TFIDF, 0.6)):
        predicted = np.where(rng.random((FOLDS, TEXTS)) < share, labels, (labels + 1) % 3)
        outcomes.append(Outcome.of(SingleLabel(("a", "b", "c")), method, predicted, labels, "accuracy", tested, FOLDS))
        by_text = predicted[fold, np.arange(TEXTS)] == labels
        assert outcomes[-1].accuracy == outcomes[-1].score == pytest.approx(by_text.mean())
    size = judge_size(400, True, outcomes, 0.5)
    assert size.recommended == "init" and size.beats("init", "frozen") and size.beats("init", "tfidf")
    assert size.seeds == FOLDS


def test_f1_on_folds_is_that_of_all_texts_together():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(5)
    labels = (rng.random(TEXTS) < 0.02).astype(int)  # a fold has two texts of the rare class
    fold = rng.permutation(TEXTS) % FOLDS
    tested = np.stack([fold == number for number in range(FOLDS)])
    predicted = np.where(rng.random((FOLDS, TEXTS)) < 0.9, labels, 1 - labels)
    found = Outcome.of(SingleLabel(("a", "b", "c")), INIT, predicted, labels, "f1", tested, FOLDS)
    together = predicted[fold, np.arange(TEXTS)]
    assert found.score == pytest.approx(f1_score(labels, together, average="macro"), abs=1e-9)
