"""The command line: LightningCLI with this package's model and data as defaults."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from lit_transfer.classifier import TextClassifier
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import LitTransferError
from lit_transfer.reporting import PredictionWriter

# In place of one with all of the trainer's flags, which would push the error that it stands before off the screen.
USAGE = "--config FILE [--model.NAME VALUE] [--data.NAME VALUE] [--trainer.NAME VALUE] [--ckpt_path FILE]"


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
            trainer_defaults={"callbacks": [PredictionWriter()]},
            parser_kwargs={command: {"usage": f"lightning {command} {USAGE}"} for command in self.subcommands()},
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


def main(args: ArgsType = None) -> None:
    """Runs the command line; an error that the user can mend is printed without a traceback, and the exit code is 2."""
    # Lightning's own use of torch; nothing that a user could do about.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    # As `python -m` does: a `class_path` or a tokenizer may stand in a file beside the YAML. Last, so that it hides nothing.
    sys.path.append(os.getcwd())
    given = sys.argv[1:] if args is None else args
    try:
        if isinstance(given, list) and given[:1] == ["vectors"]:
            from lit_transfer.commands import vectors_main

            vectors_main(given[1:])
        else:
            TransferCLI(args)
    except LitTransferError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
