"""What the labels are worth."""

import numpy as np
import pytest
from scipy.stats import binomtest

from lit_transfer.curation.labelling.outlook import (
    accuracy_of,
    agreement,
    does_choosing_help,
    expect,
    is_shown,
    kappa,
)
from lit_transfer.curation.labelling.regression import Examples
from lit_transfer.tasks import SingleLabel

TASK = SingleLabel(("a", "b"))


def world(count, noise=1.0, seed=0):
    """Return texts of two classes."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    states = rng.normal(size=(count, 10)) * noise + 0.6 * (2 * labels[:, None] - 1)
    return Examples(states.astype(np.float32), labels)


@pytest.mark.parametrize(("right", "count"), [(0, 1), (24, 30), (30, 30), (0, 12), (701, 1000)])
def test_the_interval_is_that_of_clopper_and_pearson(right, count):
    found = accuracy_of(np.arange(count) < right)
    reference = binomtest(right, count).proportion_ci(0.95, "exact")
    assert (found.correct, found.count) == (right, count)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_without_random_texts_nothing_is_known():
    found = accuracy_of(np.zeros(0, bool))
    assert (found.count, found.low, found.high) == (0, 0, 1)


def test_repeated_looks_declare_a_wanted_accuracy_wrongly_in_at_most_5_percent_of_sessions():
    looks = [20, 30, 45, 68, 102, 153, 230]
    correct = np.random.default_rng(0).random((400, 300)) < 0.8
    assert sum(any(is_shown(each[:count], 0.8) for count in looks) for each in correct) <= 0.05 * 400
    for each in correct[:2]:  # between two looks, nothing changes
        at_looks = {count: is_shown(each[:count], 0.8) for count in looks}
        for count in range(20, 301):
            assert is_shown(each[:count], 0.8) == at_looks[max(look for look in looks if look <= count)]
    assert is_shown(np.ones(100, bool), 0.9) and not is_shown(np.ones(19, bool), 0.5)


def test_more_labels_are_expected_to_bring_more_and_the_band_holds_what_comes():
    texts = world(600, noise=2.0)
    tested = texts.take(slice(300, 400))
    found = expect(TASK, texts.take(slice(60)), tested)
    assert len(found) == 3
    assert [each.train_size for each in found] == [100, 140, 220]
    assert found[0].middle <= found[1].middle <= found[2].middle
    assert all(0 <= each.low < each.middle < each.high <= 1 for each in found)
    later = expect(TASK, texts.take(slice(220)), tested)[0].middle
    assert found[2].low <= later <= found[2].high
    # Fewer random texts know less.
    few = expect(TASK, texts.take(slice(60)), texts.take(slice(300, 320)))
    assert few[0].high - few[0].low > found[0].high - found[0].low
    assert expect(TASK, texts.take(slice(60)), texts.take(slice(5))) == []


def test_models_of_ever_more_labels_agree_where_the_classes_are_easy():
    easy, hard = world(400, noise=0.3), world(400, noise=4.0)
    unlabelled = np.random.default_rng(1).normal(size=(300, 10)).astype(np.float32)
    assert agreement(TASK, easy, easy.states) > 0.99
    assert agreement(TASK, hard, unlabelled) < 0.94
    assert agreement(TASK, easy.take(slice(50)), unlabelled) is None


def test_chosen_texts_that_teach_more_are_recognized_and_those_that_teach_nothing_too():
    texts = world(400, noise=1.5)
    chosen, tested = texts.take(slice(150)), texts.take(slice(200, 300))
    helps = does_choosing_help(TASK, chosen, tested)
    assert helps.low <= helps.chosen - helps.random <= helps.high and helps.count == 100
    wrong = does_choosing_help(TASK, chosen._replace(targets=1 - chosen.targets), tested)
    assert wrong.high < 0
    assert does_choosing_help(TASK, chosen, texts.take(slice(200, 210))) is None


def test_kappa_is_one_for_equal_labels_and_nought_for_chance():
    first = np.array([0, 0, 1, 1])
    assert kappa(first, first) == 1 and kappa(first, np.array([0, 1, 0, 1])) == 0
    assert kappa(np.zeros(3, int), np.zeros(3, int)) == 1
