import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from lit_transfer import TextClassifier
from tests.samples import fit, make_data, make_trainer


def watching():
    return [
        EarlyStopping("val_accuracy", mode="max", patience=1),
        ModelCheckpoint(monitor="val_accuracy", mode="max", filename="best"),
    ]


@pytest.mark.parametrize("why", ["no split", "limit_val_batches"])
def test_callbacks_that_monitor_a_missing_validation_do_not_stop_the_training(tmp_path, capsys, why):
    stopping, checkpoint = callbacks = watching()
    data, flags = ({"val_fraction": 0.0}, {}) if why == "no split" else ({}, {"limit_val_batches": 0})
    model, trainer = fit(tmp_path, data, {"max_epochs": 3, "callbacks": callbacks, **flags})
    assert trainer.current_epoch == 3 and trainer.state.finished
    assert {"train_loss"} <= set(trainer.callback_metrics) and "val_loss" not in trainer.callback_metrics
    state = torch.load(checkpoint.best_model_path, weights_only=True)
    assert state["epoch"] == 2 and torch.equal(state["state_dict"]["softmax.bias"], model.softmax.bias)
    said = capsys.readouterr().out
    assert said.count("validation  none, no early stopping, checkpoints of the last epoch") == 1
    assert "last checkpoint  " in said and "best checkpoint" not in said
    # The trainer is restored afterwards, for data with a validation split.
    assert stopping in trainer.callbacks and checkpoint.monitor == "val_accuracy"


def test_with_a_validation_nothing_is_changed_and_the_best_checkpoint_is_called_so(tmp_path, capsys):
    fit(tmp_path, trainer={"callbacks": watching()})
    said = capsys.readouterr().out
    assert "validation  none" not in said
    assert "best checkpoint  " in said and "(val_accuracy " in said


def test_a_checkpoint_without_a_figure_is_the_last_and_not_the_best(tmp_path, capsys):
    fit(tmp_path, trainer={"max_epochs": 1})
    said = capsys.readouterr().out
    assert "last checkpoint  " in said and "best checkpoint" not in said


def plateau(mode):
    return lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode, patience=0, threshold=1e9)


@pytest.mark.parametrize(("mode", "rate"), [("min", 0.01 * 0.1**3), ("max", 0.01)])
def test_a_plateau_is_watched_in_the_training_loss_where_that_says_something(tmp_path, mode, rate):
    _, trainer = fit(
        tmp_path, {"val_fraction": 0.0}, {"max_epochs": 3}, lr_scheduler=plateau(mode)
    )  # no improvement is large enough
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(rate)


def test_a_trainer_is_used_twice(tmp_path, capsys):
    trainer = make_trainer(tmp_path, max_epochs=1)
    for _ in range(2):
        model = TextClassifier(hidden_size=4)
        trainer.fit(model, make_data(tmp_path))
        trainer.fit_loop.epoch_progress.reset()
        assert trainer.state.finished
    trainer.fit(TextClassifier(hidden_size=4), make_data(tmp_path, val_fraction=0.0))
    trainer.test(model, make_data(tmp_path), verbose=False)
    assert "test_accuracy" in trainer.callback_metrics
