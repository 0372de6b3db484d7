"""The training commands: LightningCLI with this package's model and data as defaults."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import warnings
from collections.abc import Mapping
from inspect import signature
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException as LightningError
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, ModelSummary
from lightning.pytorch.callbacks import ProgressBar as LightningProgressBar
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from lit_transfer.checkpoints.files import arguments_as_data, read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.checkpoints.trainer import last_checkpoint
from lit_transfer.classifier import TextClassifier
from lit_transfer.console import printable_lines, say
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError, LitTransferError
from lit_transfer.files import check_folder
from lit_transfer.inference.writer import PredictionWriter
from lit_transfer.training.arguments import DEFAULT_CLASSES
from lit_transfer.training.options import OptionParser
from lit_transfer.training.progress_bar import ProgressBar

# Replaces jsonargparse's usage, which lists all flags of the trainer and would hide the error message.
USAGE = "--config FILE [--model.NAME VALUE] [--data.NAME VALUE] [--trainer.NAME VALUE] [--ckpt_path FILE]"
# Warnings of Lightning that are irrelevant to users,
IDLE_WARNINGS = (
    ".*LeafSpec.*",
    "Starting from v1.9.0, `tensorboardX` has been removed",
    "The number of training batches .* is smaller than the logging interval",
    "The dirpath has changed from",
    "Total length of `list` across ranks is zero",  # no validation, which is reported elsewhere
    "It is recommended to use `self.log.* when logging on epoch level in distributed setting",  # torchmetrics synchronizes
)
# and irrelevant log messages: advertisements, and a line that breaks the progress bar.
IDLE_MESSAGES = ("Tip: For seamless", "`Trainer.fit` stopped", "Loading `train_dataloader` to estimate")

# Flags of the trainer, and the callbacks that are removed if a flag is false.
SWITCHES: dict[str, type[Callback]] = {
    "enable_progress_bar": LightningProgressBar,
    "enable_checkpointing": Checkpoint,
    "enable_model_summary": ModelSummary,
}
# jsonargparse's message about an exception in a constructor.
_NOT_MADE = re.compile(r"Problem with given class_path '([\w.]+)':\s+(.*?)\n(\s*- Expected|\s*Given value)", re.DOTALL)


# Arguments of the data module with values of type str or dict.
NEVER_IMPORTED = ("text_column", "label_column", "where", "label_names")


# How all commands of a trainer are made. Lightning's own `--optimizer` would put all parameters, frozen ones included, into
# one group; the optimizer is an argument of the model.
CLI_ARGUMENTS: dict[str, Any] = {
    "subclass_mode_model": True,
    "subclass_mode_data": True,
    "auto_configure_optimizers": False,
    "seed_everything_default": 1,
    "save_config_kwargs": {"overwrite": True},
    "parser_class": OptionParser,
}


class StopTogether(Callback):
    """Ends the other processes after an error in the first, which would otherwise hang or report a lost connection."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the processes that this one started."""
        launcher = trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(signal.SIGTERM)


def _unless_off(callbacks: Any, flags: Mapping[str, Any]) -> list[Callback]:
    """Return the callbacks without those disabled by a flag, and with a progress bar unless there is one.

    Args:
        callbacks: The argument `callbacks` of the trainer.
        flags: Arguments of the trainer.
    """
    given = callbacks if isinstance(callbacks, list) else [callbacks] if callbacks else []
    off = tuple(kind for flag, kind in SWITCHES.items() if flags.get(flag) is False)
    kept = [callback for callback in given if not isinstance(callback, off)]
    shown = not flags.get("barebones") and flags.get("enable_progress_bar") is not False
    if shown and not any(isinstance(callback, LightningProgressBar) for callback in kept):
        kept.append(ProgressBar())
    return kept


class TransferCLI(LightningCLI):
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
            parser_kwargs={command: {"usage": f"lightning {command} {USAGE}"} for command in self.subcommands()},
            args=args,
            **kwargs,
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]
        """Return only the command to run if it is known, since building each parser takes time."""
        commands = LightningCLI.subcommands()
        return {self._command: commands[self._command]} if self._command in commands else commands

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Set the default model and data, and accept the section of `lightning compare`."""
        parser.add_argument("--compare", type=dict | None, help="Section for `lightning compare`; ignored here.")
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
        # Special names of Lightning, and files on other machines, are resolved later.
        if path is None or "://" in str(path) or path in ("last", "hpc"):
            return
        checkpoint = read_checkpoint(path, mmap=True)
        record = read_record(checkpoint, str(path))
        if command == "fit":
            return
        self._take("model", command, arguments_as_data(checkpoint, _arguments(self.config[command].model)), parser)
        words = sys.argv[1:] if args is None else args if isinstance(args, list) else []
        flags = {str(word).partition("=")[0] for word in words}
        data, defaults = self.config[command].data.init_args, signature(TextDataModule).parameters
        # Values on the command line, and values other than the default, take precedence.
        reading = {
            name: value
            for name, value in record.reading.items()
            if name in defaults and f"--data.{name}" not in flags and data.get(name) == defaults[name].default
        }
        self._take("data", command, reading, parser)

    def _take(self, part: str, command: str, arguments: Mapping[str, Any], parser: LightningArgumentParser) -> None:
        """Copy arguments of a checkpoint into the configuration, except those that could cause an import."""
        config = self.config[command][part]
        safe = {
            name: value
            for name, value in arguments.items()
            if name in _arguments(config) and not _may_be_imported(name, value)
        }
        taken = {"class_path": config.class_path, "init_args": safe}
        self.config = parser.parse_object({command: {part: taken}}, self.config)

    def _parse_ckpt_path(self) -> None:
        """Do nothing: Lightning would import classes named by the checkpoint and silently override the user's arguments."""

    def instantiate_classes(self) -> None:
        """Create the model, the data and the trainer.

        Raises:
            ConfigError: A package that the configuration needs is missing, or the configuration is invalid.
        """
        try:
            super().instantiate_classes()
        except ModuleNotFoundError as error:
            raise ConfigError(f"The configuration needs a package that is not installed: {_one_line(error)}") from error
        except LightningError as error:
            raise ConfigError(_one_line(error)) from error
        except ValueError as error:
            failed = _NOT_MADE.search(str(error))
            if isinstance(error, LitTransferError) or isinstance(error.__cause__, LitTransferError) or not failed:
                raise
            raise ConfigError(f"{failed[1]} cannot be created: {' '.join(failed[2].split())}") from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Create the trainer, without the callbacks disabled by a flag.

        Raises:
            ConfigError: The arguments are invalid or contradict each other.
        """
        config = self._get(self.config_init, "trainer", default={})
        try:
            return super().instantiate_trainer(**{"callbacks": _unless_off(config.get("callbacks"), config), **kwargs})
        except (TypeError, ValueError) as error:  # raised by Lightning for invalid arguments
            raise ConfigError(_one_line(error)) from error

    def before_fit(self) -> None:
        """Resolve `--ckpt_path last` to the newest checkpoint of this and earlier versions of the run."""
        if self.config_init.fit.ckpt_path == "last":
            path = last_checkpoint(self.trainer)
            say("resuming", "there is no checkpoint yet: a new run" if path is None else os.path.relpath(path))
            self.config_init.fit.ckpt_path = path

    def after_instantiate_classes(self) -> None:
        """Check that the files of the run can be written, before any data are read.

        Raises:
            ConfigError: A folder is not writable.
        """
        for folder in {self.trainer.default_root_dir, *(logger.save_dir for logger in self.trainer.loggers)}:
            check_folder(folder)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _arguments(config: Any) -> set[str]:
    """Return the names of the arguments in a section of the configuration."""
    return set(vars(config.init_args)) if config is not None and "init_args" in config else set()


def _may_be_imported(name: str, value: Any) -> bool:
    """Return whether the parser might import something for the value of an argument."""
    if name in NEVER_IMPORTED:
        return False
    return isinstance(value, dict) or (isinstance(value, str) and ("." in value or ":" in value))


def is_worth_saying(record: logging.LogRecord) -> bool:
    """Return whether a log record of Lightning is relevant to the user."""
    return not any(idle in record.getMessage() for idle in IDLE_MESSAGES)


def _printable_warning(message: Any, category: type, filename: str, lineno: int, line: str | None = None) -> str:
    return f"{filename}:{lineno}: {printable_lines(str(message))}\n"


def main(args: ArgsType = None) -> None:
    """Run one of the trainer's commands."""
    for message in IDLE_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    warnings.formatwarning = _printable_warning  # a warning may contain words, labels and paths
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(is_worth_saying)
    TransferCLI(args)
