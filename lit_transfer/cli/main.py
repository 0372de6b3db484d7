"""The entry point: chooses the command by its name, and prints errors that a user can fix without a traceback."""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import sys
import textwrap
from typing import Any, NamedTuple

from lit_transfer.errors import LitTransferError


class Command(NamedTuple):
    """A command.

    Attributes:
        module: Where its `main(args)` is; imported only when the command is used.
        help: One sentence for the list of commands.
    """

    module: str
    help: str


_TRAINER = "lit_transfer.cli.trainer"
# In the order in which a newcomer meets them.
COMMANDS = {
    "init": Command("lit_transfer.cli.init", "Look at your file and write a configuration for it."),
    "fit": Command(_TRAINER, "Train a model, and keep its best checkpoint."),
    "validate": Command(_TRAINER, "Measure a checkpoint on the validation split."),
    "test": Command(_TRAINER, "Measure a checkpoint on the test split, with a table and a confusion matrix."),
    "predict": Command(_TRAINER, "Classify the texts of a file with a checkpoint."),
    "classify": Command("lit_transfer.cli.classify", "Label texts with a trained model."),
    "explain": Command("lit_transfer.cli.explain", "Show which words decide, and what a model gets wrong."),
    "neighbours": Command("lit_transfer.cli.neighbours", "Show the nearest words of words before and after training."),
    "contexts": Command("lit_transfer.cli.contexts", "Show how a word's states differ with its sentence."),
    "threshold": Command("lit_transfer.cli.threshold", "Find the confidence below which `classify` is to say unsure."),
    "export": Command("lit_transfer.cli.export", "Write a checkpoint as a folder that runs without torch (ONNX)."),
    "serve": Command("lit_transfer.cli.serve", "Answer texts over HTTP with a checkpoint."),
    "audit": Command("lit_transfer.cli.audit", "Find the labels of your data that are probably wrong."),
    "compare": Command("lit_transfer.cli.compare", "Compare transfer modes: which one wins on your data?"),
    "vectors": Command("lit_transfer.cli.vectors", "Inspect, convert, train and adapt word vectors."),
    "pretrain": Command("lit_transfer.cli.pretrain", "Pretrain the network on unlabelled text, before `fit`."),
}

# A disk that is full, a quota or a limit that is reached, a folder that may not be written.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)
# As a shell has it for a process that ctrl-C ended.
INTERRUPTED = 130


def main(args: Any = None) -> None:
    """Run the command line; exit with 2 and one line on stderr on an error that the user can fix.

    Args:
        args: The arguments, `sys.argv[1:]` if None; a mapping goes to `LightningCLI` as it is.
    """
    # As `python -m` does: a `class_path` or a tokenizer may stand in a file beside the YAML. Last, so that it hides nothing.
    sys.path.append(os.getcwd())
    try:
        if args is None or isinstance(args, list):
            _run(args)
        else:
            importlib.import_module(_TRAINER).main(args)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
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


def _run(args: list[str] | None) -> None:
    given = sys.argv[1:] if args is None else args
    name = given[0] if given else "--help"
    if name in ("-h", "--help", "help"):
        print(_overview())
    elif name == "--version":
        print(f"lit_transfer {importlib.import_module('lit_transfer').__version__}")
    elif name in COMMANDS:
        module = COMMANDS[name].module
        importlib.import_module(module).main(args if module == _TRAINER else given[1:])
    elif name.startswith("-"):  # Lightning's own, such as --config before the command
        importlib.import_module(_TRAINER).main(args)
    else:
        near = ["fit"] if name == "train" else difflib.get_close_matches(name, COMMANDS, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        _fail(f"There is no command {name}.{meant} The commands are {', '.join(COMMANDS)}.")


def _overview() -> str:
    width = max(map(len, COMMANDS)) + 4
    commands = "\n".join(
        textwrap.fill(command.help, 79, initial_indent=f"  {name}".ljust(width), subsequent_indent=" " * width)
        for name, command in COMMANDS.items()
    )
    return (
        "usage: lightning COMMAND [OPTIONS]\n\nClassify text with pretrained word vectors.\n\ncommands:\n"
        f"{commands}\n\n`lightning COMMAND --help` says more of each. The first steps: lightning fit --config FILE"
    )


def _fail(message: str) -> None:
    from lit_transfer.console import printable

    print(f"error: {printable(message)}", file=sys.stderr)
    sys.exit(2)
