"""A new argument of the model is declared in one place; the parser, checkpoints, resuming and error messages follow."""

from __future__ import annotations

import dataclasses
import inspect
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.arguments import (
    Arguments,
    ArgumentsSignature,
    argument,
    argument_names,
    check_choice,
    check_range,
    parse_duration,
    plain_values,
)
from lit_transfer.config.fit import OptionParser
from lit_transfer.data.arguments import DataArguments
from lit_transfer.data.labelled_text import LabelledText
from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.module import PretrainingModule
from lit_transfer.training.arguments import ClassifierArguments
from tests.samples import fit


@dataclass(frozen=True)
class Base(Arguments):
    size: int = argument(3, least=1, resume="network")
    """Size of a layer."""


@dataclass(frozen=True)
class Both(Base):
    start: Literal["random", "zeros"] = argument("random")
    """Initial values."""
    layers: list[Literal["first", "last"]] | None = argument(None)
    """Trained layers."""
    weight: Literal["balanced"] | list[float] | None = argument(None, resume="model")
    """Weights."""
    make: Any = argument(print)
    """A callable."""


def test_values_are_checked_by_type_and_range():
    assert Both(size=1, layers=["first"], weight=[0.5]).layers == ["first"]
    for given, message in (
        ({"size": 0}, "size is 0, but it must be at least 1"),
        ({"start": "ones"}, "start is 'ones'; expected one of random, zeros"),
        ({"start": 3}, "start is 3; expected one of random, zeros"),
        ({"layers": ["first", "third"]}, "layers has 'third'; expected some of first, last"),
        ({"weight": "equal"}, "weight is 'equal'; expected one of balanced"),
    ):
        with pytest.raises(ConfigError, match=message):
            Both(**given)
    check_choice("name", "anything", Literal["a"] | str)


@dataclass(frozen=True)
class Typed(Base):
    rate: float | None = argument(0.1, least=0)
    """A rate."""
    share: float = argument(0.5)
    """A share without a range."""
    both: bool = argument(True)
    """Whether both."""


def test_numbers_of_another_type_are_errors_that_say_what_came():
    assert Typed(size=np.int64(3), rate=1, share=np.float32(0.5), both=np.True_).rate == 1
    assert Typed(rate=None).rate is None
    for given, message in (
        ({"size": "3"}, "size is the text '3', but it must be a whole number."),
        ({"size": 3.5}, "size is 3.5, but it must be a whole number."),
        ({"size": True}, "size is True, but it must be a whole number."),
        ({"size": None}, "size is None, but it must be a whole number."),
        ({"rate": "2e-3"}, "rate is the text '2e-3', but it must be a number."),
        ({"rate": [0.1]}, "rate is [0.1], but it must be a number."),
        ({"share": "a"}, "share is the text 'a', but it must be a number."),
        ({"both": "yes"}, "both is the text 'yes', but it must be true or false."),
        ({"both": 2}, "both is 2, but it must be true or false."),
        ({"both": None}, "both is None, but it must be true or false."),
        ({"share": None}, "share is None, but it must be a number."),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            Typed(**given)
    with pytest.raises(ConfigError, match=re.escape("seed is [3], but it must be a number.")):
        check_range(0, 9, seed=[3])
    for make, name in ((TextClassifier, "lr"), (TextDataModule, "val_fraction"), (PretrainingModule, "lr")):
        with pytest.raises(ConfigError, match=f"{name} is the text '2e-3', but it must be a number."):
            make(**{name: "2e-3"})


def test_what_resuming_compares_is_said_where_an_argument_is_declared():
    assert Both(size=5).compared() == {"network": {"size": 5}, "model": {"weight": None}}


def test_a_part_of_the_arguments_is_that_of_a_base_class():
    assert Both(size=7).of(Base) == Base(size=7)
    assert plain_values(Both()) == {"size": 3, "start": "random", "layers": None, "weight": None}


def test_names_are_those_of_a_subclass_its_bases_and_the_declared_arguments():
    class Sharp(TextClassifier):
        def __init__(self, sharpness=1.0, **arguments):
            super().__init__(**arguments)

    declared = {field.name for field in dataclasses.fields(ClassifierArguments)}
    assert argument_names(Sharp) >= declared | {"sharpness"}
    assert "arguments" not in argument_names(Sharp) and "sharpness" not in argument_names(TextClassifier)


@dataclass(frozen=True)
class WithHeads(ClassifierArguments):
    """The arguments of the package with a new one; nothing else is edited."""

    heads: int = argument(2, least=1, resume="network")
    """Number of attention heads."""


class Headed(TextClassifier):
    arguments_class: ClassVar = WithHeads

    def __init__(self, **arguments):
        super().__init__()
        self.save_hyperparameters(arguments)
        self.arguments = WithHeads(**arguments)


def test_a_new_argument_is_one_edit(tmp_path, monkeypatch):
    """The parser, its help, errors, checkpoints and resuming know an argument that only its declaration names."""
    parser = OptionParser("lightning fit", exit_on_error=False)
    parser.add_subclass_arguments(Headed, "model")
    arguments = ["--model", f"{__name__}.Headed", "--model.heads", "4", "--model.transfer", "random"]
    model = parser.instantiate(parser.parse_args(arguments)).model
    assert model.arguments.heads == 4 and model.arguments.transfer == "random"
    with pytest.raises(ConfigError, match="heads is 0, but it must be at least 1"):
        Headed(heads=0)
    assert Headed(heads=3).settings["network"]["heads"] == 3
    assert "heads" in argument_names(Headed)
    model, trainer = fit(tmp_path, transfer="random")
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    declared = {field.name for field in dataclasses.fields(ClassifierArguments)}
    callables = {"optimizer", "lr_scheduler"}
    assert set(TextClassifier.load_from_checkpoint(tmp_path / "model.ckpt").hparams) >= declared - callables


@dataclass(frozen=True)
class WithNormalization(DataArguments):
    """The arguments of the data with new ones; nothing else is edited."""

    form: Literal["NFC", "NFD"] = argument("NFC", stored="always")
    """Unicode normal form of the texts."""
    repeats: int = argument(1, least=1, resume="data")
    """Number of times that each text is in an epoch."""


class Normalized(TextDataModule):
    arguments_class: ClassVar = WithNormalization
    __signature__ = ArgumentsSignature()

    def __init__(self, *values, **arguments):
        super().__init__()
        self.text = LabelledText.of(WithNormalization(*values, **arguments))


def test_a_new_argument_of_the_data_is_one_edit():
    """The parser, its help, the signature, errors, checkpoints and resuming know it."""
    parser = OptionParser("lightning fit", exit_on_error=False)
    parser.add_subclass_arguments(Normalized, "data")
    arguments = ["--data", f"{__name__}.Normalized", "--data.form", "NFD", "--data.train_file", "a.csv"]
    data = parser.instantiate(parser.parse_args(arguments)).data
    assert data.arguments.form == "NFD" and data.text.files["train"] == "a.csv"
    assert data.reading_arguments()["form"] == "NFD" and data.settings()["repeats"] == 1
    with pytest.raises(ConfigError, match="repeats is 0, but it must be at least 1"):
        Normalized(repeats=0)
    with pytest.raises(ConfigError, match="form is 'C'; expected one of NFC, NFD"):
        Normalized(form="C")
    assert {"form", "repeats"} <= inspect.signature(Normalized).parameters.keys() & argument_names(Normalized)


def test_the_signature_shows_every_argument_in_the_order_of_0_1_0():
    parameters = inspect.signature(TextDataModule).parameters
    first = ["train_file", "val_file", "test_file", "predict_file", "predict_output", "dataset", "text_column"]
    assert [*parameters][:7] == first and [*parameters][-3:] == ["seed", "cache", "cache_dir"]
    assert parameters["max_length"].default == 400
    data = TextDataModule("a.csv", "b.csv")
    assert data.text.files == {"train": "a.csv", "val": "b.csv", "test": None, "predict": None}
    assert inspect.signature(TextClassifier).parameters["transfer"].kind is inspect.Parameter.KEYWORD_ONLY

    class Own(TextDataModule):
        def __init__(self, shards=2, **arguments):
            super().__init__(**arguments)

    assert [*inspect.signature(Own).parameters] == ["shards", "arguments"]
    assert "transfer" not in inspect.signature(TextClassifier()).parameters, "an instance is called with a batch"


def test_checkpoints_store_reading_options_and_those_of_the_format_only_if_changed():
    data = TextDataModule(separator=";", encoding="cp949", where={"a": "b"}, max_length=None)
    assert data.reading_arguments() == {
        "text_column": "text",
        "label_column": "label",
        "separator": ";",
        "where": {"a": "b"},
        "label_names": None,
        "tokenizer": "basic_english",
        "max_length": None,
    }


@pytest.mark.parametrize("cls", [TextClassifier, TextDataModule, PretrainingModule])
def test_every_argument_has_a_sentence(cls):
    parser = OptionParser("lightning fit", exit_on_error=False)
    parser.add_class_arguments(cls, "part")
    texts = {action.dest: action.help for action in parser._actions if action.dest.startswith("part.")}
    for field in dataclasses.fields(cls.arguments_class):
        assert texts[f"part.{field.name}"], field.name


def test_the_ends_of_a_range_and_what_was_not_given_pass():
    check_range(0, 1, dropout=0, share=1.0, other=None)
    check_range(1, epochs=10**9)


@pytest.mark.parametrize(
    ("bounds", "value", "said"),
    [
        ((1,), 0, "epochs is 0, but it must be at least 1."),
        ((0, 1), 1.5, "epochs is 1.5, but it must be 0 to 1."),
        ((0,), float("nan"), "epochs is nan, but it must be at least 0."),
        ((0,), float("inf"), "epochs is inf, but it must be finite, and at least 0."),
    ],
)
def test_a_number_outside_is_reported_with_its_name_and_the_range(bounds, value, said):
    with pytest.raises(ConfigError) as error:
        check_range(*bounds, batches=1, epochs=value)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("20m", 1200),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("0.5h", 1800),
        ("1d", 86400),
        (None, float("inf")),
    ],
)
def test_parse_duration_sums_numbers_with_units(text, seconds):
    assert parse_duration(text, "budget") == parse_duration(text, "budget", unit="m") == seconds


def test_parse_duration_has_a_default_unit_only_if_given():
    assert parse_duration("2", "budget", unit="m") == 120
    with pytest.raises(ConfigError, match="budget is '2'; expected a time above 0, such as 90s, 20m or 1h30m"):
        parse_duration("2", "budget")


@pytest.mark.parametrize("text", ["soon", "", "0m", "-5m", "5 minutes", "m", "1e3", "1.2.3m", "1h30"])
def test_parse_duration_rejects_other_texts(text):
    with pytest.raises(ConfigError, match="expected a time above 0"):
        parse_duration(text, "budget")
