import pickle

import numpy as np
import pytest
from sklearn import metrics

from lit_transfer.errors import DataError
from lit_transfer.tasks import MultiLabel, make_task
from lit_transfer.tasks.f1_thresholds import best_threshold, common_threshold, fit_thresholds
from lit_transfer.tasks.scores import average_precision

TASK = MultiLabel(("a", "b", "c"))


def draw(count=500, num_classes=3, temperature=1.0, seed=0):
    """Return logits, and targets drawn from their probabilities at a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1, 2, (count, num_classes))
    return logits, rng.random(logits.shape) < 1 / (1 + np.exp(-logits / temperature))


def test_labels_become_indicators_and_come_back():
    targets = TASK.encode([["c", "a"], [], ["b"]])
    assert targets.astype(int).tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert TASK.decode(targets) == [["a", "c"], [], ["b"]]
    assert TASK.counts(targets).tolist() == [1, 1, 1] and TASK.counts_by_class(targets[:1]) == {"a": 1, "b": 0, "c": 1}
    with pytest.raises(DataError, match="f.csv has labels that the train split or checkpoint lacks: 'x' \\(2 rows\\)"):
        TASK.encode([["x"], ["a", "x"]], "f.csv")


def test_the_task_of_a_record_is_restored():
    assert make_task(["a", "b", "c"], "multi_label") == TASK
    assert make_task(["a", "b"]).name == "single_label"
    with pytest.raises(ValueError, match="unknown task 'other'; expected single_label or multi_label"):
        make_task(["a"], "other")


def test_a_class_is_decided_from_its_threshold_on():
    probabilities = np.array([[0.5, 0.4, 0.2], [0.1, 0.1, 0.3]])
    assert TASK.decode(TASK.decide(probabilities)) == [["a"], []]
    assert TASK.decode(TASK.decide(probabilities, 0.3)) == [["a", "b"], ["c"]]
    assert TASK.decode(TASK.decide(probabilities, {"a": 0.6, "c": 0.2})) == [["c"], ["c"]]


def test_the_margin_is_small_where_many_classes_are_uncertain():
    found = make_task(["a", "b"], "multi_label").margin(np.array([[0.5, 0.5], [0.5, 0.1], [0.9, 0.9], [0.0, 1.0]]))
    np.testing.assert_allclose(found, [0, 0.32, 0.64, 1])


def test_a_prediction_has_labels_and_a_label_and_may_be_unsure():
    probabilities = np.array([[0.6, 0.9, 0.2], [0.1, 0.1, 0.3]])
    some, none = TASK.predictions(probabilities)
    assert (some.labels, some.label) == (["a", "b"], "b")
    assert some.probabilities == {"a": 0.6, "b": 0.9, "c": 0.2}
    assert (none.labels, none.label) == ([], None)
    assert TASK.predictions(probabilities, abstain=True)[1].labels is None
    assert pickle.loads(pickle.dumps(some)).labels == ["a", "b"]


def test_scores_are_those_of_scikit_learn():
    logits, targets = draw()
    targets[:, 2] &= np.arange(len(targets)) < 5
    probabilities = np.round(TASK.probabilities(logits), 2)  # with ties
    decisions = TASK.decide(probabilities, 0.4)
    counts = TASK.count_hits(decisions, targets)
    found = TASK.figures(counts) | TASK.text_figures(decisions, targets)
    options = {"zero_division": 0}
    assert found == {
        "accuracy": pytest.approx(metrics.accuracy_score(targets, decisions)),
        "f1": pytest.approx(metrics.f1_score(targets, decisions, average="macro", **options)),
        "f1_micro": pytest.approx(metrics.f1_score(targets, decisions, average="micro")),
        "f1_samples": pytest.approx(metrics.f1_score(targets, decisions, average="samples", zero_division=1)),
        "hamming_loss": pytest.approx(metrics.hamming_loss(targets, decisions)),
    }
    theirs = metrics.precision_recall_fscore_support(targets, decisions, **options)
    for ours, other in zip((counts.precision, counts.recall, counts.f1, counts.true), theirs, strict=True):
        np.testing.assert_allclose(ours, other)
    expected = metrics.average_precision_score(targets, probabilities, average=None)
    np.testing.assert_allclose(average_precision(probabilities, targets), expected)
    assert TASK.log_loss(probabilities.clip(0.01, 0.99), targets) == pytest.approx(
        metrics.log_loss(targets.ravel(), probabilities.clip(0.01, 0.99).ravel())
    )


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_the_targets_were_drawn_at_is_found(temperature):
    logits, targets = draw(4000, temperature=temperature)
    assert TASK.fit_calibration(logits, targets)["temperature"] == pytest.approx(temperature, rel=0.06)


def test_the_best_threshold_has_the_highest_f1_of_all():
    rng = np.random.default_rng(0)
    for _ in range(50):
        probabilities, targets = rng.integers(0, 10, 20) / 10, rng.random(20) < 0.4
        between = np.linspace(-0.05, 0.95, 11)  # each set of decisions once
        scores = [metrics.f1_score(targets, probabilities >= t, zero_division=0) for t in between]
        found = probabilities >= best_threshold(probabilities, targets)
        assert metrics.f1_score(targets, found, zero_division=0) == pytest.approx(max(scores))


def test_the_threshold_of_a_class_with_few_texts_is_near_the_common_one():
    logits, targets = draw(2000)
    targets[:, 2] = False
    targets[np.argsort(logits[:, 2])[:3], 2] = True  # three unlikely texts
    probabilities = TASK.probabilities(logits)
    common, found = common_threshold(probabilities, targets), fit_thresholds(probabilities, targets)
    assert best_threshold(probabilities[:, 2], targets[:, 2]) < 0.02 < common - 0.2
    assert abs(found[2] - common) < 0.2
    assert abs(found[0] - best_threshold(probabilities[:, 0], targets[:, 0])) < 0.05
    targets[:, 2] = False
    assert fit_thresholds(probabilities, targets)[2] == pytest.approx(common_threshold(probabilities, targets))


def test_a_text_that_counts_often_is_that_text_repeated():
    rng = np.random.default_rng(0)
    targets = rng.random((200, 3)) < (0.5, 0.1, 0.0)
    probabilities = 1 / (1 + np.exp(-(rng.normal(size=(200, 3)) + 2 * targets - 1)))
    weights = rng.multinomial(200, np.full(200, 1 / 200), size=4)
    found = fit_thresholds(probabilities, targets, weights=weights)
    assert found.shape == (4, 3)
    for row, counts in zip(found, weights, strict=True):
        np.testing.assert_array_equal(row, fit_thresholds(probabilities, targets, weights=counts))
        repeated = np.repeat(np.arange(200), counts)
        assert common_threshold(probabilities, targets, weights=counts) == common_threshold(
            probabilities[repeated], targets[repeated]
        )
        # The same decisions on the texts that count: between two of them, any threshold is the same.
        best = best_threshold(probabilities[repeated, 0], targets[repeated, 0])
        weighted = best_threshold(probabilities[:, 0], targets[:, 0], counts)
        np.testing.assert_array_equal(probabilities[repeated, 0] >= best, probabilities[repeated, 0] >= weighted)
    none = fit_thresholds(probabilities, targets, weights=np.zeros((1, 200), dtype=np.int64))
    np.testing.assert_allclose(none, 0.5)


def test_confusions_are_pairs_of_a_missed_class_and_one_decided_instead():
    targets, decisions = TASK.encode([["a", "b"], ["a"], ["c"]]), TASK.encode([["a", "c"], ["b"], ["c"]])
    pairs, counts = TASK.confusions(decisions, targets)
    found = {tuple(TASK.classes[i] for i in pair): count for pair, count in zip(pairs, counts, strict=True)}
    assert found == {("b", "c"): 1, ("a", "b"): 1}
    pairs, counts = TASK.cooccurrences(targets)
    assert (pairs.tolist(), counts.tolist()) == ([[0, 1]], [1])


def test_remarks_name_rare_classes_those_of_one_split_and_those_always_together():
    train, test = TASK.encode([["a", "b"], ["a", "b"], []]), TASK.encode([["c"]])
    assert TASK.quality_notes({"train": train, "test": test}) == [
        "one class has fewer than two training texts: c",
        "only test has texts of c",
        "always together: a and b",
    ]
    assert TASK.describe(train) == "multi_label: 3 classes, 1.33 labels a text, 1 texts without"


def test_a_teachers_probabilities_need_no_sum_but_values_between_0_and_1():
    assert TASK.check_probabilities(np.array([[0.9, 0.9, 0.0]])) is None
    assert "3 columns with values from -0.1 to 1" in str(TASK.check_probabilities(np.array([[-0.1, 1.0, 0.0]])))
    assert "2 columns" in str(TASK.check_probabilities(np.array([[0.1, 1.0]])))
