"""The parser of `lightning compare`, and the creation of objects from parsed arguments."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import yaml
from jsonargparse import ActionConfigFile, ArgumentError, Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from lit_transfer.classifier import TextClassifier
from lit_transfer.compare.plan import Comparison
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.training.arguments import DEFAULT_CLASSES
from lit_transfer.training.options import explain

DESCRIPTION = "Compare transfer modes and baselines on your data, and test the differences for significance."
USAGE = "lightning compare --config FILE [--compare.NAME VALUE] [--model.NAME VALUE] [--data.NAME VALUE]"


def make_parser(
    prog: str = "lightning compare", description: str = DESCRIPTION, usage: str = USAGE
) -> LightningArgumentParser:
    """Create a parser for the arguments of `lightning fit` and the section `compare`.

    Args:
        prog: Name of the command.
        description: Description of the command.
        usage: Usage line.
    """
    parser = LightningArgumentParser(prog=prog, description=description, usage=usage, exit_on_error=False)
    parser.add_argument("-c", "--config", action=ActionConfigFile, help="Path of a configuration file in YAML format.")
    parser.add_argument("--seed_everything", type=int, default=1, help="First seed; further seeds are successive.")
    parser.add_class_arguments(Comparison, "compare", help=DESCRIPTION)
    add_fit_arguments(parser)
    return parser


def add_fit_arguments(parser: LightningArgumentParser) -> None:
    """Add the arguments of `lightning fit`, except the seed."""
    parser.add_lightning_class_args(Trainer, "trainer")
    parser.add_lightning_class_args(TextClassifier, "model", subclass_mode=True)
    parser.add_lightning_class_args(TextDataModule, "data", subclass_mode=True)
    parser.set_defaults(DEFAULT_CLASSES)
    # The remaining arguments of `fit`.
    parser.add_method_arguments(Trainer, "fit", skip={"model", "train_dataloaders", "val_dataloaders", "datamodule"})


def plain_of(parser: LightningArgumentParser, namespace: Namespace, skip_default: bool = False) -> dict[str, Any]:
    """Return parsed arguments as plain values.

    Args:
        parser: The parser.
        namespace: The parsed arguments.
        skip_default: Whether arguments with their default values are left out.
    """
    options = {"skip_none": False, "skip_link_targets": False, "skip_default": skip_default}
    return yaml.safe_load(parser.dump(namespace, **options, format="yaml"))


def build(parts: Mapping[str, Any]) -> tuple[TextClassifier, TextDataModule, dict[str, Any]]:
    """Create the model and the data module from a configuration.

    Args:
        parts: Sections `model`, `data` and `trainer` of a configuration.

    Returns:
        model: The model.
        data: The data module.
        trainer: Arguments of the trainer.

    Raises:
        ConfigError: An argument is invalid.
    """
    parser = make_parser()
    try:
        # A copy, since jsonargparse changes its input.
        made = parser.instantiate_classes(parser.parse_object(copy.deepcopy(dict(parts))))
    except ArgumentError as error:
        raise ConfigError(explain(str(error), parser)) from error
    return made["model"], made["data"], dict(made["trainer"])
