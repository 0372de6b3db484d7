"""A transformer, and a model2vec model, fine-tuned with a linear layer."""

import sys

import numpy as np
import pytest

from lit_transfer.baselines.baseline import Inputs, fit_and_test
from lit_transfer.baselines.catalogue import class_of, forecast, make_baseline
from lit_transfer.baselines.fine_tuning import finetuned
from lit_transfer.baselines.fine_tuning.finetuned import FinetunedTransformer, epochs_for
from lit_transfer.baselines.fine_tuning.finetuned_static import FinetunedStatic
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import SingleLabel
from tests.baselines.test_counts import data  # noqa: F401
from tests.samples import BAD, GOOD, PLAIN, write_static_model, write_transformer

RATES = {"LR": 5e-3, "HEAD_LR": 5e-2}  # a random transformer of a few thousand weights


@pytest.fixture
def fast(monkeypatch):
    for name, rate in RATES.items():
        monkeypatch.setattr(finetuned, name, rate)


def test_epochs_are_enough_for_fifty_steps_between_three_and_eight():
    assert [epochs_for(count) for count in (10, 100, 200, 300, 10_000)] == [8, 8, 4, 3, 3]


def test_a_transformer_learns_and_the_same_seed_gives_the_same(data, tmp_path, fast):  # noqa: F811
    name = f"finetune:{write_transformer(tmp_path / 'model')}"
    tested = fit_and_test(make_baseline(name), data, seed=1)
    assert isinstance(tested.baseline, FinetunedTransformer)
    assert (tested.probabilities.argmax(1) == data.split("test").labels).mean() > 0.8
    np.testing.assert_allclose(tested.probabilities.sum(1), 1, atol=1e-6)
    assert tested.baseline.size == 4 * tested.baseline.trainable > 4 * 16 * 27
    again = fit_and_test(make_baseline(name), data, seed=1)
    np.testing.assert_allclose(again.probabilities, tested.probabilities, atol=1e-5)


def test_the_epoch_of_the_lowest_validation_loss_is_kept_and_given_settings_end_there(
    data,  # noqa: F811
    tmp_path,
    fast,
    monkeypatch,
):
    make, made = finetuned.make_trainer, []
    monkeypatch.setattr(finetuned, "make_trainer", lambda *args: made.append(make(*args)) or made[-1])
    name = f"finetune:{write_transformer(tmp_path / 'model')}"
    train, val = (Inputs.of(data, part) for part in ("train", "val"))
    first = make_baseline(name).fit(train, val, data.task, seed=1)
    losses = [entry["eval_loss"] for entry in made[0].state.log_history if "eval_loss" in entry]
    assert first.settings == {"epochs": 1 + int(np.argmin(losses)), "of": 8}
    shares = first.predict_proba(val)[np.arange(len(val)), val.labels]
    assert -np.log(shares).mean() == pytest.approx(min(losses), abs=1e-4)
    make_baseline(name, {"epochs": 3, "of": 8}).fit(train, None, data.task, seed=1)
    steps = 80 // 16
    assert made[1].state.global_step == 3 * steps
    # After a tenth of all steps the rates fall to 0 at the end of 8 epochs.
    assert made[1].lr_scheduler.get_last_lr()[0] == pytest.approx(5e-3 * (40 - 15) / (40 - 4))


def test_a_static_model_is_trained_by_model2vecs_own_classifier(data, tmp_path):  # noqa: F811
    words = [*GOOD, *BAD, *PLAIN]
    noise = np.random.default_rng(0).normal(size=(len(words), 8))
    vectors = {word: row + 2 * (word in GOOD) - 2 * (word in BAD) for word, row in zip(words, noise, strict=True)}
    name = f"finetune:{write_static_model(tmp_path / 'model', vectors)}"
    assert class_of(name) is FinetunedStatic
    three = SingleLabel((*data.labels, "nowhere"))
    train, val, test = (Inputs.of(data, part) for part in ("train", "val", "test"))
    first = make_baseline(name).fit(train, val, three, seed=1)
    found = first.predict_proba(test)
    assert (found.argmax(1) == test.labels).mean() > 0.9 and (found[:, 2] == 0).all()
    assert first.settings["epochs"] >= 1
    again = make_baseline(name, first.settings).fit(train, None, three, seed=1)
    np.testing.assert_allclose(again.predict_proba(test), found, atol=1e-6)
    fewer = make_baseline(name, {"epochs": first.settings["epochs"] + 3}).fit(train, None, three, seed=1)
    assert np.abs(fewer.predict_proba(test) - found).max() > 1e-4


def test_a_run_is_forecast_from_a_few_steps(data, tmp_path):  # noqa: F811
    name = f"finetune:{write_transformer(tmp_path / 'model')}"
    texts = list(data.split("train").texts)
    short, long = (forecast(name, texts, count, 20, 100) for count in (100, 10_000))
    assert 0 < short < long
    assert forecast("tfidf", texts, 100, 20, 100) is None


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("finetune:any", "accelerate", "finetune"),
        ("setfit:any", "setfit", "setfit"),
    ],
)
def test_without_the_extra_it_says_what_to_install(monkeypatch, name, library, extra):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError, match=rf"{name} needs {library}.*lit_transfer\[{extra}\]"):
        make_baseline(name).check_installed()
