"""A run whose loss is not finite stops with the reason, and leaves no checkpoint of that state."""

import math
import re

import pytest
import torch

from lit_transfer import TextClassifier, load
from lit_transfer.errors import CheckpointError, TrainingError
from tests.samples import fit, make_data, make_trainer


@pytest.mark.parametrize(
    ("transfer", "lr"),
    [("init", "2e+38"), ("frozen", "2e+38"), ("init", "1e+30"), ("frozen", "1e+30"), ("init", "1e+08")],
)
def test_an_absurd_learning_rate_stops_the_run_and_is_named(tmp_path, transfer, lr):
    said = rf"in epoch 0, step \d+, at the learning rates .*network {re.escape(lr)}.*smaller --model.lr"
    with pytest.raises(TrainingError, match=said):
        fit(tmp_path, transfer=transfer, lr=float(lr))
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_loss_that_is_not_a_number_stops_before_the_weights_change(tmp_path):
    class Broken(TextClassifier):
        def loss(self, logits, labels):
            return super().loss(logits, labels) * math.nan

    model = Broken(transfer="init", hidden_size=4)
    with pytest.raises(TrainingError, match="The training loss is nan in epoch 0, step 0"):
        make_trainer(tmp_path, num_sanity_val_steps=0).fit(model, make_data(tmp_path))
    assert all(torch.isfinite(value).all() for value in model.parameters())


def test_weights_that_overflow_in_the_last_step_are_noticed_without_validation(tmp_path):
    data = {"val_fraction": 0.0, "batch_size": 1000}
    with pytest.raises(TrainingError, match=r"not finite|are above 1e\+06|The training loss is"):
        fit(tmp_path, data=data, transfer="init", lr=1e38, optimizer=torch.optim.SGD, trainer={"max_epochs": 3})
    for path in tmp_path.rglob("*.ckpt"):
        assert all(torch.isfinite(value).all() for value in torch.load(path, weights_only=True)["state_dict"].values())


@pytest.mark.parametrize("value", [-2e6, 2e6])
@pytest.mark.parametrize("val_fraction", [0.0, 0.2])
def test_weights_that_are_too_large_after_the_last_step_stop_the_run(tmp_path, value, val_fraction):
    class Growing(TextClassifier):
        def on_train_batch_end(self, *_):
            with torch.no_grad():
                self.softmax.weight[0, 0] = value

    model = Growing(transfer="init", hidden_size=4)
    data = make_data(tmp_path, batch_size=1000, val_fraction=val_fraction)
    with pytest.raises(TrainingError, match=r"Values of softmax\.weight are above 1e\+06 in epoch 0, step 1"):
        make_trainer(tmp_path, max_epochs=1, num_sanity_val_steps=0).fit(model, data)
    assert not list(tmp_path.rglob("*.ckpt"))


def test_a_model_with_weights_that_are_not_finite_answers_with_an_error(tmp_path):
    model, trainer = fit(tmp_path, transfer="init")
    with torch.no_grad():
        model.softmax.weight[0, 0] = math.nan
    with pytest.raises(CheckpointError, match="not finite"):
        model.predict_texts(["a good film"])
    trainer.save_checkpoint(tmp_path / "broken.ckpt")
    with pytest.raises(CheckpointError, match="not finite"):
        load(tmp_path / "broken.ckpt").predict(["a good film"])
