"""The entry point: dispatches to the commands, and prints errors that a user can fix without a traceback."""

from __future__ import annotations

import atexit
import difflib
import errno
import gc
import importlib
import keyword
import os
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

from lit_transfer.errors import LitTransferError, program_name


class Command(NamedTuple):
    """A command.

    Its module, imported only when the command is used, has a function of the command's name, whose signature gives the
    arguments, or else `main(args)`.

    Attributes:
        help: Description for the list of commands.
        module: Module below `lit_transfer.cli` of several commands, whose `main` is also given the name of the command;
            empty for a module of the command's name.
        commands: Commands of the command.
    """

    help: str
    module: str = ""
    commands: Mapping[str, Command] = MappingProxyType({})


# In the order of typical use.
COMMANDS: dict[str, Command] = {
    "init": Command("Inspect your file and write a configuration for it."),
    "fit": Command("Train a model, and keep its best checkpoint.", "fit"),
    "validate": Command("Evaluate a checkpoint on the validation split.", "fit"),
    "test": Command("Evaluate a checkpoint on the test split, with a table and a confusion matrix.", "fit"),
    "predict": Command("Classify the texts of a file with a checkpoint.", "fit"),
    "update": Command("Train a model further on new texts or classes, and test what it gained and forgot."),
    "classify": Command("Label texts with a trained model."),
    "explain": Command("Attribute predictions to words, or report the errors of a model."),
    "neighbours": Command("Show the nearest neighbours of words before and after training."),
    "contexts": Command("Show how the states of a word differ between sentences."),
    "threshold": Command("Find the confidence below which `classify` answers unsure."),
    "export": Command("Write a checkpoint as a folder that runs without torch (ONNX)."),
    "serve": Command("Serve a model over HTTP."),
    "try": Command("Open a page on which a model can be tried.", "try_page"),
    "label": Command("Label texts on a local page that measures the accuracy of the model so far."),
    "audit": Command("Find probably wrong labels in your data."),
    "compare": Command("Compare transfer modes and baselines on your data."),
    "tune": Command("Search settings, and find out whether they are better than yours."),
    "vectors": Command(
        "Inspect, convert, train and adapt word vectors.",
        commands={
            "inspect": Command("Show the contents of a file, and its coverage of your text.", "vectors"),
            "convert": Command("Convert a file to the memory-mapped format.", "vectors"),
            "train": Command("Train vectors on your text.", "vectors"),
            "adapt": Command("Continue training pretrained vectors on your text.", "vectors"),
        },
    ),
    "pretrain": Command("Pretrain the network on unlabelled text, before `fit`."),
    "distill": Command("Label unlabelled text with a larger model, to train yours on it."),
    "doctor": Command("Show versions, processor, cache and extras, and test the installation."),
    "completion": Command("Print the script that completes commands and options in a shell."),
}

ALL = Command("Classify text with pretrained word vectors.", commands=COMMANDS)

# Full disk, exceeded quota or limit.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# A folder without write permission, and names that cannot be those of files.
UNWRITABLE = (
    *FULL,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
)
# Words that ask for the list of commands.
HELP = ("-h", "--help", "help")
# The threads of OpenMP wait for each other in a loop of this many turns, after which they sleep. By default they wait for
# milliseconds, which takes the cores from other processes, and then from the thread that all wait for.
SPIN_COUNT = "1000"
# The shell's exit code for a process ended by SIGINT.
INTERRUPTED = 130


def main(args: Any = None) -> None:
    """Run the command line; exit with 2 and one line on stderr on an error that the user can fix.

    Args:
        args: Arguments; None for `sys.argv[1:]`. A mapping is passed to `LightningCLI`.
    """
    from lit_transfer.escaping import prepare_streams

    prepare_streams()
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    # At exit, Python would search all objects of torch for garbage, for half a second: the process frees their memory anyway.
    atexit.register(gc.freeze)
    try:
        # Like `python -m`, for class paths and tokenizers in the working directory; appended, so that it shadows nothing.
        sys.path.append(os.getcwd())
    except OSError:
        _fail("The working directory no longer exists. Change to another one with cd.")
    try:
        if args is None or isinstance(args, list):
            _run(args)
        else:
            _imported("fit").main(args)
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
        full = error.errno in FULL
        _fail(
            f"A file could not be written: {error.strerror}{where}. {'Free disk space, or choose' if full else 'Choose'} another "
            "file or folder: the option for the output, or --trainer.default_root_dir (and the loggers' save_dir); "
            "--ckpt_path last resumes from the last checkpoint."
        )
    except ValueError as error:
        # jsonargparse wraps the exceptions of constructors.
        cause = error if isinstance(error, LitTransferError) else error.__cause__
        if not isinstance(cause, LitTransferError):
            backend = os.environ.get("MPLBACKEND")
            if backend and str(error).startswith("Key backend:"):  # of matplotlib, which torchmetrics imports
                _fail(f"The environment variable MPLBACKEND is {backend}, which is no backend of matplotlib. Unset it.")
            raise
        _fail(str(cause))


def _run(args: list[str] | None) -> None:
    given = sys.argv[1:] if args is None else args
    if given[:1] == ["--version"]:
        print(f"lit_transfer {importlib.import_module('lit_transfer').__version__}")
    elif given and given[0].startswith("-") and given[0] not in HELP:  # an option of Lightning, such as --config
        _imported("fit").main(given)
    else:
        _choose(ALL, program_name(), given)


def _choose(parent: Command, before: str, given: list[str]) -> None:
    """Run the command that the first argument names."""
    commands = parent.commands
    if not given or given[0] in HELP:
        print(_overview(parent, before))
        if not given and parent is not ALL:
            _fail(f"Expected one of {', '.join(commands)}.")
        return
    name, *rest = given
    if name not in commands:
        near = ["fit"] if name == "train" else difflib.get_close_matches(name, commands, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        _fail(f"There is no command {name}.{meant} The commands are {', '.join(commands)}.")
    command = commands[name]
    if command.commands:
        _choose(command, f"{before} {name}", rest)
        return
    module = _imported(command.module or name)
    if hasattr(module, "main"):
        module.main(given if command.module else rest)
    else:
        _import("lit_transfer.config.command").run(function_of(module, name), f"{before} {name}", rest)


def function_of(module: ModuleType, name: str) -> Callable[..., None]:
    """Return the function of a command; a name that is a keyword of Python has an underscore after it."""
    return getattr(module, f"{name}_" if keyword.iskeyword(name) else name)


def _imported(module: str) -> ModuleType:
    """Import a command, and then set the format of warnings, since importing Lightning sets its own."""
    from lit_transfer.escaping import format_warning

    command = _import(f"lit_transfer.cli.{module}")
    warnings.formatwarning = format_warning
    return command


def _import(module: str) -> ModuleType:
    """Import a module without searching for garbage meanwhile: what torch creates stays, and the search takes time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        if collects:
            gc.enable()


def _overview(parent: Command, before: str) -> str:
    width = max(map(len, parent.commands)) + 4
    lines = "\n".join(
        textwrap.fill(command.help, 79, initial_indent=f"  {name}".ljust(width), subsequent_indent=" " * width)
        for name, command in parent.commands.items()
    )
    return (
        f"usage: {before} COMMAND [OPTIONS]\n\n{parent.help}\n\ncommands:\n{lines}\n\n"
        f"Run `{before} COMMAND --help` for details. To start: {program_name()} fit --config FILE"
    )


def _fail(message: str) -> None:
    from lit_transfer.escaping import printable

    print(f"error: {printable(message)}", file=sys.stderr)
    sys.exit(2)
