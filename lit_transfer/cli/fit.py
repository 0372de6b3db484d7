"""The training commands: LightningCLI with this package's model and data as defaults."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from lit_transfer.checkpoints.files import arguments_as_data, read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.checkpoints.trainer import last_checkpoint
from lit_transfer.classifier import TextClassifier
from lit_transfer.config.fit import DEFAULT_CLASSES, ignore_sections
from lit_transfer.config.help import fit_page
from lit_transfer.config.quiet import hide_callbacks_of_training, hide_idle_messages
from lit_transfer.config.reading import applicable_filter
from lit_transfer.config.training_cli import CLI_ARGUMENTS, StopTogether, TrainingCLI
from lit_transfer.console import print_line
from lit_transfer.data.arguments import DataArguments
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.tabular import read_batches
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError, program_name
from lit_transfer.files import is_address
from lit_transfer.prediction.writer import PredictionWriter
from lit_transfer.training.arguments import ClassifierArguments

# Replaces jsonargparse's usage, which lists all flags of the trainer and would hide the error message.
USAGE = "--config FILE [--model.NAME VALUE] [--data.NAME VALUE] [--trainer.NAME VALUE] [--ckpt_path FILE]"
HELP = {
    "fit": fit_page(
        """Train a model, and keep its best checkpoint.

Examples:
  lightning fit --config configs/frozen.yaml
  lightning fit --config my.yaml --model.transfer init --trainer.max_epochs 5"""
    ),
    "validate": fit_page(
        """Evaluate a checkpoint on the validation split.

Examples:
  lightning validate --config my.yaml --ckpt_path best.ckpt"""
    ),
    "test": fit_page(
        """Evaluate a checkpoint on the test split, with a table and a confusion matrix.

Examples:
  lightning test --config my.yaml --ckpt_path best.ckpt
  lightning test --config my.yaml --ckpt_path best.ckpt --data.test_file t.tsv"""
    ),
    "predict": fit_page(
        """Classify the texts of a file with a checkpoint.

Examples:
  lightning predict --config my.yaml --ckpt_path best.ckpt --data.predict_file t.tsv"""
    ),
}
# Arguments of the data module with values of type str or dict.
NEVER_IMPORTED = (
    *("text_column", "text_columns", "text_separator", "label_column", "where", "label_names", "label_separator"),
    *("separator", "quoting", "escape"),
)
# What has the arguments of a section of the configuration, with their defaults.
DEFAULTS = {"model": ClassifierArguments, "data": DataArguments}
# Arguments of the data module with the file that a command evaluates.
EVALUATED = {"validate": "val_file", "test": "test_file"}


class TransferCLI(TrainingCLI):
    """Command line for `fit`, `validate`, `test` and `predict` with `TextClassifier` and `TextDataModule`.

    These are the default classes for a YAML without `class_path`. The optimizer is an argument of the model, since
    Lightning's `--optimizer` would put all parameters, including frozen ones, into one group.
    """

    def __init__(self, args: ArgsType = None, **kwargs: Any) -> None:
        given = sys.argv[1:] if args is None else args
        self._command = given[0] if isinstance(given, list) and given else None
        super().__init__(
            TextClassifier,
            TextDataModule,
            **CLI_ARGUMENTS,
            trainer_defaults={"callbacks": [PredictionWriter(), StopTogether()]},
            parser_kwargs={command: {"usage": f"{program_name()} {command} {USAGE}"} for command in self.subcommands()},
            args=args,
            **kwargs,
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Return only the command to run if it is known, since building each parser takes time."""
        commands = LightningCLI.subcommands()
        return {self._command: commands[self._command]} if self._command in commands else commands

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Set the default model and data, and accept the sections of other commands."""
        ignore_sections(parser)
        parser.set_defaults(DEFAULT_CLASSES)

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the arguments, and read those of the model from the checkpoint if a trained model is used.

        When training resumes, the given arguments are used, and the model compares them with those of the checkpoint.

        Raises:
            ConfigError: A command needs a trained model, but none was given.
            CheckpointError: The checkpoint is missing, damaged, or not written by this package.
        """
        super().parse_arguments(parser, args)
        command = self.config.get("subcommand")
        if command is None:
            return
        path = self.config[command].ckpt_path
        if path is None and command != "fit":
            raise ConfigError(
                f"{command} needs a trained model. Give --ckpt_path FILE; `fit` prints the path of its best checkpoint."
            )
        if path == "last" and command != "fit":
            raise ConfigError(
                f"--ckpt_path last is for fit, which resumes a run. {command} needs the path of a checkpoint, such as the "
                "best one, which `fit` prints."
            )
        # Special names of Lightning, and files on other machines, are resolved later.
        if path is None or is_address(path) or path in ("last", "hpc"):
            return
        checkpoint = read_checkpoint(path, mmap=True)
        record = read_record(checkpoint, str(path))
        if command == "fit":
            return
        hide_callbacks_of_training()
        self._take("model", command, arguments_as_data(checkpoint, arguments_of(self.config[command].model)), parser)
        if command == "test" and "--verbose" not in _flags(args):
            self.config[command].verbose = False  # the report has the scores, in fewer digits than Lightning's table
        data = self.config[command].data
        reading = not_given(record.reading, "data", data, args)
        data = data.init_args
        file = data.get(EVALUATED[command]) if command in EVALUATED else None
        if reading.get("where") and file and not Path(file).is_fifo():
            columns = next(read_batches(file, ReadingOptions.from_values({**vars(data), **reading})))
            reading["where"] = applicable_filter(reading["where"], columns, file)
        self._take("data", command, reading, parser)

    def _take(self, part: str, command: str, arguments: Mapping[str, Any], parser: LightningArgumentParser) -> None:
        """Copy arguments of a checkpoint into the configuration, except those that could cause an import."""
        config = self.config[command][part]
        safe = {
            name: value
            for name, value in arguments.items()
            if name in arguments_of(config) and not _may_be_imported(name, value)
        }
        taken = {"class_path": config.class_path, "init_args": safe}
        self.config = parser.parse_object({command: {part: taken}}, self.config)

    def _parse_ckpt_path(self) -> None:
        """Do nothing: Lightning would import classes named by the checkpoint and silently override the user's arguments."""

    def before_fit(self) -> None:
        """Resolve `--ckpt_path last` to the newest checkpoint of this and earlier versions of the run."""
        if self.config_init.fit.ckpt_path == "last":
            path = last_checkpoint(self.trainer)
            print_line("resuming", "there is no checkpoint yet: a new run" if path is None else os.path.relpath(path))
            self.config_init.fit.ckpt_path = path


def _flags(args: ArgsType) -> set[str]:
    """Return the options on the command line."""
    words = sys.argv[1:] if args is None else args if isinstance(args, list) else []
    return {str(word).partition("=")[0] for word in words}


def not_given(stored: Mapping[str, Any], part: str, section: Any, args: ArgsType) -> dict[str, Any]:
    """Return the stored arguments that are not given in a section: not on the command line, and not other than the default."""
    flags, defaults = _flags(args), {field.name: field.default for field in fields(DEFAULTS[part])}
    return {
        name: value
        for name, value in stored.items()
        if name in defaults and f"--{part}.{name}" not in flags and section.init_args.get(name) == defaults[name]
    }


def arguments_of(config: Any) -> set[str]:
    """Return the names of the arguments in a section of the configuration."""
    return set(vars(config.init_args)) if config is not None and "init_args" in config else set()


def _may_be_imported(name: str, value: Any) -> bool:
    """Return whether the parser might import something for the value of an argument."""
    if name in NEVER_IMPORTED:
        return False
    return isinstance(value, dict) or (isinstance(value, str) and ("." in value or ":" in value))


def main(args: ArgsType = None) -> None:
    """Run one of the trainer's commands."""
    if isinstance(args, list) and args and args[0] in HELP and HELP[args[0]].shown(args[0], args):
        return
    hide_idle_messages()
    TransferCLI(args)
