"""A default dtype of float64, which scientific code sets, changes no result beyond rounding."""

import numpy as np
import pytest
import torch

import lit_transfer
from lit_transfer import TextTransferClassifier
from lit_transfer.prediction.explain import explain
from tests.pretraining.samples import pretrain
from tests.samples import fit, make_data, make_trainer

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
