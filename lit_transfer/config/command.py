"""Commands made from functions: the signature gives the arguments, and the docstring the help."""

from __future__ import annotations

import inspect
import textwrap
from argparse import SUPPRESS, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from inspect import Parameter
from typing import Any

from docstring_parser import DocstringStyle, parse
from jsonargparse import ArgumentParser, DefaultHelpFormatter

from lit_transfer.config.parser import SuggestionMixin

_OPTIONS = (Parameter.KEYWORD_ONLY, Parameter.VAR_KEYWORD)
# The number of words of a positional argument, as argparse writes it.
_NUMBERS = {"optional": "?", "any": "*"}


class Help(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Help whose description has paragraphs that fit the terminal, and examples with their lines as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = text.split("\n\n")
        return "\n\n".join(
            each if "\n  " in each else textwrap.fill(each, width, initial_indent=indent, subsequent_indent=indent)
            for each in paragraphs
        )


class CommandParser(SuggestionMixin, ArgumentParser):
    """Parser for the arguments of a function.

    Keyword-only parameters are options; the others are positional arguments of type str, `*names` takes any number of them.
    An option of type bool whose default is false needs no value. Options may stand before, between and after positional
    arguments; everything after `--` is positional.

    Args:
        function: Function with a Google style docstring. Its text before `Args:` is the description.
        name: Name of the command, as in `lightning classify`.
    """

    def __init__(self, function: Callable[..., None], name: str) -> None:
        parameters = inspect.signature(function).parameters.values()
        positional = {each.name: each for each in parameters if each.kind not in _OPTIONS}
        docstring = function.__doc__ or ""  # python -OO strips docstrings: commands then work without help
        described = {
            each.arg_name.lstrip("*"): each.description for each in parse(docstring, DocstringStyle.GOOGLE).params
        }
        super().__init__(
            prog=name,
            usage=" ".join([name, *map(_shown, positional.values()), "[OPTIONS]"]),
            description=inspect.cleandoc(docstring).partition("\nArgs:\n")[0].rstrip(),
            formatter_class=Help,
        )
        for each in positional.values():
            number: dict[str, Any] = {"nargs": _NUMBERS[_number(each)]} if _number(each) else {}
            self.add_argument(each.name, metavar=each.name.upper(), type=str, help=described.get(each.name), **number)
        self.add_function_arguments(function, skip={*positional}, as_group=False)
        hide_groups(self)
        self._flags: set[str] = set()
        for action in self._actions:
            if getattr(action, "_typehint", None) is bool and action.default is False:
                action.nargs, action.const, action.metavar = "?", True, "BOOL"
                self._flags.update(action.option_strings)

    def parse_args(self, args: Sequence[str] | None = None, *given: Any, **options: Any) -> Any:  # type: ignore[override]
        """Parse arguments in any order."""
        return super().parse_args(None if args is None else self._options_first(args), *given, **options)

    def _options_first(self, args: Sequence[str]) -> list[str]:
        """Move positional arguments to the end: argparse finds those of any number in one place only."""
        options: list[str] = []
        words: list[str] = []
        left = list(args)
        while left:
            word = left.pop(0)
            name, equals, _ = word.partition("=")
            if word == "--":
                words += left
                break
            if not word.startswith("-") or word == "-" or " " in name:
                words.append(word)
                continue
            options.append(word)
            takes_value = not equals and word not in ("-h", "--help")
            if left and takes_value and (name not in self._flags or left[0] in ("true", "false")):
                options.append(left.pop(0))
        return [*options, "--", *words] if words else options


def hide_groups(parser: ArgumentParser) -> None:
    """Hide the options that take a file for a whole group of options."""
    for action in parser._actions:
        if action.help == "Path to a configuration file.":
            action.help = SUPPRESS


def _number(parameter: Parameter) -> str:
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return "any"
    return "" if parameter.default is Parameter.empty else "optional"


def _shown(parameter: Parameter) -> str:
    name = parameter.name.upper()
    return {"": name, "optional": f"[{name}]", "any": f"[{name} ...]"}[_number(parameter)]


def run(function: Callable[..., None], name: str, args: Sequence[str]) -> None:
    """Call the function that implements a command with the arguments after its name."""
    parser = CommandParser(function, name)
    values = vars(parser.instantiate(parser.parse_args(args)))
    given: list[Any] = []
    for each in inspect.signature(function).parameters.values():
        if each.kind is Parameter.VAR_POSITIONAL:
            given += values.pop(each.name) or []
        elif each.kind not in _OPTIONS:
            given.append(values.pop(each.name))
    function(*given, **values)
