"""The configuration of `lightning fit`, as other commands read it."""

import pytest
from jsonargparse import ArgumentParser

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.config.fit import SECTIONS, build, fit_parser, plain_of
from lit_transfer.config.parser import explained, integers_first
from lit_transfer.errors import ConfigError


def test_sections_of_other_commands_are_accepted_and_left_out():
    parser = fit_parser()
    plain = plain_of(parser, parser.parse_object({name: {"anything": 1} for name in SECTIONS}))
    assert not set(SECTIONS) & set(plain)
    assert plain["model"]["class_path"] == "lit_transfer.TextClassifier" and plain["seed_everything"] == 1


def test_build_creates_the_objects_that_fit_would(tmp_path):
    model, data, trainer = build({"model": {"hidden_size": 7}, "data": {"train_file": "a.tsv"}, "trainer": {}})
    assert type(model) is TextClassifier and model.hparams["hidden_size"] == 7
    assert type(data) is TextDataModule and trainer["max_epochs"] is None


def test_an_unknown_argument_is_an_error_with_the_nearest_one():
    parser = fit_parser()
    message = r"^here: .* has no argument hiden_size\. Did you mean hidden_size\?"
    with pytest.raises(ConfigError, match=message), explained(parser, "here: "):
        parser.parse_args(["--model.hiden_size", "3"])


def test_one_batch_is_an_integer_and_all_batches_a_float():
    parser = fit_parser()
    for name in ("limit_train_batches", "limit_test_batches", "overfit_batches", "val_check_interval"):
        for written, kind in (("1", int), ("1.0", float), ("0.5", float)):
            found = parser.parse_args([f"--trainer.{name}", written]).trainer[name]
            assert type(found) is kind and found == float(written)


def test_integers_are_tried_before_floats_whatever_the_order_of_the_types():
    parser = ArgumentParser(exit_on_error=False)
    action = parser.add_argument("--share", type=float | int | None)
    action._typehint = float | int | None
    integers_first(parser)
    assert [type(parser.parse_args(["--share", each]).share) for each in ("1", "1.0", "null")] == [
        int,
        float,
        type(None),
    ]
    other = parser.add_argument("--interval", type=int | float | str)
    other._typehint = float | int | str
    integers_first(parser)
    assert [type(parser.parse_args(["--interval", each]).interval) for each in ("1", "0.5", "all")] == [int, float, str]
