import pytest

from lit_transfer.errors import ConfigError
from lit_transfer.tune.space import Range, as_parameters, default_space, merge, suggest

optuna = pytest.importorskip("optuna", reason="the extra `tune` is not installed")

TEXTS = ["a good film", "a bad film"]


def test_the_default_space_fits_the_vectors_and_the_script():
    space = default_space(TEXTS, vectors=True, tokenizer=None)
    assert space["model.transfer"] == ["init", "frozen", "slow"]
    assert {"basic_english", "words"} <= set(space["data.tokenizer"])
    assert "model.transfer" not in default_space(TEXTS, vectors=False, tokenizer=None)
    assert "data.tokenizer" not in default_space(TEXTS, vectors=True, tokenizer="words")
    assert "hangul" in default_space(["좋은 영화"], vectors=False, tokenizer=None)["data.tokenizer"]


def test_a_configuration_narrows_and_extends_the_space():
    space = merge(
        {"model.lr": Range(1e-4, 1e-2), "model.dropout": Range(0, 1)},
        {
            "model.lr": [0.1],
            "model.dropout": None,
            "trainer.max_epochs": {"low": 2, "high": 5},
        },
    )
    assert space == {"model.lr": [0.1], "trainer.max_epochs": Range(2, 5)}


@pytest.mark.parametrize(
    "entry", [3, [], {"low": 1}, {"low": 1, "high": 2, "middle": 1}, {"low": 0, "high": 1, "log": True}]
)
def test_an_entry_that_is_no_space_is_an_error(entry):
    with pytest.raises(ConfigError, match=r"tune\.space"):
        merge({}, {"model.lr": entry})


def test_the_rate_of_the_embedding_is_drawn_only_for_the_mode_that_has_one():
    space = {"model.embedding_lr": Range(1e-5, 1e-3, log=True), "model.transfer": ["init", "slow"]}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    drawn = [suggest(study.ask(), space) for _ in range(20)]
    assert {settings["model.transfer"] for settings in drawn} == {"init", "slow"}
    assert all(("model.embedding_lr" in settings) == (settings["model.transfer"] == "slow") for settings in drawn)


def test_the_settings_of_a_configuration_are_parameters_of_a_trial_and_come_back():
    space = {"model.pooling": ["max", ["max", "mean"]], "model.lr": Range(1e-3, 1e-1), "model.num_layers": Range(1, 3)}
    settings = {"model.pooling": ["max", "mean"], "model.lr": 0.01, "model.num_layers": 2, "model.dropout": 0.5}
    study = optuna.create_study()
    study.enqueue_trial(as_parameters(settings, space))
    assert suggest(study.ask(), space) == {name: settings[name] for name in space}
