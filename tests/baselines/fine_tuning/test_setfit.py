"""SetFit by its own trainer."""

import numpy as np
import pytest

from lit_transfer.baselines.baseline import fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.fine_tuning import setfit
from lit_transfer.baselines.fine_tuning.setfit import num_steps
from lit_transfer.encoders.sentence_encoder import load_encoder, load_sentence
from tests.baselines.test_counts import data  # noqa: F401
from tests.samples import write_transformer


def test_the_steps_are_an_epoch_of_as_many_pairs_of_a_class_as_of_two_up_to_a_limit():
    # Of 3 + 2 texts, 6 + 3 pairs (with repetition) are alike, and 6 are not: twice 9 pairs, in batches of 16.
    assert num_steps(np.array([0, 0, 0, 1, 1])) == 2
    assert num_steps(np.arange(100) % 2) == 120


def test_setfit_trains_the_encoder_and_fits_a_regression_on_it(data, tmp_path, monkeypatch, capfd):  # noqa: F811
    pytest.importorskip("setfit", reason="the extra `setfit` is not installed")
    monkeypatch.setattr(setfit, "LR", 5e-3)  # a random transformer of a few thousand weights
    model = write_transformer(tmp_path / "model")
    tested = fit_and_test(make_baseline(f"setfit:{model}"), data, seed=1)
    assert (tested.probabilities.argmax(1) == data.split("test").labels).mean() > 0.8
    texts = ["good film", "bad film"]
    trained, before = tested.baseline.encoder.encode(texts), load_encoder(f"sentence:{model}").encode(texts)
    assert trained[0] @ trained[1] < before[0] @ before[1] - 0.1
    weights = sum(weight.numel() for weight in load_sentence("the model", str(model)).parameters())
    assert tested.baseline.trainable == weights + 16 + 1 and tested.baseline.size > 4 * weights
    assert "embedding_loss" not in "".join(capfd.readouterr())
