"""`lightning completion SHELL`: print the script that completes commands, options and files in a shell."""

from __future__ import annotations

import importlib
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from lit_transfer.cli.main import COMMANDS, Command, function_of
from lit_transfer.config.command import CommandParser
from lit_transfer.errors import ConfigError, missing_package, program_name

SHELLS = ("bash", "zsh", "tcsh")


def completion(shell: str) -> None:
    """Print the script that completes commands, options and files in a shell.

    bash and tcsh source it; zsh finds it as the file `_lightning` of a folder in `fpath`, or takes it by `eval`.

    Examples:
      lightning completion bash >> ~/.bashrc

    Args:
        shell: bash, zsh or tcsh.

    Raises:
        ConfigError: The shell is unknown, or shtab is not installed.
    """
    if shell not in SHELLS:
        raise ConfigError(f"There is no completion for {shell}. Expected {', '.join(SHELLS)}.")
    try:
        import shtab
    except ImportError as error:
        raise ConfigError(missing_package("completion", "shtab", "completion", error)) from error
    parser = ArgumentParser(name := program_name())
    _add(parser.add_subparsers(), COMMANDS, name, shtab.FILE)
    print(shtab.complete(parser, shell))


def _add(subparsers: _SubParsersAction[Any], commands: Mapping[str, Command], before: str, files: Any) -> None:
    for name, command in commands.items():
        parser = subparsers.add_parser(name, help=command.help)
        if command.commands:
            _add(parser.add_subparsers(), command.commands, f"{before} {name}", files)
            continue
        module = importlib.import_module(f"lit_transfer.cli.{command.module or name}")
        known = (
            module.HELP[name].parser(name)
            if hasattr(module, "main")
            else CommandParser(function_of(module, name), name)
        )
        for action in known._actions:
            if "--help" in action.option_strings:
                continue
            names = action.option_strings or [action.dest]
            hint = getattr(action, "_typehint", None)
            values = get_args(hint) if get_origin(hint) is Literal else ()
            choices: dict[str, Any] = {"choices": list(values)} if values else {}
            if action.nargs is not None:
                choices["nargs"] = action.nargs
            added: Any = parser.add_argument(*names, **choices)
            if not values:
                added.complete = files
