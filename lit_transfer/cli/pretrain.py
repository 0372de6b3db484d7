"""`lightning pretrain`: pretrain the embedding and the LSTM on unlabelled text, before `fit`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import read_record
from lit_transfer.checkpoints.trainer import last_checkpoint
from lit_transfer.config.help import HelpPage, Section
from lit_transfer.config.quiet import hide_idle_messages
from lit_transfer.config.training_cli import CLI_ARGUMENTS, StopTogether, TrainingCLI
from lit_transfer.console import print_commands, print_line, program
from lit_transfer.pretraining.datamodule import PretrainingDataModule
from lit_transfer.pretraining.module import PretrainingModule

USAGE = (
    "lightning pretrain TEXTS --target FILE [--budget 20m]\n       lightning pretrain --config FILE [--model.NAME VALUE] "
    "[--data.NAME VALUE] [--trainer.NAME VALUE] [--ckpt_path FILE]"
)

HELP = {
    "pretrain": HelpPage(
        """Pretrain the embedding and the LSTM on unlabelled text, before `fit`.

Examples:
  lightning pretrain texts.txt --target my.yaml --budget 20m
  lightning pretrain --config runs/pretrain-my/pretrain.yaml

The first form takes files of texts (.txt, tabular files, patterns in quotes), and tokenizer, columns, vectors and network of a
configuration of `fit`; it adapts the vectors first, and writes the configuration of the second form.""",
        {
            "target": "Configuration of `fit` that the network is for.",
            "budget": "Time, such as 20m or 2h; three epochs by default.",
            "out": "Folder to write; runs/pretrain-NAME by default.",
            "text_column": "Column of tabular files; that of the target, or `text`, by default.",
            "config": "Configuration in YAML, such as the one that the first form writes.",
            "ckpt_path": "Checkpoint to resume from, or `last`.",
        },
        {
            "model": Section(PretrainingModule),
            "data": Section(PretrainingDataModule),
            "trainer": Section(Trainer, ("max_epochs", "max_time", "precision", "devices")),
        },
        "TEXTS --target FILE [OPTIONS]",
    )
}


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
    if HELP["pretrain"].shown("pretrain", args):
        return
    hide_idle_messages()
    if args and not args[0].startswith("-"):
        from lit_transfer.cli.pretrain_target import pretrain_for

        pretrain_for(args, run)
    else:
        checkpoint = run(args)
        if checkpoint is not None:
            print_commands([("start a classifier from it", f"{program()} fit ... --model.init_from {checkpoint}")])


def run(args: Sequence[str]) -> str | None:
    """Pretrain with the arguments of the command line; return the path of the checkpoint, or None if there is none."""
    cli = PretrainingCLI(args)
    path = cli.config.ckpt_path
    if path == "last":
        found = last_checkpoint(cli.trainer)
        path = None if found is None else str(found)
        print_line("resuming", "there is no checkpoint yet: a new run" if path is None else os.path.relpath(path))
    elif path is not None:
        read_record(read_checkpoint(path, mmap=True), str(path))
    cli.trainer.fit(cli.model, cli.datamodule, ckpt_path=path)
    best = getattr(cli.trainer.checkpoint_callback, "best_model_path", "")
    if not best or not cli.trainer.is_global_zero:
        return None
    print_line("pretrained", os.path.relpath(best))
    return os.path.relpath(best)
