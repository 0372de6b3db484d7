"""Strategies that start their processes from Python: what they trained is in the model afterwards."""

import numpy as np
import pytest
import torch

from lit_transfer import TextClassifier
from lit_transfer.pretraining.module import PretrainingModule
from tests.pretraining.samples import pretrain
from tests.samples import make_data, make_trainer


# The launcher of ddp_notebook is that of ddp_fork.
@pytest.mark.parametrize(
    "strategy", ["ddp_fork", *(pytest.param(name, marks=pytest.mark.slow) for name in ("ddp_spawn", "ddp_notebook"))]
)
def test_trained_weights_come_back_and_the_model_predicts(tmp_path, strategy):
    trainer = make_trainer(tmp_path, max_epochs=2, devices=2, strategy=strategy, accelerator="cpu")
    model = TextClassifier(hidden_size=8, lr=0.01, transfer="frozen")
    trainer.fit(model, datamodule=make_data(tmp_path))
    saved = TextClassifier.load_from_checkpoint(trainer.checkpoint_callback.best_model_path)
    assert model.state_dict().keys() == saved.state_dict().keys()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, saved.state_dict()[name], msg=name)
    texts = ["a good film", "an awful plot"]
    found, expected = (
        [list(one.probabilities.values()) for one in each.predict_texts(texts)] for each in (model, saved)
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert trainer.callback_metrics["val_loss"] > 0


@pytest.mark.parametrize("strategy", ["ddp_fork", pytest.param("ddp_spawn", marks=pytest.mark.slow)])
def test_pretrained_layers_come_back_and_start_a_classifier(tmp_path, strategy):
    trainer = {"max_epochs": 1, "devices": 2, "strategy": strategy, "accelerator": "cpu"}
    module, trained_by = pretrain(tmp_path, trainer=trainer)
    saved = torch.load(trained_by.checkpoint_callback.best_model_path, weights_only=True)["state_dict"]
    assert {name.partition(".")[0] for name in module.state_dict()} == {"embedding", "lstm"}
    for name, value in module.state_dict().items():
        torch.testing.assert_close(value, saved[name], msg=name)
    trained_by.save_checkpoint(tmp_path / "pretrained.ckpt")
    classifier = TextClassifier(hidden_size=8, init_from=str(tmp_path / "pretrained.ckpt"))
    make_trainer(tmp_path, limit_train_batches=0).fit(classifier, datamodule=make_data(tmp_path))
    torch.testing.assert_close(classifier.lstm.weight_ih_l0, module.lstm.weight_ih_l0, rtol=0, atol=0)


def test_a_checkpoint_of_pretraining_is_opened_without_text(tmp_path):
    module, trainer = pretrain(tmp_path, trainer={"max_epochs": 1})
    trainer.save_checkpoint(tmp_path / "pretrained.ckpt")
    opened = PretrainingModule.load_from_checkpoint(tmp_path / "pretrained.ckpt", hidden_size=8)
    torch.testing.assert_close(opened.embedding.weight, module.embedding.weight)
    assert opened.preprocessing.vocabulary.tokens == module.preprocessing.vocabulary.tokens
