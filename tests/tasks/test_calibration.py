import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit
from torchmetrics.functional.classification import multiclass_calibration_error

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.tasks import SingleLabel, calibration
from lit_transfer.tasks.calibration import LOG_TEMPERATURES, Reliability, bin_sums, sigmoid_sums, softmax
from tests.samples import fit


def draw(temperature, count=4000, num_classes=3, seed=0):
    """Return logits, and labels drawn from their probabilities at a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, num_classes))
    cumulated = softmax(logits, temperature).cumsum(axis=1)
    return logits, (rng.random((count, 1)) > cumulated).sum(axis=1).clip(max=num_classes - 1)


def fit_temperature(logits, labels):
    """Return the temperature that the task finds."""
    task = SingleLabel(tuple(map(str, range(logits.shape[1]))))
    return task.fit_calibration(logits, labels)["temperature"]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_the_labels_were_drawn_at_is_found(temperature):
    assert fit_temperature(*draw(temperature)) == pytest.approx(temperature, rel=0.06)


@pytest.mark.parametrize("count", [40, 4000])
@pytest.mark.parametrize("temperature", [0.3, 0.7, 1.7, 6.0])
def test_the_temperature_is_the_one_that_lbfgs_finds(temperature, count, monkeypatch):
    monkeypatch.setattr(calibration, "_error", lambda bins: 0.0)
    logits, labels = draw(temperature, count, num_classes=5)
    log_temperature = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        scaled = torch.from_numpy(logits) / log_temperature.exp()
        loss = torch.nn.functional.cross_entropy(scaled, torch.from_numpy(labels), reduction="sum")
        loss = loss + (log_temperature**2 / (2 * calibration.PRIOR_DEVIATION**2)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert fit_temperature(logits, labels) == pytest.approx(log_temperature.exp().item(), rel=1e-3)


def test_sums_of_parts_of_the_texts_give_the_temperature_of_all():
    logits, labels = draw(1.7)
    parts = [
        calibration.softmax_sums(logits[rows], labels[rows]) for rows in np.split(np.arange(len(labels)), [0, 7, 900])
    ]
    assert calibration.fit_temperature(sum(parts)) == pytest.approx(fit_temperature(logits, labels), rel=1e-9)


def test_a_few_texts_that_are_all_right_do_not_make_the_model_certain():
    logits = np.array([[2.0, 0.0], [0.0, 2.0]] * 5)
    temperature = fit_temperature(logits, logits.argmax(axis=1))
    assert 0.4 < temperature < 0.8
    assert softmax(logits, temperature).max() == pytest.approx(0.95, abs=0.01)


def test_many_classes_do_not_make_the_model_doubtful():
    logits, labels = draw(1.0, 100, 300)
    logits += 9 * np.eye(300)[labels]
    before = Reliability.of(bin_sums(softmax(logits).max(1), logits.argmax(1) == labels)).error
    after = softmax(logits, fit_temperature(logits, labels))
    assert Reliability.of(bin_sums(after.max(1), logits.argmax(1) == labels)).error <= before


def test_a_temperature_that_makes_the_calibration_error_worse_is_not_used(monkeypatch):
    logits, labels = draw(0.5, 200)
    assert fit_temperature(logits, labels) < 0.7
    monkeypatch.setattr(calibration, "_error", lambda bins: -bins.reshape(3, -1)[1].sum())  # better if more confident
    logits, labels = draw(2.0, 200)
    assert fit_temperature(logits, labels) == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite_give_no_temperature(value):
    assert fit_temperature(np.array([[value, 1.0]]), np.array([0])) == 1.0


def test_the_calibration_error_is_that_of_torchmetrics_and_can_be_checked_by_eye():
    logits, labels = draw(2.0)
    probabilities = softmax(logits)
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=3, n_bins=15, norm="l1"
    )
    assert SingleLabel(("a", "b", "c")).reliability(probabilities, labels).error == pytest.approx(
        expected.item(), abs=1e-6
    )
    found = Reliability.of(bin_sums(np.array([0.9, 0.9, 0.6]), np.array([True, False, True]), num_bins=2))
    assert found.counts.tolist() == [0, 3]
    assert found.error == pytest.approx(abs(0.8 - 2 / 3))


def test_a_temperature_lowers_the_calibration_error():
    logits, labels = draw(2.5)
    task = SingleLabel(("a", "b", "c"))
    before, after = (
        task.reliability(task.probabilities(logits, value), labels).error
        for value in (1.0, fit_temperature(logits, labels))
    )
    assert after < before / 3


def test_fit_keeps_in_each_checkpoint_the_temperature_of_its_validation_split(tmp_path):
    model, trainer = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 3})
    path = tmp_path / "best.ckpt"
    trainer.save_checkpoint(path)
    encoded = trainer.datamodule.encoded("val")
    with torch.inference_mode():
        batch = encoded[list(range(len(encoded)))]
        logits = model.eval()(*batch.inputs).double().numpy()
    expected = fit_temperature(logits, batch.labels.numpy())
    assert read_record(read_checkpoint(path)).calibration == {"temperature": pytest.approx(expected, rel=1e-4)}
    assert expected != pytest.approx(1.0, abs=1e-3)
    loaded = type(model).load_from_checkpoint(path)
    found = loaded.predictor().predict_proba(["a good film"])
    assert found == pytest.approx(softmax(loaded.predictor().logits(["a good film"]), expected), rel=1e-4)


def test_without_a_validation_split_there_is_no_temperature(tmp_path):
    model, _ = fit(tmp_path, trainer={"max_epochs": 1, "limit_val_batches": 0, "num_sanity_val_steps": 0})
    assert model.calibration == {} and model.temperature == 1.0


def draw_indicators():
    """Return logits of more decisions than are computed at once, and indicators drawn at a temperature of 1.7."""
    rng = np.random.default_rng(0)
    logits = rng.normal(-2, 3, (9000, 5)).astype(np.float32)
    return logits, rng.random(logits.shape) < expit(logits / 1.7)


def sigmoid_loss(logits, targets, temperature):
    return -np.where(targets, log_expit(logits / temperature), log_expit(-logits / temperature)).sum(dtype=np.float64)


@pytest.mark.parametrize("extreme", [0, 1e4])
def test_the_sums_of_a_sigmoid_are_those_of_each_decision_alone(extreme):
    logits, targets = draw_indicators()
    logits[0], targets[0] = [-extreme, extreme, 0, 1e-30, 80], [True, False, True, False, True]
    for row, temperature in zip(sigmoid_sums(logits, targets), np.exp(LOG_TEMPERATURES), strict=True):
        scaled = logits.astype(np.float64) / temperature
        slope = ((targets - expit(scaled)) * scaled).sum()
        np.testing.assert_allclose(row[:2], [sigmoid_loss(logits, targets, temperature), slope], rtol=1e-6)
        if row[2:].any():
            np.testing.assert_allclose(row[2:], bin_sums(expit(scaled).ravel(), targets.ravel()).ravel(), rtol=1e-9)


def test_the_temperature_of_a_sigmoid_is_the_one_that_a_minimizer_finds():
    logits, targets = draw_indicators()
    sums = sigmoid_sums(logits, targets)
    found = calibration.fit_temperature(sums)
    lowest = minimize_scalar(lambda log: sigmoid_loss(logits, targets, np.exp(log)) + 2 * log**2, bracket=(0, 1))
    assert found == pytest.approx(np.exp(lowest.x), rel=1e-3)
    assert found == pytest.approx(1.7, rel=0.03)
    with_bins = {number for number, row in enumerate(sums) if row[2:].any()}
    nearest = np.argsort(np.abs(LOG_TEMPERATURES - np.log(found)))[:2]
    assert with_bins == {len(sums) // 2, *nearest.tolist()}
