"""`lightning pretrain`: pretrain the embedding and the LSTM on unlabelled text, before `fit`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from lightning.pytorch.cli import LightningArgumentParser

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.checkpoints.trainer import last_checkpoint
from lit_transfer.config.quiet import hide_idle_messages
from lit_transfer.config.training_cli import CLI_ARGUMENTS, StopTogether, TrainingCLI
from lit_transfer.console import say
from lit_transfer.pretraining.datamodule import PretrainingDataModule
from lit_transfer.pretraining.module import PretrainingModule

USAGE = "lightning pretrain --config FILE [--model.NAME VALUE] [--data.NAME VALUE] [--trainer.NAME VALUE] [--ckpt_path FILE]"


class PretrainingCLI(TrainingCLI):
    """Command line for `PretrainingModule` and `PretrainingDataModule`, or subclasses of them."""

    def __init__(self, args: Sequence[str]) -> None:
        super().__init__(
            PretrainingModule,
            PretrainingDataModule,
            **CLI_ARGUMENTS,
            trainer_defaults={"callbacks": [StopTogether()]},
            parser_kwargs={"description": __doc__, "usage": USAGE},
            args=list(args),
            run=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Set the default model and data, and add the argument for resuming."""
        parser.add_argument(
            "--ckpt_path", type=str | None, default=None, help="resume from this checkpoint, or from `last`"
        )
        parser.set_defaults(
            {
                "model": {"class_path": "lit_transfer.pretraining.module.PretrainingModule"},
                "data": {"class_path": "lit_transfer.pretraining.datamodule.PretrainingDataModule"},
            }
        )


def main(args: Sequence[str]) -> None:
    """Run `lightning pretrain`.

    Raises:
        LitTransferError: The arguments or the data are invalid.
    """
    hide_idle_messages()
    cli: Any = PretrainingCLI(args)
    path = cli.config.ckpt_path
    if path == "last":
        found = last_checkpoint(cli.trainer)
        path = None if found is None else str(found)
        say("resuming", "there is no checkpoint yet: a new run" if path is None else os.path.relpath(path))
    elif path is not None:
        read_record(read_checkpoint(path, mmap=True), str(path))
    cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=path)
    if best := getattr(cli.trainer.checkpoint_callback, "best_model_path", ""):
        say(
            "pretrained",
            f"{os.path.relpath(best)}; start from it: lightning fit ... --model.init_from {os.path.relpath(best)}",
        )
