"""Training on texts with any number of labels: all modes, warm starts, resuming, and the probe of pretraining."""

import re

import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score

from lit_transfer import TextClassifier
from lit_transfer.errors import LitTransferError
from lit_transfer.pretraining.probe import probe_scores
from lit_transfer.tasks import MultiLabel
from lit_transfer.transfer import MODES
from tests.pretraining.samples import pretrain, write_documents
from tests.samples import fit, make_data, make_trainer, start_of, write_sets_of_labels
from tests.training.test_resume import STEPS, run, same


@pytest.fixture
def several(tmp_path):
    return {"train_file": str(write_sets_of_labels(tmp_path / "sets.tsv")), "label_separator": "|"}


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_learns_and_the_embedding_moves_where_it_should(tmp_path, several, mode):
    options = {"embedding_lr": 1e-3} if mode == "slow" else {}
    model, trainer = fit(tmp_path, several, {"max_epochs": 12}, transfer=mode, lr=0.03, dropout=0.0, **options)
    assert trainer.callback_metrics["val_f1"] > (0.5 if mode == "random" else 0.8)
    assert "val_f1" in trainer.progress_bar_metrics and "val_accuracy" not in trainer.progress_bar_metrics
    assert set(model.calibration["threshold"]) == {"bad", "good"}
    if mode != "random":
        same_rows = torch.equal(model.embedding.weight, start_of(model, tmp_path, **several))
        assert same_rows == (mode == "frozen")


@pytest.mark.parametrize("name", ["val_f1", "val_f1_micro", "val_accuracy", "val_average_precision", "val_loss"])
def test_training_stops_by_each_logged_score(tmp_path, several, name):
    # No score gets better by 10, so that the second epoch is the last.
    stop = EarlyStopping(name, mode="min" if name == "val_loss" else "max", min_delta=10.0, patience=1)
    _, trainer = fit(tmp_path, several, {"max_epochs": 4, "callbacks": [stop]})
    assert trainer.current_epoch == 2 and trainer.callback_metrics[name] >= 0


def test_resuming_within_an_epoch_gives_the_bits_of_the_whole_run(tmp_path, several):
    case = {"data": several, "class_weight": "balanced", "label_smoothing": 0.1}
    whole = run(tmp_path, STEPS, **case)
    files = {int(path.stem.split("=")[1]): path for path in tmp_path.rglob("*.ckpt")}
    for step in (4, 7):
        resumed = run(tmp_path, STEPS, files[step], seed=7, **case)
        same(whole, resumed, step, step, mid_epoch=True)
        assert resumed[0].calibration == whole[0].calibration


def test_a_warm_start_takes_the_rows_of_classes_by_name(tmp_path, several):
    first, trainer = fit(tmp_path, several, transfer="init")
    trainer.save_checkpoint(tmp_path / "first.ckpt")
    write_sets_of_labels(tmp_path / "more.tsv")
    lines = (tmp_path / "more.tsv").read_text().splitlines()
    # A third class that comes before the others.
    (tmp_path / "more.tsv").write_text("\n".join(line + ("|a" if i % 8 == 1 else "") for i, line in enumerate(lines)))
    data = {**several, "train_file": str(tmp_path / "more.tsv")}
    second, _ = fit(tmp_path, data, {"max_steps": 0}, init_from=str(tmp_path / "first.ckpt"))
    assert second.labels == ["a", "bad", "good"]
    torch.testing.assert_close(second.softmax.weight[1:], first.softmax.weight)
    torch.testing.assert_close(second.lstm.state_dict(), first.lstm.state_dict())


def test_the_probe_is_a_regression_for_each_class(tmp_path):
    rng = np.random.default_rng(0)
    states = rng.normal(size=(300, 5)).astype(np.float32)
    targets = states[:, :3] + 0.3 * rng.normal(size=(300, 3)) > 0.4
    task = MultiLabel(("a", "b", "c"))
    found = probe_scores(
        task, *(torch.from_numpy(part) for part in (states[:200], targets[:200], states[200:], targets[200:]))
    )
    scaled = (states - states[:200].mean(0)) / states[:200].std(0, ddof=1)
    regressions = [LogisticRegression(C=0.01).fit(scaled[:200], column[:200]) for column in targets.T]
    logits = np.stack([regression.decision_function(scaled[200:]) for regression in regressions], axis=1)
    assert found["average_precision"] == pytest.approx(average_precision_score(targets[200:], logits), abs=0.011)
    calibration = task.fit_calibration(logits, targets[200:])
    decided = task.decide(task.probabilities(logits, calibration["temperature"]), calibration["threshold"])
    assert found["f1"] == pytest.approx(f1_score(targets[200:], decided, average="macro"), abs=0.011)


def test_pretraining_probes_a_target_with_several_labels(tmp_path, several, capsys):
    write_documents(tmp_path / "documents.txt")
    make_data(tmp_path)  # writes the vectors
    target = tmp_path / "target.yaml"
    target.write_text(
        f"data: {{train_file: {several['train_file']}, label_separator: '|', val_fraction: 0.2, cache: false}}\n"
    )
    _, trainer = pretrain(tmp_path, data={"target": str(target)}, trainer={"max_epochs": 2}, objectives="document")
    figures = trainer.callback_metrics
    assert all(0.25 < figures[f"probe_{name}"] <= 1 for name in ("accuracy", "f1"))
    assert re.search(r"probe  \S+  f1 \d+\.\d% after \d+\.\d minutes\n", capsys.readouterr().out)


@pytest.mark.parametrize("first", ["one label", "several labels"])
def test_a_checkpoint_of_the_other_task_is_an_error(tmp_path, several, first):
    data = {"one label": {}, "several labels": several}
    _, trainer = fit(tmp_path, data[first], {"max_epochs": 1})
    trainer.save_checkpoint(tmp_path / "first.ckpt")
    other = next(name for name in data if name != first)
    module = TextClassifier(hidden_size=8)
    with pytest.raises(LitTransferError, match="label"):
        make_trainer(tmp_path).test(module, make_data(tmp_path, **data[other]), ckpt_path=tmp_path / "first.ckpt")
