"""Callbacks of Lightning, each run once: it has its effect, and the resulting checkpoint can be used."""

import pytest
import torch
from lightning.fabric.utilities.spike import TrainingSpikeException
from lightning.pytorch import callbacks as lightnings
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BaseFinetuning,
    BasePredictionWriter,
    BatchSizeFinder,
    DeviceStatsMonitor,
    EarlyStopping,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LambdaCallback,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
    ModelPruning,
    ModelSummary,
    OnExceptionCheckpoint,
    RichModelSummary,
    RichProgressBar,
    SpikeDetection,
    StochasticWeightAveraging,
    ThroughputMonitor,
    Timer,
    TQDMProgressBar,
    WeightAveraging,
)
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.tuner import Tuner

from lit_transfer import TextClassifier
from tests.samples import fit, make_data, make_trainer

# The callbacks of Lightning that are run here; docs/lightning.md lists them.
RUN = {name for name in lightnings.__all__ if name in globals()}


def run(folder, callback, epochs=3, **arguments):
    """Train with a callback; return the model, the trainer, and the model of the last checkpoint."""
    trainer = {"max_epochs": epochs, "callbacks": [callback], **arguments.pop("trainer", {})}
    model, trainer = fit(folder, trainer=trainer, transfer="init", **arguments)
    path = folder / "after.ckpt"
    trainer.save_checkpoint(path)
    return model, trainer, TextClassifier.load_from_checkpoint(path)


def logged(folder):
    """Return the names of the columns that a CSVLogger wrote."""
    [path] = folder.rglob("metrics.csv")
    return path.read_text().splitlines()[0].split(",")


class Steps(lightnings.Callback):
    """Callback that stores the bias of the softmax layer after each step."""

    def __init__(self):
        self.values = []

    def on_train_batch_end(self, trainer, pl_module, *args):
        self.values.append(pl_module.softmax.bias.detach().clone())


@pytest.mark.parametrize(
    ("averaging", "expected"),
    [
        (lambda: WeightAveraging(), lambda values: torch.stack(values).mean(0)),
        (lambda: EMAWeightAveraging(decay=0.5, update_every_n_steps=1), None),
    ],
    ids=["mean", "EMA"],
)
def test_averages_are_those_of_the_steps_and_are_in_the_checkpoint(tmp_path, averaging, expected):
    steps, averaging = Steps(), averaging()
    checkpoint = ModelCheckpoint(tmp_path / "kept", filename="last")
    model, _ = fit(
        tmp_path, trainer={"max_epochs": 2, "callbacks": [steps, averaging, checkpoint]}, transfer="init", dropout=0.0
    )
    assert len(steps.values) == 10
    if expected is None:
        average = steps.values[0]
        for value in steps.values[1:]:
            average = 0.5 * average + 0.5 * value
    else:
        average = expected(steps.values)
    torch.testing.assert_close(model.softmax.bias, average, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(average, steps.values[-1])
    kept = TextClassifier.load_from_checkpoint(tmp_path / "kept" / "last.ckpt")
    torch.testing.assert_close(kept.softmax.bias, average, rtol=1e-4, atol=1e-5)
    assert len(kept.state_dict()) == len(model.state_dict()) > 5


def test_averages_begin_with_the_weights_of_another_run(tmp_path):
    first, trainer = fit(tmp_path, transfer="init", trainer={"max_epochs": 1})
    trainer.save_checkpoint(tmp_path / "first.ckpt")
    averaging = EMAWeightAveraging(decay=0.9)
    model, _ = fit(
        tmp_path, transfer="init", init_from=str(tmp_path / "first.ckpt"), lr=0.0, trainer={"callbacks": [averaging]}
    )
    for name, value in first.state_dict().items():  # no weight has changed, so the average equals the initial weights
        torch.testing.assert_close(model.state_dict()[name], value, msg=name)


@pytest.mark.skipif(
    "state_dict" not in vars(torch.optim.swa_utils.SWALR),
    reason="the schedule of this torch writes a function into checkpoints, which are refused",
)
def test_stochastic_weight_averaging_averages_all_that_learns(tmp_path):
    steps, starts = Steps(), []
    note = LambdaCallback(on_fit_start=lambda trainer, module: starts.append(module.softmax.bias.detach().clone()))
    averaging = StochasticWeightAveraging(swa_lrs=0.01, swa_epoch_start=1)
    model, _, again = run(tmp_path, averaging, trainer={"callbacks": [note, steps, averaging], "max_epochs": 4})
    # The weights at the start of the epochs, which Lightning counts from 1 here.
    average = torch.stack([starts[0], *(steps.values[i] for i in (4, 9, 14))]).mean(0)
    torch.testing.assert_close(model.softmax.bias.detach(), average, rtol=1e-4, atol=1e-5)
    assert torch.equal(again.softmax.bias, model.softmax.bias)
    assert averaging.n_averaged == 4


def test_pruning_takes_weights_of_the_lstm_and_the_softmax_layer_away(tmp_path):
    def parameters(module):
        return [(module.softmax, "weight"), *((module.lstm, name) for name, _ in module.lstm.named_parameters())]

    class Prune(ModelPruning):
        def setup(self, trainer, pl_module, stage):
            self._parameters_to_prune = [pair for pair in parameters(pl_module) if "weight" in pair[1]]
            super().setup(trainer, pl_module, stage)

    _, _, again = run(tmp_path, Prune("l1_unstructured", amount=0.5, use_lottery_ticket_hypothesis=False))
    assert (again.softmax.weight == 0).float().mean() > 0.4
    assert not any(name.endswith(("_orig", "_mask")) for name in again.state_dict())
    assert again.predict_texts(["a good film"])


class Thaw(BaseFinetuning):
    """Callback that freezes the LSTM for an epoch."""

    def freeze_before_training(self, pl_module):
        self.freeze(pl_module.lstm)

    def finetune_function(self, pl_module, epoch, optimizer):
        if epoch == 1:
            self.unfreeze_and_add_param_group(pl_module.lstm, optimizer, lr=1e-3, initial_denom_lr=1)


def lstm(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.lstm.parameters()])


@pytest.mark.parametrize("epochs", [1, 2])
def test_finetuning_freezes_and_thaws_a_layer_with_a_group_of_its_own(tmp_path, epochs):
    starts = []
    note = LambdaCallback(on_fit_start=lambda trainer, module: starts.append(lstm(module)))
    model, trainer, again = run(tmp_path, Thaw(), epochs, trainer={"callbacks": [note, Thaw()]})
    assert torch.equal(lstm(model), starts[0]) == (epochs == 1)
    assert len(trainer.optimizers[0].param_groups) == 2 + (epochs == 2)
    assert torch.equal(lstm(again), lstm(model))


class WithBackbone(TextClassifier):
    """Model with the attribute that `BackboneFinetuning` expects."""

    @property
    def backbone(self):
        return self.lstm


def test_backbone_finetuning_thaws_what_a_subclass_calls_its_backbone(tmp_path):
    thaw = BackboneFinetuning(unfreeze_backbone_at_epoch=1, backbone_initial_lr=1e-3, verbose=False)
    model, trainer = WithBackbone(hidden_size=4, transfer="frozen"), make_trainer(tmp_path, callbacks=[thaw])
    trainer.fit(model, make_data(tmp_path))
    network, backbone = trainer.optimizers[0].param_groups
    assert {id(p) for p in model.lstm.parameters()} <= {id(p) for p in backbone["params"]}
    assert all(parameter.requires_grad for parameter in model.lstm.parameters()) and len(network["params"]) == 2


def test_the_learning_rate_finder_sets_the_rate_that_training_uses(tmp_path):
    finder = LearningRateFinder(min_lr=1e-5, max_lr=0.5, num_training_steps=20, early_stop_threshold=None)
    model, trainer, _ = run(tmp_path, finder, epochs=5)
    assert finder.optimal_lr.suggestion() == model.lr != 0.01
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(model.lr)


def test_the_tuner_finds_a_rate(tmp_path):
    model, data = TextClassifier(hidden_size=4, transfer="init"), make_data(tmp_path)
    trainer = make_trainer(tmp_path, max_epochs=5)
    found = Tuner(trainer).lr_find(model, data, num_training=20, early_stop_threshold=None)
    assert model.lr == found.suggestion() != 1e-3


def test_the_batch_size_finder_sets_the_data_modules_size(tmp_path):
    data = make_data(tmp_path, batch_size=2)
    trainer = make_trainer(tmp_path, callbacks=[BatchSizeFinder(mode="power", max_trials=2, steps_per_trial=1)])
    trainer.fit(TextClassifier(hidden_size=4, transfer="init"), data)
    assert data.batch_size == 4 and trainer.num_training_batches == 18  # 72 texts


def test_an_exception_leaves_a_checkpoint_from_which_the_run_goes_on(tmp_path):
    def stop(trainer, module, *args):
        if trainer.global_step == 7:
            raise RuntimeError("stop")

    callbacks = [LambdaCallback(on_train_batch_end=stop), OnExceptionCheckpoint(tmp_path, "caught")]
    with pytest.raises(RuntimeError, match="^stop$"):
        fit(tmp_path, trainer={"callbacks": callbacks})
    [path] = tmp_path.glob("caught*.ckpt")
    trainer = make_trainer(tmp_path, max_epochs=3)
    trainer.fit(TextClassifier(hidden_size=8, lr=0.01), make_data(tmp_path), ckpt_path=path)
    assert trainer.global_step == 15


class Spiky(TextClassifier):
    """Model whose loss has an outlier in one step."""

    def loss(self, logits, labels):
        return super().loss(logits, labels) * (1e4 if self.training and self.trainer.global_step == 7 else 1)


def test_a_spike_of_the_loss_ends_the_training(tmp_path):
    trainer = make_trainer(tmp_path, callbacks=[SpikeDetection(warmup=1)])
    with pytest.raises(TrainingSpikeException):
        trainer.fit(Spiky(hidden_size=4, transfer="frozen"), make_data(tmp_path))
    assert trainer.global_step == 8


class Kept(BasePredictionWriter):
    """Prediction writer that stores the rows."""

    def write_on_epoch_end(self, trainer, pl_module, predictions, batch_indices):
        self.rows = sorted(row for batch in predictions for row in batch["rows"].tolist())


def test_a_custom_prediction_writer_gets_the_predictions(tmp_path):
    model, _ = fit(tmp_path, trainer={"max_epochs": 1})
    writer = Kept("epoch")
    data = make_data(tmp_path, predict_file=str(tmp_path / "corpus.tsv"))
    make_trainer(tmp_path, callbacks=[writer]).predict(model, data)
    assert writer.rows == list(range(120))


@pytest.mark.parametrize(("summary", "bar"), [(ModelSummary, TQDMProgressBar), (RichModelSummary, RichProgressBar)])
def test_callbacks_that_log_show_stop_or_keep_get_the_names_and_figures_of_the_model(
    tmp_path, summary, bar, capsys, caplog
):
    stopping = EarlyStopping("val_accuracy", mode="max", patience=1, min_delta=2.0)  # no improvement is that large
    timer, best = Timer({"hours": 1}, verbose=False), ModelCheckpoint(tmp_path / "best", monitor="val_loss")
    callbacks = [
        DeviceStatsMonitor(cpu_stats=True),
        LearningRateMonitor(),
        ThroughputMonitor(lambda batch: len(batch.rows), lambda batch: batch.token_ids.numel(), window_size=5),
        GradientAccumulationScheduler({0: 1, 1: 5}),
        *(stopping, timer, best, summary(), bar()),
    ]
    flags = {"logger": CSVLogger(tmp_path), "log_every_n_steps": 1, "callbacks": callbacks, "max_epochs": 9}
    flags |= {"enable_model_summary": True, "enable_progress_bar": True}
    with caplog.at_level("INFO"):
        _, trainer = fit(tmp_path, trainer=flags, transfer="init")
    assert stopping.stopped_epoch == 1 and trainer.current_epoch == 2
    assert trainer.global_step == 5 + 1, "five batches, and then five accumulated ones"
    assert timer.time_elapsed("train") > 0
    names = logged(tmp_path)
    assert {"lr-Adam/network", "lr-Adam/embedding", "train/device/samples_per_sec"} <= set(names)
    assert "DeviceStatsMonitor.on_train_batch_start/cpu_percent" in names
    shown = "".join(capsys.readouterr()) + caplog.text
    assert "lstm" in shown and "softmax" in shown and "Trainable params" in shown and "val_accuracy" in shown
    assert best.best_model_score <= trainer.callback_metrics["val_loss"]
    assert TextClassifier.load_from_checkpoint(best.best_model_path).labels == ["negative", "positive"]
