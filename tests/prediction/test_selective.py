import io

import numpy as np
import pytest

from lit_transfer.errors import ConfigError
from lit_transfer.prediction.selective import (
    NUM_CANDIDATES,
    check_shares,
    choose,
    find_candidates,
    plot_coverage,
    texts_needed,
)
from lit_transfer.tasks.bounds import accuracy_bound


def chance_of_being_right(confidence):
    """Return the accuracy at a confidence; miscalibrated except at 0.5 and 1."""
    return 0.5 + 0.5 * (2 * confidence - 1) ** 0.8


def draw(rng, count):
    confidence = rng.uniform(0.5, 1.0, count)
    return confidence, rng.random(count) < chance_of_being_right(confidence)


def true_accuracy(threshold):
    above = np.linspace(max(threshold, 0.5), 1.0, 2001)
    return chance_of_being_right(above).mean()


def test_in_a_simulation_the_guarantee_fails_no_more_often_than_allowed():
    rng, asked, delta = np.random.default_rng(0), 0.8, 0.1
    chosen = [choose(find_candidates(*draw(rng, 400), delta), asked) for _ in range(300)]
    thresholds = [one.threshold for one in chosen if one is not None]
    assert len(thresholds) > 200, "most files of 400 texts give a threshold"
    failed = sum(true_accuracy(threshold) < asked for threshold in thresholds)
    assert failed <= 300 * delta


def test_a_threshold_chosen_by_the_accuracy_alone_would_fail_in_that_simulation():
    rng, asked = np.random.default_rng(0), 0.8
    failed = 0
    for _ in range(300):
        good = [one for one in find_candidates(*draw(rng, 400), 0.1) if one.accuracy >= asked]
        failed += true_accuracy(max(good, key=lambda one: one.answered).threshold) < asked
    assert failed > 300 * 0.3


def test_more_texts_are_answered_the_more_there_are_to_find_the_threshold_with():
    rng = np.random.default_rng(1)
    few, many = (choose(find_candidates(*draw(rng, count), 0.05), 0.85) for count in (500, 50_000))
    assert many is not None and (few is None or few.coverage < many.coverage)
    assert true_accuracy(many.threshold) == pytest.approx(0.85, abs=0.02)


def test_texts_of_one_confidence_are_answered_together_or_not_at_all():
    confidence = np.array([0.6] * 100 + [0.9] * 400)
    correct = np.array([False] * 100 + [True] * 400)
    chosen = choose(find_candidates(confidence, correct, 0.05), 0.95)
    assert chosen is not None and chosen.answered == 400
    assert 0.6 < chosen.threshold < 0.600001


def test_all_texts_are_answered_where_all_are_right():
    chosen = choose(find_candidates(np.linspace(0.5, 1, 500), np.ones(500, dtype=bool), 0.05), 0.95)
    assert chosen is not None and (chosen.coverage, chosen.threshold, chosen.accuracy) == (1.0, 0.0, 1.0)


def test_texts_needed_is_the_exact_minimum():
    needed = texts_needed(0.95, 0.05)
    assert accuracy_bound(0, needed, 0.05 / NUM_CANDIDATES) >= 0.95
    assert accuracy_bound(0, needed - 1, 0.05 / NUM_CANDIDATES) < 0.95
    assert choose(find_candidates(np.array([0.9]), np.array([True]), 0.05), 0.5) is None


def test_shares_outside_0_and_1_are_refused():
    with pytest.raises(ConfigError, match="min_accuracy above 0 and below 1, got 95"):
        check_shares(min_accuracy=95)


def test_the_curve_is_a_png_whatever_the_classes_are_called():
    candidates = find_candidates(*draw(np.random.default_rng(0), 300), 0.05)
    file = io.BytesIO()
    plot_coverage([("$a^$", candidates, choose(candidates, 0.7)), ("b", [], None)], 0.7, file)
    assert file.getvalue().startswith(b"\x89PNG")
