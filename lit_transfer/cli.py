"""The command line: LightningCLI with this package's model and data as defaults."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from lit_transfer.checkpoints import arguments_as_data, get_part, last_checkpoint, read_checkpoint
from lit_transfer.classifier import TextClassifier
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError, LitTransferError
from lit_transfer.reporting import PredictionWriter, say

# In place of one with all of the trainer's flags, which would push the error that it stands before off the screen.
USAGE = "--config FILE [--model.NAME VALUE] [--data.NAME VALUE] [--trainer.NAME VALUE] [--ckpt_path FILE]"
# Commands that are none of the trainer's, with a help of their own.
OTHER_COMMANDS = (
    "Also: `lightning compare --config FILE` tells which way of using the vectors wins; `lightning vectors` inspects, "
    "converts and trains vectors. Each has a --help of its own."
)
# What Lightning warns of and a user can do nothing about, or gains nothing by,
IDLE_WARNINGS = (
    ".*LeafSpec.*",
    "Starting from v1.9.0, `tensorboardX` has been removed",
    "The number of training batches .* is smaller than the logging interval",
    "The dirpath has changed from",
    "It is recommended to use `self.log.* when logging on epoch level in distributed setting",  # torchmetrics did
)
# and what it logs: recommendations of its makers' packages, and a line that breaks the progress bar it is written over.
IDLE_MESSAGES = ("Tip: For seamless", "`Trainer.fit` stopped")

# A disk that is full, a quota or a limit that is reached, a folder that may not be written.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


class StopTogether(Callback):
    """An error in the first process ends the others, which would wait for it or complain of a lost connection."""

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Ends the processes that this one started."""
        launcher = trainer.strategy.launcher
        if launcher is not None:
            launcher.kill(signal.SIGTERM)


class TransferCLI(LightningCLI):
    """`fit`, `validate`, `test` and `predict` for `TextClassifier`, its subclasses, and `TextDataModule`.

    A YAML without `class_path` means these two classes. The optimizer is an argument of the model, since Lightning's own
    `--optimizer` would put all parameters, frozen ones included, into one group.
    """

    def __init__(self, args: ArgsType = None, **kwargs: Any) -> None:
        super().__init__(
            TextClassifier,
            TextDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            auto_configure_optimizers=False,
            seed_everything_default=1,
            save_config_kwargs={"overwrite": True},
            trainer_defaults={"callbacks": [PredictionWriter(), StopTogether()]},
            parser_kwargs={
                "epilog": OTHER_COMMANDS,
                **{command: {"usage": f"lightning {command} {USAGE}"} for command in self.subcommands()},
            },
            args=args,
            **kwargs,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Makes our model and data the defaults."""
        parser.set_defaults(
            {
                "model": {"class_path": "lit_transfer.TextClassifier"},
                "data": {"class_path": "lit_transfer.TextDataModule"},
            }
        )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Also reads the checkpoint, and takes the model's arguments from it where a trained model is used.

        A training that goes on keeps the arguments given here, which the model compares with the checkpoint's.

        Raises:
            ConfigError: a command that uses a trained model got none.
            CheckpointError: the checkpoint is missing, damaged, or not one of ours.
        """
        super().parse_arguments(parser, args)
        command = self.config.get("subcommand")
        if command is None:
            return
        path = self.config[command].ckpt_path
        if path is None and command != "fit":
            raise ConfigError(
                f"{command} wants a trained model. Give --ckpt_path FILE; the end of `fit` names the best checkpoint."
            )
        # What Lightning itself finds, and what is not on this disk, is read later.
        if path is None or "://" in str(path) or path in ("last", "hpc"):
            return
        checkpoint = read_checkpoint(path, mmap=True)
        get_part(checkpoint, str(path))
        if command != "fit":
            model = self.config[command].model
            arguments = arguments_as_data(checkpoint, known=vars(model.init_args))
            # The parser would import what a str with a dot, or a dict, may name.
            safe = {
                name: value
                for name, value in arguments.items()
                if not isinstance(value, dict) and "." not in str(value if isinstance(value, str) else "")
            }
            taken = {"class_path": model.class_path, "init_args": safe}
            self.config = parser.parse_object({command: {"model": taken}}, self.config)

    def _parse_ckpt_path(self) -> None:
        """Lightning would import the classes that a checkpoint names, and let its arguments win over the user's unsaid."""

    def before_fit(self) -> None:
        """Finds the last checkpoint where earlier versions of this run wrote theirs."""
        if self.config_init.fit.ckpt_path == "last":
            path = last_checkpoint(self.trainer)
            say("resuming", "there is no checkpoint yet: a new run" if path is None else os.path.relpath(path))
            self.config_init.fit.ckpt_path = path

    def after_instantiate_classes(self) -> None:
        """Looks whether the run's files can be written, before anything is read.

        Raises:
            ConfigError: they cannot.
        """
        for folder in {self.trainer.default_root_dir, *(logger.save_dir for logger in self.trainer.loggers)}:
            check_folder(folder)


def check_folder(folder: str | os.PathLike[str] | None) -> None:
    """Looks whether a folder can be written, or made.

    Raises:
        ConfigError: it cannot.
    """
    if folder is None or "://" in str(folder):
        return
    path = Path(folder).absolute()
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        why = "may not be written" if existing.is_dir() else "is a file"
        raise ConfigError(
            f"This run's files should go to {folder}, but {existing} {why}. Set --trainer.default_root_dir (and the "
            "loggers' save_dir) to another folder."
        )


def _worth_saying(record: logging.LogRecord) -> bool:
    return not any(idle in record.getMessage() for idle in IDLE_MESSAGES)


def main(args: ArgsType = None) -> None:
    """Runs the command line; an error that the user can mend is printed without a traceback, and the exit code is 2."""
    for message in IDLE_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_worth_saying)
    # As `python -m` does: a `class_path` or a tokenizer may stand in a file beside the YAML. Last, so that it hides nothing.
    sys.path.append(os.getcwd())
    given = sys.argv[1:] if args is None else args
    try:
        if isinstance(given, list) and given[:1] == ["vectors"]:
            from lit_transfer.commands import vectors_main

            vectors_main(given[1:])
        elif isinstance(given, list) and given[:1] == ["compare"]:
            from lit_transfer.compare.command import main as compare_main

            compare_main(given[1:])
        else:
            TransferCLI(args)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(
            f"error: A file could not be written: {error.strerror}{where}. Make room, or set --trainer.default_root_dir (and "
            "the loggers' save_dir) to another folder; --ckpt_path last goes on from the last checkpoint.",
            file=sys.stderr,
        )
        sys.exit(2)
    except ValueError as error:
        # jsonargparse wraps what a constructor raises.
        told = error if isinstance(error, LitTransferError) else error.__cause__
        if not isinstance(told, LitTransferError):
            raise
        print(f"error: {told}", file=sys.stderr)
        sys.exit(2)
