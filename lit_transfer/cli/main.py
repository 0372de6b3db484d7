"""The entry point: chooses the command by its name, and prints errors that a user can fix without a traceback."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from lit_transfer.errors import LitTransferError


class Command(NamedTuple):
    """A command that is not one of the trainer's.

    Attributes:
        module: where its `main(args)` is; imported only when the command is used.
        help: one sentence for the list of commands.
    """

    module: str
    help: str


COMMANDS = {
    "compare": Command("lit_transfer.cli.compare", "Compare transfer modes: which one wins on your data?"),
    "vectors": Command("lit_transfer.cli.vectors", "Inspect, convert and train word vectors."),
}

# A disk that is full, a quota or a limit that is reached, a folder that may not be written.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


def main(args: Any = None) -> None:
    """Run the command line; exit with 2 and one line on stderr on an error that the user can fix.

    Args:
        args: the arguments, `sys.argv[1:]` if None; a mapping goes to `LightningCLI` as it is.
    """
    # As `python -m` does: a `class_path` or a tokenizer may stand in a file beside the YAML. Last, so that it hides nothing.
    sys.path.append(os.getcwd())
    given: Sequence[str] = sys.argv[1:] if args is None else args if isinstance(args, list) else []
    try:
        if given and given[0] in COMMANDS:
            importlib.import_module(COMMANDS[given[0]].module).main(list(given[1:]))
        else:
            importlib.import_module("lit_transfer.cli.trainer").main(args)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = f" ({error.filename})" if error.filename else ""
        _fail(
            f"A file could not be written: {error.strerror}{where}. Make room, or set --trainer.default_root_dir (and "
            "the loggers' save_dir) to another folder; --ckpt_path last goes on from the last checkpoint."
        )
    except ValueError as error:
        # jsonargparse wraps what a constructor raises.
        told = error if isinstance(error, LitTransferError) else error.__cause__
        if not isinstance(told, LitTransferError):
            raise
        _fail(str(told))


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
