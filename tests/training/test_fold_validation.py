"""Validation on folds, against trainings outside each fold that are written out."""

import copy
import functools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

import lit_transfer
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.tasks.calibration import fit_temperature, softmax_sums
from lit_transfer.training.fold_validation import FoldValidation, PooledValidation, folds_sentence
from tests.samples import BAD, GOOD, PLAIN, make_data, make_trainer, write_corpus

# Without dropout, training depends on the initial weights and the order of the batches only.
MODEL = {"transfer": "init", "hidden_size": 4, "lr": 0.02, "dropout": 0.0}


def fit_on_folds(folder, monitor="val_accuracy", epochs=4, trainer=None, **model):
    data = make_data(folder, val_folds=4, test_fraction=0.0)
    best = {"monitor": monitor, "mode": "min" if monitor == "val_loss" else "max"}
    callbacks = [EarlyStopping(**best, patience=1), ModelCheckpoint(**best, filename="best")]
    seed_everything(1, verbose=False)
    made = TextClassifier(**{**MODEL, **model})
    made.build_from(data)
    start = copy.deepcopy(made)
    run = make_trainer(folder, **{"max_epochs": epochs, "callbacks": callbacks, **(trainer or {})})
    run.fit(made, data)
    return made, start, data, run


def train(start, data, epochs, **options):
    model = copy.deepcopy(start)
    model.quiet = True
    Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        **options,
    ).fit(model, data)
    return model.eval()


def logits_of(model, data):
    with torch.no_grad():
        batches = [(model(*batch.inputs).numpy(), batch.labels.numpy()) for batch in data.val_dataloader()]
    return [np.concatenate(part) for part in zip(*batches, strict=True)]


@pytest.mark.parametrize("monitor", ["val_accuracy", "val_loss"])
def test_epochs_and_temperature_are_those_of_trainings_outside_each_fold(tmp_path, monitor):
    model, start, data, run = fit_on_folds(tmp_path, monitor)
    scores, outputs = [], []
    for epochs in range(1, 5):
        found = [logits_of(train(start, fold, epochs), fold) for fold in data.folds()]
        logits, labels = (np.concatenate(part) for part in zip(*found, strict=True))
        outputs.append((logits, labels))
        accuracy = (logits.argmax(axis=1) == labels).mean()
        loss = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(labels)).item()
        scores.append(accuracy if monitor == "val_accuracy" else -loss)
    chosen = int(np.argmax(scores)) + 1
    folds = model.trained_on["folds"]
    assert len(outputs[0][1]) == len(data.split("train")) == 120
    assert (folds["number"], folds["epochs"], run.current_epoch) == (4, chosen, chosen)
    assert folds[monitor] == pytest.approx(abs(scores[chosen - 1]), rel=1e-5)
    assert model.temperature == pytest.approx(fit_temperature(softmax_sums(*outputs[chosen - 1])), rel=1e-3)


def test_the_final_model_is_trained_on_all_texts_for_the_chosen_epochs(
    tmp_path,
):
    model, start, _, run = fit_on_folds(tmp_path)
    alone = train(start, make_data(tmp_path, val_fraction=0.0, test_fraction=0.0), run.current_epoch)
    for name, value in alone.state_dict().items():
        if not name.startswith(("val_", "test_", "train_")):
            assert torch.equal(model.state_dict()[name], value), name
    loaded = TextClassifier.load_from_checkpoint(run.checkpoint_callback.best_model_path)
    assert loaded.temperature == model.temperature != 1
    assert torch.equal(loaded.softmax.weight, model.softmax.weight)


@pytest.mark.parametrize("lr", [0.0, 0.02])
def test_no_training_after_the_regression_is_a_candidate_and_changes_no_weight(tmp_path, lr):
    model, start, data, run = fit_on_folds(tmp_path, softmax_start="regression", monitor="val_loss", epochs=2, lr=lr)
    candidates = [(0, 0.0, 1), (1, lr, 1), (2, lr, 2)]
    start.quiet = True
    losses = []
    for _, rate, epochs in candidates:
        start.lr = rate
        found = [logits_of(train(start, fold, epochs), fold) for fold in data.folds()]
        logits, labels = (torch.tensor(np.concatenate(part)) for part in zip(*found, strict=True))
        losses.append(torch.nn.functional.cross_entropy(logits, labels).item())
    best = int(np.argmin(losses)) if lr else 0
    assert model.trained_on["folds"]["epochs"] == best
    assert model.trained_on["folds"]["val_loss"] == pytest.approx(losses[best], rel=1e-5)
    _, start.lr, epochs = candidates[best]
    alone = train(start, make_data(tmp_path, val_fraction=0.0, test_fraction=0.0), epochs)
    for name in ("softmax.weight", "lstm.weight_ih_l0", "embedding.weight"):
        assert torch.equal(model.state_dict()[name], alone.state_dict()[name]), name
    loaded = TextClassifier.load_from_checkpoint(run.checkpoint_callback.best_model_path)
    assert torch.equal(loaded.softmax.weight, model.softmax.weight) and loaded.temperature == model.temperature


@pytest.mark.parametrize(
    ("scores", "monitor", "best"),
    [
        ({0: 0.5, 1: 0.54, 2: 0.52}, "val_accuracy", 0),  # the standard error is 0.05
        ({0: 0.5, 1: 0.54, 2: 0.56, 3: 0.56}, "val_f1", 2),
        ({1: 0.5, 2: 0.51}, "val_accuracy", 2),
        ({0: 0.7, 1: 0.69, 2: 0.8}, "val_loss", 1),
    ],
)
def test_training_after_the_regression_must_be_better_by_a_standard_error(monkeypatch, scores, monitor, best):
    pooled = PooledValidation(at_start=0 in scores)
    pooled._epochs = dict.fromkeys(scores)
    monkeypatch.setattr(pooled, "at", lambda epochs: ({monitor: scores[epochs]}, {}))
    assert pooled.best(monitor, texts=100) == best


def test_the_regression_alone_is_not_changed_by_clipping_or_row_updates(tmp_path):
    model, start, _, run = fit_on_folds(
        tmp_path, softmax_start="regression", epochs=1, lr=10.0, sparse=True, trainer={"gradient_clip_val": 1.0}
    )
    assert model.trained_on["folds"]["epochs"] == 0 and run.current_epoch == 1
    assert torch.equal(model.lstm.weight_hh_l0, start.lstm.weight_hh_l0)
    assert torch.equal(model.embedding.weight, start.embedding.weight)


def test_each_training_text_is_in_one_fold_and_folds_are_stratified(tmp_path):
    data = make_data(tmp_path, val_folds=4, test_fraction=0.0)
    folds = data.folds()
    texts = [list(fold.split("val").texts) for fold in folds]
    assert sorted(text for fold in texts for text in fold) == sorted(data.split("train").texts)
    for fold in folds:
        assert np.bincount(fold.split("val").labels).tolist() == [15, 15]
        assert len(fold.split("train")) == 90 and fold.folds() == []


def test_texts_of_a_fold_are_dropped_from_its_training_with_drop_overlap(tmp_path):
    header, *rows = write_corpus(tmp_path / "once.tsv").read_text().splitlines()
    (tmp_path / "twice.tsv").write_text("\n".join([header, *rows, *rows[:40]]) + "\n")
    for drop in (False, True):
        data = make_data(
            tmp_path, train_file=str(tmp_path / "twice.tsv"), val_folds=4, test_fraction=0.0, drop_overlap=drop
        )
        parts = [(list(fold.split("train").texts), set(fold.split("val").texts)) for fold in data.folds()]
        others = [[text for text in data.split("train").texts if text not in val] for _, val in parts]
        assert ([sorted(train) for train, _ in parts] == [sorted(texts) for texts in others]) is drop
        assert len(data.split("train")) == 160  # of the last training


@pytest.mark.parametrize(
    "options",
    [{"limit_train_batches": 2}, {"accumulate_grad_batches": 3}, {"gradient_clip_val": 1e-6}],
    ids=lambda options: next(iter(options)),
)
def test_folds_are_trained_with_the_settings_of_the_trainer(tmp_path, options):
    model, start, data, _ = fit_on_folds(tmp_path, epochs=1, trainer=options)
    found = [logits_of(train(start, fold, 1, **options), fold) for fold in data.folds()]
    logits, labels = (torch.tensor(np.concatenate(part)) for part in zip(*found, strict=True))
    expected = torch.nn.functional.cross_entropy(logits, labels).item()
    assert model.trained_on["folds"]["val_loss"] == pytest.approx(expected, rel=1e-6)


def test_a_run_of_one_batch_to_find_errors_has_folds_of_one_batch(tmp_path):
    model, *_ = fit_on_folds(tmp_path, trainer={"fast_dev_run": True})
    assert model.trained_on["folds"]["epochs"] == 1


def test_a_resumed_run_has_the_epochs_and_the_calibration_of_its_own_folds(tmp_path):
    def run(epochs, path=None):
        seed_everything(1, verbose=False)
        model = TextClassifier(**MODEL)
        best = ModelCheckpoint(tmp_path / str(epochs), monitor="val_loss")
        trainer = make_trainer(tmp_path, max_epochs=epochs, callbacks=[best])
        trainer.fit(model, make_data(tmp_path, val_folds=4, test_fraction=0.0), ckpt_path=path)
        return model, best.best_model_path

    first, path = run(1)
    whole, _ = run(4)
    resumed, last = run(4, path)
    assert first.trained_on["folds"]["epochs"] == 1 and whole.trained_on["folds"]["epochs"] == 4
    assert resumed.trained_on == whole.trained_on and resumed.calibration == whole.calibration != first.calibration
    assert TextClassifier.load_from_checkpoint(last).calibration == whole.calibration


def test_the_summary_names_the_folds_and_the_trainer_is_restored(tmp_path, capsys):
    _, _, _, run = fit_on_folds(tmp_path)
    said = capsys.readouterr().out
    assert "the training texts, in 4 folds" in said and "validation  none" not in said
    assert "fold  4 of 4" in said and f"over all training texts after {run.current_epoch} of 4 epochs" in said
    assert folds_sentence({"monitor": "val_loss", "val_loss": 0.5, "epochs": 0, "max_epochs": 9}) == (
        "val_loss 0.5000 over all training texts by the regression of the softmax layer alone: none of 9 epochs is better by "
        "a standard error"
    )
    assert run.max_epochs == 4


def test_with_a_schedule_all_epochs_are_trained(tmp_path):
    schedule = functools.partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=0.05)
    model, _, _, run = fit_on_folds(tmp_path, lr_scheduler=schedule)
    assert run.current_epoch == model.trained_on["folds"]["epochs"] == 4


def test_random_numbers_after_the_folds_are_those_of_a_run_without_them(tmp_path):
    model, *_ = fit_on_folds(tmp_path, epochs=1, dropout=0.5)
    seed_everything(1, verbose=False)
    again = TextClassifier(**{**MODEL, "dropout": 0.5})
    data = make_data(tmp_path, val_fraction=0.0, test_fraction=0.0)
    again.build_from(data)
    make_trainer(tmp_path, max_epochs=1).fit(again, data)
    assert torch.equal(again.softmax.weight, model.softmax.weight)


def test_fit_in_python_and_several_labels_take_folds():
    texts = [f"{word} {plain}" for word in (*GOOD, *BAD) for plain in PLAIN[:4]]
    several = [["good"] if word in GOOD else ["bad", "sad"] for word in (*GOOD, *BAD) for _ in PLAIN[:4]]
    fitted = lit_transfer.fit(
        (texts, several),
        val_folds=3,
        max_epochs=3,
        hidden_size=4,
        trainer={"enable_progress_bar": False, "accelerator": "cpu"},
    )
    assert fitted.model.trained_on["folds"]["number"] == 3 and "val_f1" in fitted.model.trained_on["folds"]
    assert set(fitted.model.calibration) >= {"temperature", "threshold"}


@pytest.mark.parametrize(
    ("data", "trainer", "model", "message"),
    [
        ({"val_folds": 70}, {}, {}, r"val_folds is 70, but there are 120 training texts\. Label more, or set fewer\."),
        ({"val_folds": 4}, {"max_epochs": -1, "max_steps": 3}, {}, "needs a maximum number of epochs"),
        ({"val_folds": 4}, {"max_steps": 12}, {}, r"trainer\.max_steps is 12\. Set trainer\.max_epochs alone"),
        ({"val_folds": 4}, {}, {"teacher": "teacher.ckpt"}, r"the teacher teacher\.ckpt gives the targets"),
        (
            {"val_folds": 4},
            {"callbacks": [EarlyStopping("val_precision")]},
            {},
            "monitors val_precision, which folds do not have; expected one of val_loss, val_accuracy",
        ),
    ],
)
def test_what_folds_cannot_do_is_an_error(tmp_path, data, trainer, model, message):
    module = make_data(tmp_path, test_fraction=0.0, **data)
    with pytest.raises(ConfigError, match=message):
        make_trainer(tmp_path, **trainer).fit(TextClassifier(**MODEL, **model), module)


def test_folds_beside_a_validation_file_are_an_error():
    with pytest.raises(ConfigError, match=r"val_folds is 3, but there is a val_file: val\.tsv\. Give one of them\."):
        TextDataModule(train_file="train.tsv", val_file="val.tsv", val_folds=3)


def test_folds_in_several_processes_are_an_error(tmp_path):
    trainer = SimpleNamespace(
        datamodule=make_data(tmp_path, val_folds=4), max_epochs=2, max_steps=-1, fast_dev_run=False, world_size=2
    )
    with pytest.raises(
        ConfigError, match=r"val_folds is 4, but training runs in 2 processes\. .* set trainer\.devices to 1"
    ):
        FoldValidation().setup(trainer, TextClassifier(**MODEL), "fit")
