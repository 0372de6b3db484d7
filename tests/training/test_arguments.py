import warnings

import pytest

from lit_transfer import TextClassifier
from lit_transfer.errors import ConfigError


@pytest.mark.parametrize("transfer", ["random", "init", "frozen"])
def test_an_embedding_lr_that_the_mode_ignores_is_warned_of(transfer):
    with pytest.warns(UserWarning, match=f"transfer: {transfer} does not use it"):
        TextClassifier(transfer=transfer, embedding_lr=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TextClassifier(transfer="slow", embedding_lr=1e-4)


@pytest.mark.parametrize(
    ("argument", "value"), [("lr", -1.0), ("dropout", 1.5), ("hidden_size", 0), ("label_smoothing", -0.1)]
)
def test_values_out_of_range_are_named(argument, value):
    with pytest.raises(ConfigError, match=f"{argument} is {value}, but it must be"):
        TextClassifier(**{argument: value})


def test_embedding_unfreeze_epoch_of_a_frozen_embedding_is_an_error():
    with pytest.raises(ConfigError, match=r"embedding_unfreeze_epoch is 2, but with transfer: frozen .* Choose slow"):
        TextClassifier(transfer="frozen", embedding_unfreeze_epoch=2)


def test_a_warning_names_the_line_that_made_the_model():
    with pytest.warns(UserWarning) as said:
        TextClassifier(transfer="init", embedding_lr=1e-4)
    assert [warning.filename for warning in said] == [__file__]


def test_frozen_layers_that_cannot_be_are_refused_and_random_ones_warned_of():
    with pytest.raises(ConfigError, match="frozen_layers has 'softmax'; expected some of embedding, lstm"):
        TextClassifier(frozen_layers=["softmax"])
    with pytest.raises(ConfigError, match="frozen_layers has embedding, which embedding_unfreeze_epoch"):
        TextClassifier(transfer="init", frozen_layers=["embedding"], embedding_unfreeze_epoch=2)
    with pytest.raises(ConfigError, match="frozen_layers has lstm, which lstm_unfreeze_epoch"):
        TextClassifier(transfer="init", frozen_layers=["lstm"], lstm_unfreeze_epoch=2)
    with pytest.warns(UserWarning, match="without init_from: these layers keep random weights"):
        TextClassifier(transfer="init", frozen_layers=["lstm"])
