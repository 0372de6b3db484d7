"""The result of a resumed run is bitwise equal to that of an uninterrupted run, from any checkpoint."""

import random
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import Logger
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.errors import CheckpointError
from lit_transfer.training import resume
from tests.samples import make_data, make_trainer, write_corpus

EPOCHS = 3


class Log(Callback):
    """Callback that stores the input and the output of each step."""

    def __init__(self):
        self.steps = {}

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        rates = [group["lr"] for group in trainer.optimizers[0].param_groups]
        self.steps[trainer.current_epoch, batch_idx] = (batch.rows.tolist(), outputs["loss"].item(), rates)


class Figures(Logger):
    """Logger that stores the values by step."""

    name, version = "figures", 0

    def __init__(self):
        super().__init__()
        self.logged = {}

    def log_metrics(self, metrics, step=None):
        assert not self.logged.get(step, {}).keys() & metrics.keys() - {"epoch"}, "logged twice"
        self.logged.setdefault(step, {}).update(metrics)

    def log_hyperparams(self, *args):
        pass


class Patient(TextClassifier):
    """Classifier whose schedule is stepped in every second epoch."""

    def configure_optimizers(self):
        optimizer = super().configure_optimizers()
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", 0.5, patience=0)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "monitor": "val_loss", "frequency": 2},
        }


def run(folder, checkpoints=None, ckpt_path=None, seed=1, data=None, trainer=None, callbacks=(), kind=None, **model):
    """Train; return the model, its trainer and the logged values."""
    seed_everything(seed, verbose=False)
    log = Log()
    module = (kind or TextClassifier)(**{"hidden_size": 8, "lr": 0.01, "transfer": "init", "num_layers": 2, **model})
    callbacks = [log, *callbacks]
    if checkpoints is not None:
        callbacks.append(ModelCheckpoint(**checkpoints))
    made = make_trainer(
        folder,
        callbacks=callbacks,
        enable_checkpointing=checkpoints is not None,
        logger=Figures(),
        **{"max_epochs": EPOCHS, **(trainer or {})},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message=".* stores the progress")  # the fallback would hide an error in ours
        made.fit(module, make_data(folder, **(data or {})), ckpt_path=ckpt_path)
    return module, made, log


def same(whole, resumed, batches, step_of_checkpoint, mid_epoch=False):
    """Check that a resumed run is bitwise equal to the rest of the uninterrupted one."""
    (ours, a, log), (theirs, b, part) = whole, resumed
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())
    later = dict(list(log.steps.items())[batches:])
    assert part.steps == later
    assert a.global_step == b.global_step and a.current_epoch == b.current_epoch
    logged, again = a.logger.logged, b.logger.logged
    after = [step for step in logged if step >= step_of_checkpoint]
    assert after == [step for step in again if step >= step_of_checkpoint]
    # Values logged at the step of the checkpoint follow it, except those of validations.
    assert again.get(step_of_checkpoint - 1, {}) == logged.get(step_of_checkpoint - 1, {}) or not mid_epoch
    for step, figures in again.items():
        known = {name: logged[step].get(name) for name in (logged[step] if step in after else figures)}
        assert figures == known, step


STEPS = {"every_n_train_steps": 1, "save_top_k": -1, "filename": "{step}", "dirpath": None}
CASES = {
    "plain": {},
    "frozen": {"transfer": "frozen"},
    "sparse": {"sparse": True},
    "workers": {"data": {"num_workers": 1}},
    "max_steps": {"trainer": {"max_steps": 13, "max_epochs": -1}},
    "max_steps and max_epochs": {"trainer": {"max_steps": 99}},
    "validation within epochs": {"trainer": {"val_check_interval": 2}},
    "accumulation": {"trainer": {"accumulate_grad_batches": 2}},
    "schedule": {
        "lr_scheduler": lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=30),
        "lr_scheduler_interval": "step",
    },
    "schedule of epochs": {"lr_scheduler": lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)},
    "unfreezing": {"transfer": "slow", "embedding_lr": 0.01, "embedding_unfreeze_epoch": 1, "lr_decay_per_layer": 2.0},
    "plateau": {  # monitors the loss for an increase, which does not occur
        "lr_scheduler": lambda optimizer: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", 0.5, patience=0)
    },
    "plateau of every second epoch": {"kind": Patient, "trainer": {"max_epochs": 5}},
    "momentum": {"optimizer": lambda groups: torch.optim.SGD(groups, momentum=0.9)},
}


@pytest.mark.parametrize("case", CASES)
def test_resuming_from_a_step_gives_the_bits_of_the_whole_run(tmp_path, case):
    whole = run(tmp_path, STEPS, **CASES[case])
    files = {int(path.stem.split("=")[1]): path for path in (tmp_path).rglob("*.ckpt")}
    batches = CASES[case].get("trainer", {}).get("accumulate_grad_batches", 1)
    assert len(files) == whole[1].global_step
    for step in (4, 5, 7):
        at = {1: step, 2: {1: 2, 4: 7, 5: 9, 7: 12}[step]}[batches]
        same(whole, run(tmp_path, STEPS, files[step], seed=7, **CASES[case]), at, step, mid_epoch=True)


@pytest.mark.parametrize(
    "checkpoints",
    [{"every_n_epochs": 1}, {"every_n_epochs": 1, "save_on_train_epoch_end": False}, {"monitor": "val_loss"}],
    ids=["after the epoch", "after validation", "best"],
)
@pytest.mark.parametrize(
    "case",
    [
        "plain",
        "workers",
        "max_steps",
        "max_steps and max_epochs",
        "schedule of epochs",
        "plateau",
        "plateau of every second epoch",
    ],
)
def test_resuming_from_an_epochs_end_gives_the_bits_of_the_whole_run(tmp_path, checkpoints, case):
    checkpoints = {**checkpoints, "save_top_k": -1, "filename": "{epoch}"}
    whole = run(tmp_path, checkpoints, **CASES[case])
    for epoch in (0, 1):
        path = tmp_path / "figures" / "version_0" / "checkpoints" / f"epoch={epoch}.ckpt"
        same(whole, run(tmp_path, checkpoints, path, seed=7, **CASES[case]), 5 * (epoch + 1), 5 * (epoch + 1))


class Validations(Callback):
    """Callback that stores the number of steps before each validation."""

    def __init__(self):
        self.steps = []

    def on_validation_start(self, trainer, pl_module):
        self.steps.append(trainer.global_step)


def test_a_validation_within_an_epoch_that_wrote_the_checkpoint_is_not_repeated(tmp_path):
    checkpoints, case = (
        {"monitor": "val_loss", "save_top_k": -1, "filename": "{step}"},
        CASES["validation within epochs"],
    )
    whole = run(tmp_path, checkpoints, callbacks=[before := Validations()], **case)
    (path,) = tmp_path.rglob("step=2.ckpt")
    resumed = run(tmp_path, checkpoints, path, seed=7, callbacks=[after := Validations()], **case)
    same(whole, resumed, 2, 2)
    assert before.steps[:4] == [0, 2, 4, 7]  # 0 is the check before training
    assert after.steps == before.steps[2:]


class Draws(Callback):
    """Callback that stores a random number of Python and of numpy in each step."""

    def __init__(self):
        self.drawn = []

    def on_train_batch_start(self, *args):
        self.drawn.append((random.random(), np.random.random()))


def test_what_python_and_numpy_draw_after_a_checkpoint_is_what_the_whole_run_draws(tmp_path):
    run(tmp_path, STEPS, callbacks=[whole := Draws()])
    (path,) = tmp_path.rglob("step=4.ckpt")
    run(tmp_path, STEPS, path, seed=7, callbacks=[resumed := Draws()])
    assert len(set(whole.drawn)) == 15 and resumed.drawn == whole.drawn[4:]


def test_a_run_that_early_stopping_ended_is_not_trained_for_one_epoch_more(tmp_path):
    def stop():
        return [EarlyStopping("val_loss", mode="max", patience=1)]  # the loss decreases: stops after two epochs

    each = {"every_n_epochs": 1, "save_top_k": -1, "filename": "{epoch}"}
    _, whole, _ = run(tmp_path, each, callbacks=stop())
    assert whole.current_epoch == 2
    _, resumed, log = run(tmp_path, each, whole.checkpoint_callback.best_model_path, callbacks=stop())
    assert resumed.current_epoch == 2 and not log.steps
    _, resumed, log = run(tmp_path, each, Path(whole.checkpoint_callback.dirpath) / "epoch=0.ckpt", callbacks=stop())
    assert resumed.current_epoch == 2 and len(log.steps) == 5


def test_the_best_checkpoint_of_the_interrupted_run_stays_the_best_in_another_folder(tmp_path):
    best = {"monitor": "val_loss", "mode": "max"}  # the loss decreases, so the first epoch is the best
    _, whole, _ = run(tmp_path, {**best, "dirpath": tmp_path / "first"})
    last = tmp_path / "last.ckpt"
    run(tmp_path, {**best, "dirpath": tmp_path / "first"}, trainer={"max_epochs": 2})[1].save_checkpoint(last)
    _, resumed, _ = run(tmp_path, {**best, "dirpath": tmp_path / "second"}, last)
    assert resumed.checkpoint_callback.best_model_score == whole.checkpoint_callback.best_model_score
    assert Path(resumed.checkpoint_callback.best_model_path).parent.name == "first"
    assert not list((tmp_path / "second").glob("*.ckpt"))


def test_another_number_of_batches_cannot_go_on_within_an_epoch(tmp_path):
    run(tmp_path, STEPS)
    files = {path.stem: path for path in tmp_path.rglob("*.ckpt")}
    with pytest.raises(CheckpointError, match="after 2 of 5 batches of an epoch, but an epoch now has 3"):
        run(tmp_path, STEPS, files["step=7"], data={"batch_size": 30})


@pytest.mark.parametrize("changed", ["the trainer's loops", "the checkpoint's counters"])
def test_an_unsupported_version_of_lightning_causes_a_warning_and_the_run_resumes(tmp_path, monkeypatch, changed):
    _, whole, log = run(tmp_path, STEPS)
    path = next(path for path in tmp_path.rglob("*.ckpt") if path.stem == "step=7")
    if changed == "the trainer's loops":
        monkeypatch.setattr(resume, "PRIVATE", (*resume.PRIVATE, "fit_loop._no_more"))
    else:
        monkeypatch.setattr(resume, "_correct_progress", lambda loops: loops.clear() or loops["epoch_progress"])
    model = TextClassifier(hidden_size=8, lr=0.01, transfer="init", num_layers=2)
    trainer = make_trainer(tmp_path, max_epochs=EPOCHS, callbacks=[part := Log()])
    with pytest.warns(UserWarning, match=r"Lightning [\d.]+ stores the progress .*(_no_more|epoch_progress).* equal"):
        trainer.fit(model, make_data(tmp_path), ckpt_path=path)
    assert trainer.current_epoch == whole.current_epoch and trainer.global_step == whole.global_step
    assert list(part.steps) == list(log.steps)[7:]


@pytest.mark.parametrize("missing", ["all of it", "the states of this process"])
def test_a_checkpoint_without_the_state_of_a_process_can_be_resumed(tmp_path, missing):
    """A checkpoint of fewer processes, or of a run without this package's callback."""
    _, whole, _ = run(tmp_path, STEPS)
    path = next(path for path in tmp_path.rglob("*.ckpt") if path.stem == "step=7")
    checkpoint = torch.load(path, weights_only=True)
    if missing == "all of it":
        del checkpoint[resume.KEY]
    else:
        checkpoint[resume.KEY]["ranks"] = []
    torch.save(checkpoint, path)
    _, resumed, _ = run(tmp_path, STEPS, path)
    assert resumed.current_epoch == whole.current_epoch and resumed.global_step == whole.global_step


def test_a_run_with_a_custom_sampler_resumes(tmp_path):
    class InOrder(TextDataModule):
        def train_dataloader(self):
            texts = super().train_dataloader().dataset
            return DataLoader(texts, sampler=BatchSampler(SequentialSampler(texts), 16, False), batch_size=None)

    def fit(**arguments):
        seed_everything(1, verbose=False)
        own = InOrder(train_file=str(write_corpus(tmp_path / "corpus.tsv")), val_fraction=0.2)
        trainer = make_trainer(tmp_path, max_epochs=2, callbacks=[ModelCheckpoint(**STEPS)])
        trainer.fit(model := TextClassifier(hidden_size=8, transfer="random", embedding_dim=4), own, **arguments)
        return model, trainer

    model, trainer = fit()
    path = next(path for path in tmp_path.rglob("*.ckpt") if path.stem == f"step={trainer.global_step // 2}")
    resumed, again = fit(ckpt_path=path)
    assert again.global_step == trainer.global_step
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in model.state_dict().items())


def test_of_settings_that_may_change_one_that_only_one_run_knows_is_no_difference():
    before = {"data": {"batch_size": 16, "training texts": 72}, "network": {"hidden_size": 8, "old": 1}}
    now = {"data": {"batch_size": 20, "new": 1}, "network": {"hidden_size": 8}}
    assert [str(one) for one in resume.find_differences(before, now)] == [
        "batch_size (of the data): 16 in the checkpoint, 20 here",
        "old (of the network): 1 in the checkpoint, None here",
    ]


def test_a_setting_that_another_version_of_torch_has_is_no_difference_and_another_group_of_parameters_is_one():
    before = {
        "optimizer": {"class": "Adam", "network lr": 0.1, "network decoupled_weight_decay": False},
        "scheduler": {"class": "StepLR", "gamma": 0.5, "_is_initial": False},
    }
    now = {
        "optimizer": {"class": "Adam", "network lr": 0.1, "embedding lr": 0.2},
        "scheduler": {"class": "StepLR", "gamma": 0.5, "verbose": False},
    }
    expected = ["embedding lr (of the optimizer): None in the checkpoint, 0.2 here"]
    assert [str(one) for one in resume.find_differences(before, now)] == expected


class Annealed(torch.optim.lr_scheduler.StepLR):
    """A schedule with a function in its state, as SWALR in torch 2.6."""

    def __init__(self, optimizer):
        self.function = self.anneal
        super().__init__(optimizer, step_size=1, gamma=0.5)

    @staticmethod
    def anneal(position):
        return position


def test_a_run_whose_schedule_has_a_function_is_resumed(tmp_path):
    run(tmp_path, STEPS, lr_scheduler=Annealed)
    path = next(path for path in tmp_path.rglob("*.ckpt") if path.stem == "step=7")
    [state] = torch.load(path, weights_only=True)["lr_schedulers"]
    assert state["step_size"] == 1 and "function" not in state
    run(tmp_path, STEPS, path, lr_scheduler=Annealed)


def test_the_settings_of_optimizer_and_scheduler_are_plain_values_that_affect_the_result():
    group = {"params": [torch.nn.Parameter(torch.zeros(1))], "name": "network"}
    optimizer = torch.optim.Adam([group], lr=0.1, betas=(0.8, 0.9), foreach=False)
    found = resume.optimizer_settings(optimizer)
    expected = {"class": "Adam", "network lr": 0.1, "network betas": [0.8, 0.9], "network eps": 1e-8}
    assert expected.items() <= found.items()
    without_effect = ("params", "name", "fused", "foreach", "capturable", "differentiable")
    assert not set(found) & {f"network {name}" for name in without_effect}
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3)
    assert {"class": "StepLR", "step_size": 3}.items() <= resume.scheduler_settings(scheduler).items()


def test_differences_are_shown_by_one_process_and_only_if_there_are_any(capsys):
    before, now = {"data": {"batch_size": 16}}, {"data": {"batch_size": 20}}
    resume.compare_settings(before, before, show=True)
    resume.compare_settings(before, now, show=False)
    assert capsys.readouterr().out == ""
    resume.compare_settings(before, now, show=True)
    out = capsys.readouterr().out
    assert re.search(r"setting +┃ checkpoint +┃ this run +┃ from here on", out)
    assert re.search(r"batch_size \(data\) +│ 16 +│ 20 +│ this run's", out)
    with pytest.raises(CheckpointError, match=r"lr \(of the optimizer\): 0\.1 in the checkpoint, 0\.2 here"):
        resume.compare_settings({"optimizer": {"lr": 0.1}}, {"optimizer": {"lr": 0.2}}, show=True)
    assert re.search(r"lr \(optimizer\) +│ 0\.1 +│ 0\.2 +│ refused", capsys.readouterr().out)


def test_another_schedule_or_optimizer_is_refused(tmp_path):
    def schedule(gamma):
        return {"lr_scheduler": lambda optimizer: torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma)}

    run(tmp_path, STEPS, **schedule(0.5))
    path = next(path for path in tmp_path.rglob("*.ckpt") if path.stem == "step=7")
    with pytest.raises(CheckpointError, match=r"gamma \(of the scheduler\): 0\.5 in the checkpoint, 0\.9 here"):
        run(tmp_path, STEPS, path, **schedule(0.9))
    with pytest.raises(CheckpointError, match=r"class \(of the optimizer\): Adam in the checkpoint, SGD here"):
        run(tmp_path, STEPS, path, **schedule(0.5), optimizer=lambda groups: torch.optim.SGD(groups, lr=0.1))


def test_the_settings_of_a_checkpoint_are_read_from_both_places():
    settings = {"data": {"batch_size": 16}}
    assert resume.settings_in({resume.KEY: {"settings": settings}}) == settings
    assert resume.settings_in({"lit_transfer": {"settings": settings}}) == settings  # of an earlier version
    assert resume.settings_in({}) == {}


def test_a_checkpoint_is_written_with_the_settings_of_the_start_though_the_train_file_is_gone(tmp_path):
    kept = tmp_path / "kept.ckpt"

    class Leave(Callback):
        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                (tmp_path / "corpus.tsv").unlink()
                trainer.save_checkpoint(kept)

    run(tmp_path, callbacks=[Leave()])
    settings = torch.load(kept, weights_only=True)[resume.KEY]["settings"]
    assert settings["data"] == {
        "training texts": 72,
        "batch_size": 16,
        "max_tokens": None,
        "val_folds": None,
        "processes": 1,
    }
