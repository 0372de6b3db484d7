"""The configuration of `lightning fit`, as other commands read it, and the objects that it describes."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import torch
import yaml
from jsonargparse import ActionConfigFile, Namespace
from jsonargparse.typing import register_type
from lightning.fabric.utilities.enums import LightningEnum
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from lit_transfer.arguments import LARGEST_SEED, check_range
from lit_transfer.classifier import TextClassifier
from lit_transfer.config.parser import SuggestionMixin, explained, integers_first
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import program_name

Own = TypeVar("Own")

# The classes of a configuration without a `class_path`.
DEFAULT_CLASSES: dict[str, Any] = {
    "model": {"class_path": "lit_transfer.TextClassifier"},
    "data": {"class_path": "lit_transfer.TextDataModule"},
}
# Sections of a configuration that belong to one command; the others ignore them.
SECTIONS = ("compare", "audit", "tune")
Ignored = dict | None

# Values of Lightning's callbacks that would be written to config.yaml in a form that cannot be read: PyYAML rejects subclasses of
# str (the interval of Timer), and jsonargparse does not know torch.device (StochasticWeightAveraging).
register_type(torch.device, fail_already_registered=False)
yaml.SafeDumper.add_multi_representer(LightningEnum, lambda dumper, value: dumper.represent_str(value.value))


class OptionParser(SuggestionMixin, LightningArgumentParser):
    """Lightning's parser, with errors that suggest the nearest option."""

    def add_lightning_class_args(self, *args: Any, **kwargs: Any) -> list[str]:
        """Add the arguments of a class; 1 is an integer (one batch) wherever 1.0 (all batches) has another meaning."""
        added: list[str] = super().add_lightning_class_args(*args, **kwargs)
        integers_first(self)
        return added


def fit_parser(
    command: str = "fit",
    description: str = "",
    usage: str = "--config FILE",
    sections: Mapping[str, type] = MappingProxyType({}),
    seed_help: str = "Seed of the run.",
) -> OptionParser:
    """Return a parser for the arguments of `lightning fit` and of another command, which raises errors.

    Args:
        command: Name of the command.
        description: Description of the command.
        usage: Usage line without the name of the command.
        sections: Classes of the command's own arguments by section; the section "" has names without a prefix.
        seed_help: What `seed_everything` is for.
    """
    called = f"{program_name()} {command}"
    usage = f"{called} {usage} [--model.NAME VALUE] [--data.NAME VALUE]"
    parser = OptionParser(called, description=description, usage=usage, exit_on_error=False)
    parser.add_argument("-c", "--config", action=ActionConfigFile, help="Path of a configuration file in YAML format.")
    parser.add_argument("--seed_everything", type=int, default=1, help=seed_help)
    for name, cls in sections.items():
        parser.add_class_arguments(cls, name or None)
    ignore_sections(parser, but=sections)
    parser.add_lightning_class_args(Trainer, "trainer")
    parser.add_lightning_class_args(TextClassifier, "model", subclass_mode=True)
    parser.add_lightning_class_args(TextDataModule, "data", subclass_mode=True)
    parser.set_defaults(DEFAULT_CLASSES)
    # The remaining arguments of `fit`.
    parser.add_method_arguments(Trainer, "fit", skip={"model", "train_dataloaders", "val_dataloaders", "datamodule"})
    return parser


def ignore_sections(parser: LightningArgumentParser, but: Collection[str] = ()) -> None:
    """Accept the sections of other commands in a configuration, and ignore them."""
    for name in SECTIONS:
        if name not in but:
            parser.add_argument(f"--{name}", type=Ignored, help=f"Section for `lightning {name}`; ignored here.")


def plain_of(parser: LightningArgumentParser, namespace: Namespace, skip_default: bool = False) -> dict[str, Any]:
    """Return parsed arguments as plain values, without those with their default values if `skip_default`."""
    options = {"skip_none": False, "skip_link_targets": False, "skip_default": skip_default}
    plain = yaml.safe_load(parser.dump(namespace, **options, format="yaml"))
    ignored = {action.dest for action in parser._actions if getattr(action, "_typehint", None) == Ignored}
    return {name: value for name, value in plain.items() if name not in ignored}


@dataclasses.dataclass(frozen=True)
class Parsed(Generic[Own]):
    """Arguments of another command that takes a configuration of `fit`.

    Attributes:
        own: The command's own arguments.
        plain: The other arguments as plain values.
        given: Those of them that differ from their defaults.
    """

    own: Own
    plain: dict[str, Any]
    given: dict[str, Any]

    @property
    def seed(self) -> int:
        """Seed of the run."""
        seed: int = self.plain["seed_everything"]
        return seed


def parse_own(
    parser: LightningArgumentParser, args: Sequence[str] | None, own: type[Own], section: str = ""
) -> Parsed[Own]:
    """Parse the arguments of another command than `fit`, whose own are in a section, or have no prefix.

    Raises:
        ConfigError: An argument is unknown or invalid.
    """
    with explained(parser):
        parsed = parser.parse_args(args)
        plain, given = plain_of(parser, parsed), plain_of(parser, parsed, skip_default=True)
    check_range(0, LARGEST_SEED, seed_everything=plain["seed_everything"])
    names = [section] if section else [field.name for field in dataclasses.fields(own)]  # type: ignore[arg-type]
    values = plain[section] if section else {name: plain[name] for name in names}
    for name in (*names, "config"):
        plain.pop(name, None)
        given.pop(name, None)
    return Parsed(own(**values), plain, given)


def build(parts: Mapping[str, Any]) -> tuple[TextClassifier, TextDataModule, dict[str, Any]]:
    """Create the model, the data module and the arguments of the trainer from the sections of a configuration.

    Raises:
        ConfigError: An argument is invalid.
    """
    parser = fit_parser()
    with explained(parser):
        # A copy, since jsonargparse changes its input.
        made = parser.instantiate_classes(parser.parse_object(copy.deepcopy(dict(parts))))
    return made["model"], made["data"], dict(made["trainer"])
