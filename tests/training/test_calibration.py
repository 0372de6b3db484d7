import io
import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.training.calibration import fit_temperature, measure_reliability, plot_reliability, softmax
from lit_transfer.training.metrics import Outputs
from tests.samples import fit


def draw(temperature, count=4000, num_classes=3, seed=0):
    """Return logits, and labels drawn from their probabilities at a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (count, num_classes))
    cumulated = softmax(logits, temperature).cumsum(axis=1)
    return logits, (rng.random((count, 1)) > cumulated).sum(axis=1).clip(max=num_classes - 1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_the_labels_were_drawn_at_is_found(temperature):
    assert fit_temperature(*draw(temperature)) == pytest.approx(temperature, rel=0.06)


def test_the_temperature_is_the_one_that_lbfgs_finds():
    logits, labels = draw(1.7, num_classes=5)
    log_temperature = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(
            torch.from_numpy(logits) / log_temperature.exp(),
            torch.from_numpy(labels),
            label_smoothing=5 / (len(labels) + 5),
        )
        loss.backward()
        return loss

    optimizer.step(closure)
    assert fit_temperature(logits, labels) == pytest.approx(log_temperature.exp().item(), rel=1e-4)


def test_a_few_texts_that_are_all_right_do_not_make_the_model_certain():
    logits = np.array([[2.0, 0.0], [0.0, 2.0]] * 5)
    temperature = fit_temperature(logits, logits.argmax(axis=1))
    assert softmax(logits, temperature).max() == pytest.approx(11 / 12, abs=1e-6)


def test_logits_that_are_no_numbers_give_no_temperature():
    assert fit_temperature(np.array([[math.nan, 1.0]]), np.array([0])) == 1.0


def test_the_calibration_error_is_that_of_torchmetrics_and_can_be_checked_by_eye():
    logits, labels = draw(2.0)
    probabilities = softmax(logits)
    expected = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=3, n_bins=15, norm="l1"
    )
    assert measure_reliability(probabilities, labels).error == pytest.approx(expected.item(), abs=1e-6)
    small = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    found = measure_reliability(small, np.array([0, 1, 1]), num_bins=2)
    assert found.counts.tolist() == [0, 3]
    assert found.error == pytest.approx(abs(0.8 - 2 / 3))


def test_a_temperature_lowers_the_calibration_error():
    logits, labels = draw(2.5)
    before = measure_reliability(softmax(logits), labels).error
    assert measure_reliability(softmax(logits, fit_temperature(logits, labels)), labels).error < before / 3


def test_the_diagram_is_a_png():
    file = io.BytesIO()
    one = measure_reliability(np.array([[0.9, 0.1]]), np.array([0]))
    plot_reliability([("before", one), ("after", one)], file)
    assert file.getvalue().startswith(b"\x89PNG")


def test_outputs_are_kept_over_batches_and_forgotten():
    outputs = Outputs()
    for _ in range(2):
        outputs.update(torch.tensor([[1.0, 2.0]]), torch.tensor([1]))
        outputs.update(torch.tensor([[3.0, 4.0]]), torch.tensor([0]))
        logits, labels = outputs.compute()
        assert (logits.tolist(), labels.tolist()) == ([[1.0, 2.0], [3.0, 4.0]], [1, 0])
        outputs.reset()
    assert not outputs.state_dict()


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
