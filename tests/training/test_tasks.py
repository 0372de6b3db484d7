import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchmetrics.functional import classification

from lit_transfer.tasks import MultiLabel, SingleLabel
from lit_transfer.training import tasks
from lit_transfer.training.tasks import TestMetrics, ValidationMetrics, loss_of_texts, score

ONE, SEVERAL = SingleLabel(("a", "b", "c")), MultiLabel(("a", "b", "c"))


def draw(task, count=90):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(count, 3, generator=generator) * 3
    targets = torch.randint(3, (count,), generator=generator)
    return logits, F.one_hot(targets, 3).bool() | (logits > 2) if task is SEVERAL else targets


def test_the_loss_of_one_label_is_weighted_cross_entropy():
    logits, targets = draw(ONE)
    weights = torch.tensor([1.0, 2.0, 0.5])
    found = loss_of_texts(ONE, logits, targets, class_weights=weights, label_smoothing=0.1)
    expected = F.cross_entropy(logits, targets, weights, label_smoothing=0.1, reduction="none")
    assert torch.equal(found, expected)


def test_the_loss_of_several_labels_is_binary_cross_entropy():
    logits, targets = draw(SEVERAL)
    weights = torch.tensor([1.0, 2.0, 0.5])
    found = loss_of_texts(SEVERAL, logits, targets, class_weights=weights, label_smoothing=0.2)
    shares = logits.sigmoid()
    smooth = torch.where(targets, 0.9, 0.1)
    expected = -(weights * smooth * shares.log() + (1 - smooth) * (1 - shares).log()).mean(dim=1)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    taught = loss_of_texts(SEVERAL, logits, shares)  # a teacher's probabilities
    entropy = -(shares * shares.log() + (1 - shares) * (1 - shares).log()).mean(dim=1)
    torch.testing.assert_close(taught, entropy, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("task", [ONE, SEVERAL])
def test_batches_give_the_figures_and_the_calibration_of_all_texts(task):
    logits, targets = draw(task)
    metrics = ValidationMetrics(task)
    for _ in range(2):  # again after a reset
        for rows in torch.arange(90).split(40):
            metrics.update(logits[rows], targets[rows])
        found = metrics.compute()
        metrics.reset()
        expected = task.fit_calibration(logits.numpy(), targets.numpy())
        assert found.calibration["temperature"] == pytest.approx(expected["temperature"])
        assert found.calibration.get("threshold") == expected.get("threshold")
    assert not metrics.state_dict()


@pytest.mark.parametrize("constant", [-100, 0, 100])
def test_validation_figures_of_one_label_do_not_depend_on_a_constant_in_all_logits(constant):
    logits, targets = draw(ONE)
    metrics = ValidationMetrics(ONE)
    metrics.update(logits + constant, targets)
    expected = {
        "accuracy": classification.multiclass_accuracy(logits, targets, 3, average="micro"),
        "f1": classification.multiclass_f1_score(logits, targets, 3),
    }
    assert metrics.compute().figures == {name: pytest.approx(float(value)) for name, value in expected.items()}
    assert np.array_equal(ONE.decide((logits + constant).numpy()), logits.argmax(dim=1))


def test_figures_of_one_label_are_those_of_torchmetrics():
    logits, targets = draw(ONE)
    metrics = TestMetrics(ONE)
    for rows in torch.arange(90).split(40):
        metrics.update_logits(logits[rows], targets[rows], {"temperature": 2.0, "threshold": 0.9})
    found, shares = metrics.compute(), logits.softmax(dim=1)
    expected = {
        "accuracy": classification.multiclass_accuracy(shares, targets, 3, average="micro"),
        "f1": classification.multiclass_f1_score(shares, targets, 3),
        "auroc": classification.multiclass_auroc(shares, targets, 3),
        "calibration_error": classification.multiclass_calibration_error(shares, targets, 3),
        "calibration_error_after": classification.multiclass_calibration_error((logits / 2).softmax(dim=1), targets, 3),
    }
    assert found.figures == {name: pytest.approx(float(value), abs=1e-6) for name, value in expected.items()}
    assert found.losses[1] == pytest.approx(float(F.cross_entropy(logits / 2, targets)))
    assert np.array_equal(found.decisions, logits.argmax(dim=1)) and np.array_equal(found.targets, targets)
    again = score(ONE, shares.double().numpy(), targets.numpy())
    assert again.figures["f1"] == found.figures["f1"]


def test_figures_of_several_labels_are_those_at_the_thresholds():
    logits, targets = draw(SEVERAL)
    calibration = {"temperature": 2.0, "threshold": {"a": 0.3, "b": 0.5, "c": 0.7}}
    metrics = TestMetrics(SEVERAL)
    metrics.update_logits(logits, targets, calibration)
    found, decided = metrics.compute(), (logits / 2).sigmoid() >= torch.tensor([0.3, 0.5, 0.7])
    options = {"num_labels": 3, "average": "macro"}
    assert found.figures["f1"] == pytest.approx(
        float(classification.multilabel_f1_score(decided.int(), targets, **options))
    )
    assert found.figures["average_precision"] == pytest.approx(
        float(classification.multilabel_average_precision(logits.sigmoid(), targets.int(), **options)), abs=1e-6
    )
    assert np.array_equal(found.decisions, decided)
    assert found.average_precision.shape == (3,)


def test_many_classes_need_no_memory_for_each_text_and_class(monkeypatch):
    monkeypatch.setattr(tasks, "MOST_RANKED", 2)
    metrics = TestMetrics(ONE)
    metrics.update_logits(*draw(ONE), {})
    assert "auroc" not in metrics.compute().figures
    metrics = ValidationMetrics(SingleLabel(tuple(map(str, range(1000)))))
    metrics.update(torch.randn(200, 1000), torch.arange(200))
    assert sum(getattr(metrics, name).numel() for name in metrics.names) < 6000
