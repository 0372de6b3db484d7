import numpy as np
import pytest

from lit_transfer.prediction.guarantees import class_precision, class_recall, mean_is_above_zero, micro_threshold


def draw(rng, count, num_classes=4):
    """Return probabilities and targets of texts whose labels depend on each other."""
    shared = rng.normal(0, 1, (count, 1))
    probabilities = 1 / (1 + np.exp(-(shared + rng.normal(-1, 1.5, (count, num_classes)))))
    return probabilities, rng.random(probabilities.shape) < probabilities


# The true precision and recall of a threshold, on very many texts.
MANY = draw(np.random.default_rng(99), 200_000)


def true_precision(threshold, columns=slice(None)):
    decided = MANY[0][:, columns] >= threshold
    return MANY[1][:, columns][decided].mean()


def true_recall(threshold, columns=slice(None)):
    return (MANY[0][:, columns] >= threshold)[MANY[1][:, columns]].mean()


@pytest.mark.parametrize("kind", ["class precision", "class recall", "micro precision", "micro recall"])
def test_promises_are_broken_on_at_most_a_twentieth_of_200_splits(kind):
    rng = np.random.default_rng(0)
    broken = made = 0
    for _ in range(200):
        probabilities, targets = draw(rng, 400)
        if kind.startswith("class"):
            of_class = probabilities[:, 0], targets[:, 0]
            found = (class_precision if kind == "class precision" else class_recall)(*of_class, 0.7, 0.05)
            columns = 0
        else:
            found = micro_threshold(probabilities, targets, 0.05, **{kind.removeprefix("micro "): 0.7})
            columns = slice(None)
        if found is not None:
            made += 1
            true = true_precision if kind.endswith("precision") else true_recall
            broken += true(found, columns) < 0.7
    assert made > 50
    assert broken <= 0.05 * 200 + 2 * np.sqrt(0.05 * 0.95 * 200)


def test_promises_are_not_much_stricter_than_they_must_be():
    probabilities, targets = draw(np.random.default_rng(1), 5000)
    assert true_recall(class_recall(probabilities[:, 0], targets[:, 0], 0.8, 0.05), 0) < 0.84
    assert true_precision(class_precision(probabilities[:, 0], targets[:, 0], 0.7, 0.05), 0) < 0.8
    assert true_recall(micro_threshold(probabilities, targets, 0.05, recall=0.8)) < 0.84
    assert true_precision(micro_threshold(probabilities, targets, 0.05, precision=0.7)) < 0.76


def test_the_threshold_of_a_recall_is_an_order_statistic_that_can_be_checked_by_hand():
    probabilities = np.arange(1, 23) / 100
    # P(no text of 22 is among the lowest eighth) = 0.053 > 0.05, of 23 = 0.046
    assert class_recall(probabilities, np.ones(22, bool), 0.875, 0.05) is None
    probabilities = np.arange(1, 24) / 100
    assert class_recall(probabilities, np.ones(23, bool), 0.875, 0.05) == 0.01
    assert class_recall(probabilities, np.zeros(23, bool), 0.875, 0.05) is None


def test_without_a_true_effect_the_betting_test_rarely_says_yes():
    rng = np.random.default_rng(0)
    yes = [mean_is_above_zero(rng.choice([-1.0, 1.0, 0.2, -0.2], 300), 0.05) for _ in range(400)]
    assert np.mean(yes) <= 0.05
    assert mean_is_above_zero(rng.choice([-0.5, 1.0], 300), 0.05)
