"""The entry point: dispatches to the commands, and prints errors that a user can fix without a traceback."""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import sys
import textwrap
import warnings
from types import ModuleType
from typing import Any, NamedTuple

from lit_transfer.errors import LitTransferError


class Command(NamedTuple):
    """A command.

    Attributes:
        module: Module with its `main(args)`, imported only when the command is used.
        help: Description for the list of commands.
    """

    module: str
    help: str


_TRAINER = "lit_transfer.cli.trainer"
# In the order of typical use.
COMMANDS = {
    "init": Command("lit_transfer.cli.init", "Inspect your file and write a configuration for it."),
    "fit": Command(_TRAINER, "Train a model, and keep its best checkpoint."),
    "validate": Command(_TRAINER, "Evaluate a checkpoint on the validation split."),
    "test": Command(_TRAINER, "Evaluate a checkpoint on the test split, with a table and a confusion matrix."),
    "predict": Command(_TRAINER, "Classify the texts of a file with a checkpoint."),
    "classify": Command("lit_transfer.cli.classify", "Label texts with a trained model."),
    "explain": Command("lit_transfer.cli.explain", "Attribute predictions to words, or report the errors of a model."),
    "neighbours": Command(
        "lit_transfer.cli.neighbours", "Show the nearest neighbours of words before and after training."
    ),
    "contexts": Command("lit_transfer.cli.contexts", "Show how the states of a word differ between sentences."),
    "threshold": Command("lit_transfer.cli.threshold", "Find the confidence below which `classify` answers unsure."),
    "export": Command("lit_transfer.cli.export", "Write a checkpoint as a folder that runs without torch (ONNX)."),
    "serve": Command("lit_transfer.cli.serve", "Serve a model over HTTP."),
    "label": Command("lit_transfer.cli.label", "Label texts on a local page that says how good the model is already."),
    "audit": Command("lit_transfer.cli.audit", "Find probably wrong labels in your data."),
    "compare": Command("lit_transfer.cli.compare", "Compare transfer modes and baselines on your data."),
    "vectors": Command("lit_transfer.cli.vectors", "Inspect, convert, train and adapt word vectors."),
    "pretrain": Command("lit_transfer.cli.pretrain", "Pretrain the network on unlabelled text, before `fit`."),
    "distill": Command("lit_transfer.cli.distill", "Label unlabelled text with a larger model, to train yours on it."),
}

# Full disk, exceeded quota or limit, folder without write permission.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
# The shell's exit code for a process ended by SIGINT.
INTERRUPTED = 130


def main(args: Any = None) -> None:
    """Run the command line; exit with 2 and one line on stderr on an error that the user can fix.

    Args:
        args: Arguments; None for `sys.argv[1:]`. A mapping is passed to `LightningCLI`.
    """
    # Like `python -m`, for class paths and tokenizers in the working directory; appended, so that it shadows nothing.
    sys.path.append(os.getcwd())
    try:
        if args is None or isinstance(args, list):
            _run(args)
        else:
            _imported(_TRAINER).main(args)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # such as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        where = f" ({error.filename})" if error.filename else ""
        _fail(
            f"A file could not be written: {error.strerror}{where}. Free disk space, or set --trainer.default_root_dir "
            "(and the loggers' save_dir) to another folder; --ckpt_path last resumes from the last checkpoint."
        )
    except ValueError as error:
        # jsonargparse wraps the exceptions of constructors.
        told = error if isinstance(error, LitTransferError) else error.__cause__
        if not isinstance(told, LitTransferError):
            raise
        _fail(str(told))


def _run(args: list[str] | None) -> None:
    given = sys.argv[1:] if args is None else args
    name = given[0] if given else "--help"
    if name in ("-h", "--help", "help"):
        print(_overview())
    elif name == "--version":
        print(f"lit_transfer {importlib.import_module('lit_transfer').__version__}")
    elif name in COMMANDS:
        module = _imported(COMMANDS[name].module)
        module.main(args if module.__name__ == _TRAINER else given[1:])
    elif name.startswith("-"):  # an option of Lightning, such as --config before the command
        _imported(_TRAINER).main(args)
    else:
        near = ["fit"] if name == "train" else difflib.get_close_matches(name, COMMANDS, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        _fail(f"There is no command {name}.{meant} The commands are {', '.join(COMMANDS)}.")


def _imported(module: str) -> ModuleType:
    """Import a command, and then set the format of warnings, since importing Lightning sets its own."""
    from lit_transfer.console import format_warning

    command = importlib.import_module(module)
    warnings.formatwarning = format_warning
    return command


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 4
    commands = "\n".join(
        textwrap.fill(command.help, 79, initial_indent=f"  {name}".ljust(width), subsequent_indent=" " * width)
        for name, command in COMMANDS.items()
    )
    return (
        "usage: lightning COMMAND [OPTIONS]\n\nClassify text with pretrained word vectors.\n\ncommands:\n"
        f"{commands}\n\nRun `lightning COMMAND --help` for details. To start: lightning fit --config FILE"
    )


def _fail(message: str) -> None:
    from lit_transfer.console import printable

    print(f"error: {printable(message)}", file=sys.stderr)
    sys.exit(2)
