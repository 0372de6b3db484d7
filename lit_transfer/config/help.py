"""The help of the commands that take a configuration of `fit`: the options that matter, or all of them."""

from __future__ import annotations

from argparse import SUPPRESS
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from jsonargparse import ArgumentParser
from lightning.pytorch import Trainer

from lit_transfer.classifier import TextClassifier
from lit_transfer.config.command import Help, hide_groups
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import program_name

# The options of `fit` that matter to most users.
CONFIG = {"config": "Configuration in YAML; `lightning init FILE` writes one.", "seed_everything": "Seed of the run."}
CKPT = {"ckpt_path": "Checkpoint: to resume from (`last` for the newest) in fit, to evaluate in the other commands."}
MODEL = ("transfer", "lr", "embedding_lr", "hidden_size", "dropout", "pooling", "init_from")
DATA = ("train_file", "val_file", "test_file", "text_column", "label_column", "tokenizer", "vectors", "batch_size")
TRAINER = ("max_epochs", "precision", "devices")


class Section(NamedTuple):
    """Options of a configuration with the same prefix.

    Attributes:
        made: Class that they are arguments of.
        first: Arguments that the short help has; None for all.
    """

    made: type
    first: Collection[str] | None = None


class HelpPage(NamedTuple):
    """Help of a command.

    Attributes:
        description: What the command does, and examples.
        plain: Options without a prefix, with their descriptions.
        sections: Options by prefix; the empty one for options without a prefix.
        usage: What follows the name of the command.
    """

    description: str
    plain: Mapping[str, str]
    sections: Mapping[str, Section]
    usage: str = "[OPTIONS]"

    def shown(self, command: str, args: Sequence[str]) -> bool:
        """Print the help if the arguments ask for it, all options with `--help all`, and return whether they do."""
        if not any(word in ("-h", "--help") for word in args):
            return False
        print(self.parser(command, everything="all" in args).format_help())
        return True

    def parser(self, command: str, everything: bool = True) -> ArgumentParser:
        """Return a parser with the options that the help shows."""
        name = f"{program_name()} {command}"
        usage, epilog = f"{name} {self.usage}", f"All options: {name} --help all"
        parser: Any = ArgumentParser(
            usage=usage, description=self.description, formatter_class=Help, epilog="" if everything else epilog
        )
        for name, what in self.plain.items():
            parser.add_argument(f"--{name}", type=str, help=what, metavar=name.upper())
        for prefix, section in self.sections.items():
            parser.add_class_arguments(section.made, prefix or None, instantiate=False)
            if not everything and section.first is not None:
                shown = {f"{prefix}.{name}" for name in section.first}
                for action in parser._actions:
                    if action.dest.startswith(f"{prefix}.") and action.dest not in shown:
                        action.help = SUPPRESS
        hide_groups(parser)
        return parser


def fit_page(description: str) -> HelpPage:
    """Return the help of a command of the trainer."""
    sections = {
        "model": Section(TextClassifier, MODEL),
        "data": Section(TextDataModule, DATA),
        "trainer": Section(Trainer, TRAINER),
    }
    return HelpPage(description, CONFIG | CKPT, sections)


def page_of(description: str, usage: str = "[OPTIONS]", **sections: type) -> HelpPage:
    """Return the help of another command that takes a configuration of `fit`.

    Args:
        description: What the command does, and examples.
        usage: What follows the name of the command.
        sections: Classes of the command's own arguments by section; `own` for those without a prefix.
    """
    own = {name.removeprefix("own"): Section(made) for name, made in sections.items()}
    others = {name: Section(section.made, ()) for name, section in fit_page("").sections.items()}
    return HelpPage(description, CONFIG, {**own, **others}, usage)
