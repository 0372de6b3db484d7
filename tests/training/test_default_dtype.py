"""A default dtype of float64, which scientific code sets, changes no result beyond rounding."""

import json
import shutil

import numpy as np
import pytest
import torch

import lit_transfer
from lit_transfer import TextDataModule, TextTransferClassifier, runtime
from lit_transfer.baselines.baseline import Inputs
from lit_transfer.baselines.catalogue import class_of, make_baseline
from lit_transfer.baselines.fine_tuning import finetuned, setfit
from lit_transfer.cli.main import main
from lit_transfer.curation.labelling.network import network_states
from lit_transfer.layers import precision
from lit_transfer.prediction.explain import explain
from tests.compare.samples import configuration, write_inputs
from tests.conftest import FIRST
from tests.pretraining.samples import pretrain, write_documents
from tests.samples import (
    BAD,
    GOOD,
    PLAIN,
    fit,
    make_data,
    make_trainer,
    write_corpus,
    write_static_model,
    write_transformer,
)

TEXTS = ["a good film", "zzz awful plot", ""]
OPTIONS = [
    {
        "transfer": "init",
        "softmax_start": "regression",
        "class_weight": "balanced",
    },
    {"transfer": "frozen", "checkpoint_embedding": "reference"},
    {"transfer": "slow", "embedding_lr": 0.01, "label_smoothing": 0.1},
    {"transfer": "random", "sparse": True},
]


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options["transfer"])
def test_model_is_trained_tested_stored_and_explained(tmp_path, double, options):
    model, trainer = fit(tmp_path, trainer={"max_epochs": 2}, **options)
    trainer.test(model, datamodule=trainer.datamodule, verbose=False)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    expected = [list(one.probabilities.values()) for one in model.predict_texts(TEXTS)]
    predictor = lit_transfer.load(tmp_path / "model.ckpt")
    np.testing.assert_allclose(predictor.predict_proba(TEXTS), expected, atol=1e-6)
    explain(predictor, TEXTS[0])
    trainer = make_trainer(tmp_path, max_epochs=3)
    trainer.fit(
        type(model)(hidden_size=8, lr=0.01, **options),
        datamodule=make_data(tmp_path),
        ckpt_path=tmp_path / "model.ckpt",
    )
    torch.set_default_dtype(torch.float32)
    single = lit_transfer.load(tmp_path / "model.ckpt").predict_proba(TEXTS)
    np.testing.assert_allclose(single, expected, atol=1e-5)


@pytest.mark.parametrize("objectives", ["document + language_model", "adjacent + 0.5*masked_vector"])
def test_pretrained_layers_start_a_classifier(tmp_path, double, objectives):
    module, trainer = pretrain(tmp_path, trainer={"max_epochs": 1}, objectives=objectives)
    trainer.save_checkpoint(tmp_path / "pretrained.ckpt")
    assert torch.isfinite(trainer.callback_metrics["train_loss"]) and module.embedding.weight.dtype == torch.float64
    classifier, _ = fit(tmp_path, trainer={"limit_train_batches": 0}, init_from=str(tmp_path / "pretrained.ckpt"))
    torch.testing.assert_close(classifier.lstm.weight_ih_l0, module.lstm.weight_ih_l0, rtol=0, atol=0)


def test_estimator_trains_and_predicts(double):
    texts, labels = ["a good film", "a fine one", "an awful plot", "a bad one"] * 6, ["good", "good", "bad", "bad"] * 6
    options = {
        "transfer": "random",
        "model_options": {"embedding_dim": 8},
        "hidden_size": 8,
        "max_epochs": 3,
        "random_state": 0,
    }
    found = TextTransferClassifier(**options).fit(texts, labels).predict_proba(texts[:4])
    assert found.shape == (4, 2) and np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)


def test_a_model_is_updated_teaches_and_gets_a_guarantee(folder, lightning, double):
    lightning("fit")
    shutil.copy(FIRST, "first.ckpt")
    single = lit_transfer.load("first.ckpt").predict_proba(TEXTS)
    write_corpus(folder / "more.tsv", 60, seed=7)
    main(["update", "first.ckpt", "--config", "small.yaml", "--data.train_file", "more.tsv", "--data.test_file", "more.tsv",
          "--data.test_fraction", "0"])  # fmt: skip
    main(["threshold", "first.ckpt", "--data.val_file", "more.tsv", "--min_accuracy", "0.3", "--drop_overlap"])
    np.testing.assert_allclose(lit_transfer.load("first.ckpt").predict_proba(TEXTS), single)
    write_documents(folder / "plain.txt")
    lightning("distill", "--teacher", "first.ckpt", "--text", "plain.txt", "--out", "distilled")
    main(["fit", "--config", "distilled/distilled.yaml"])
    newest = max(folder.rglob("*.ckpt"), key=lambda path: path.stat().st_mtime)
    weights = torch.load(newest, weights_only=True)["state_dict"]
    assert weights["softmax.weight"].dtype == torch.float64
    assert np.isfinite(lit_transfer.load(newest).predict_proba(TEXTS)).all()


def test_a_model_is_exported(frozen_model, tmp_path, double):
    pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    main(["export", str(frozen_model / "model.ckpt"), str(tmp_path / "out"), "--measure", "false"])
    expected = lit_transfer.load(frozen_model / "model.ckpt").predict_proba(TEXTS)
    np.testing.assert_allclose(runtime.load(tmp_path / "out").predict_proba(TEXTS), expected, atol=1e-5)


def test_autocast_leaves_float64_as_it_is(frozen_model, double, monkeypatch):
    monkeypatch.setattr(precision, "has_bf16", lambda: True)  # torch computes it on any processor
    expected = lit_transfer.load(frozen_model / "model.ckpt").predict_proba(TEXTS)
    found = lit_transfer.load(frozen_model / "model.ckpt", precision="bf16").predict_proba(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_settings_are_searched(folder, lightning, double):
    pytest.importorskip("optuna", reason="the extra `tune` is not installed")
    space = "{model.hidden_size: [4, 8]}"
    lightning("tune", "--tune.seeds", "2", "--tune.folds", "2", "--tune.trials", "2", "--tune.space", space)
    assert json.loads((folder / "tune.json").read_text())["best"]["model.hidden_size"] in (4, 8)


@pytest.mark.parametrize("kind", ["finetune", "finetune static", "setfit", "sentence"])
def test_baselines_from_a_sentence_encoder_are_fitted(tmp_path, monkeypatch, kind):
    """Compare with the probabilities under float32; a trained encoder differs by rounding in each step."""
    monkeypatch.setattr(finetuned, "HEAD_LR", 5e-2)
    monkeypatch.setattr(setfit, "MOST_STEPS", 4)
    write_inputs(tmp_path)
    data = TextDataModule(**configuration(tmp_path)["data"]["init_args"])
    if kind.endswith("static"):
        words = [*GOOD, *BAD, *PLAIN]
        noise = np.random.default_rng(0).normal(size=(len(words), 8))
        rows = [row + 2 * (word in GOOD) - 2 * (word in BAD) for word, row in zip(words, noise, strict=True)]
        model = write_static_model(tmp_path / "model", dict(zip(words, rows, strict=True)))
    else:
        model = write_transformer(tmp_path / "model")
    name = f"{kind.split()[0]}:{model}"
    for library in class_of(name).libraries:
        pytest.importorskip(library, reason=f"the extra of {kind} is not installed")
    train, val, test = (Inputs.of(data, part) for part in ("train", "val", "test"))
    found = []
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        try:
            found.append(make_baseline(name).fit(train, val, data.task, seed=1).predict_proba(test))
            assert torch.get_default_dtype() == dtype
        finally:
            torch.set_default_dtype(torch.float32)
    assert np.isfinite(found[1]).all()
    np.testing.assert_allclose(found[1], found[0], atol=0.02)


def test_texts_to_label_have_the_states_of_the_checkpoint(frozen_model, double):
    torch.set_default_dtype(torch.float32)
    single = network_states(str(frozen_model / "model.ckpt"))(TEXTS)
    torch.set_default_dtype(torch.float64)
    states = network_states(str(frozen_model / "model.ckpt"))(TEXTS)
    assert states.dtype == np.float32
    np.testing.assert_allclose(states, single, atol=1e-6)
