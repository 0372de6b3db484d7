"""Strategies that start their processes from Python: what they trained is in the model afterwards."""

import numpy as np
import pytest
import torch

from lit_transfer import TextClassifier
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
