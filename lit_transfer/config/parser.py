"""Errors of command line parsers, with a suggestion for a misspelled option."""

from __future__ import annotations

import difflib
import functools
import inspect
import operator
import pydoc
import re
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, get_args

from docstring_parser import DocstringStyle
from jsonargparse import ArgumentError, set_parsing_settings

from lit_transfer.arguments import argument_names
from lit_transfer.config.verbatim import VerbatimMixin
from lit_transfer.errors import ConfigError
from lit_transfer.escaping import printable_lines

# Without a style, all are tried; arguments of `lit_transfer.arguments.Arguments` are documented below their declaration.
set_parsing_settings(docstring_parse_style=DocstringStyle.GOOGLE, docstring_parse_attribute_docstrings=True)

# jsonargparse's messages for unknown options: on the command line, in a file, in the arguments of a class.
_NO_OPTION = re.compile(r"[Uu]nrecognized arguments: --([^\s=]+)|does not accept option '([^']+)'")
_NOT_VALID = re.compile(r'Parser key "([^"]+)":\s+(.*?)\s*(?:Given value|Got value): ([^\n]*)\s*', re.DOTALL)
_NOT_VALID_INSIDE = re.compile(
    r'Parser key "([^"]+)":.*?Problem with given class_path[^\n]*:\s+--(\S+ is [^\n]*; expected [^\n]*)', re.DOTALL
)
_NO_ARGUMENT = re.compile(r"class_path '([\w.]+)':\s+Option '([^']+)' is not accepted")


class SuggestionMixin(VerbatimMixin):
    """Mixin for parsers whose errors suggest the nearest option, and that take some values verbatim."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Exit with a message, with control characters escaped."""
        super().error(printable_lines(explain(message, self)), ex)  # type: ignore[call-arg]


def integers_first(parser: ArgumentParser) -> None:
    """Let the arguments of a parser that are integers or floats be read as integers where possible.

    `typing` treats `Union[int, float, None]` and `Union[float, int, None]` as equal and returns the one that was created first,
    by any library; jsonargparse tries their types in order, so that 1 could become 1.0.
    """
    for action in parser._actions:
        kinds = list(get_args(getattr(action, "_typehint", None)))
        if {int, float} <= set(kinds) and all(isinstance(kind, type) for kind in kinds):
            first, second = sorted((kinds.index(int), kinds.index(float)))
            kinds[first], kinds[second] = int, float
            action._typehint = functools.reduce(operator.or_, kinds)  # type: ignore[attr-defined]  # not cached


@contextmanager
def explained(parser: ArgumentParser, where: str = "") -> Iterator[None]:
    """Raise the errors of a parser that does not exit as errors that a user can fix, with `where` before the message.

    Raises:
        ConfigError: An argument is unknown or invalid.
    """
    try:
        yield
    except ArgumentError as error:
        raise ConfigError(where + explain(str(error), parser)) from error


def explain(message: str, parser: ArgumentParser) -> str:
    """Return the message of a parser error; for an unknown option, one sentence with a suggestion."""
    if "--print_shtab" in message:  # of jsonargparse, which names its own settings instead
        return (
            "There is no option --print_shtab. `lightning completion bash` prints the script that completes commands."
        )
    if found := _NO_ARGUMENT.search(message):
        cls, given = found.groups()
        return f"{cls} has no argument {given}.{_meant(given, _arguments(pydoc.locate(cls)))}"
    if found := _NO_OPTION.search(message):
        given = found[1] or found[2]
        where = f" Run `{parser.prog} --help` for all options."
        return f"There is no option --{given}.{_meant(given, _options(parser), '--')}{where}"
    if found := _NOT_VALID_INSIDE.search(message):
        return f"--{found[1]}.{found[2]}"
    if (found := _NOT_VALID.fullmatch(message)) and (expected := _expected(found[2])):
        return f"--{found[1]} is {found[3]}; expected {expected}."
    return message


def _expected(reasons: str) -> str:
    """Return the types or values that jsonargparse expected; empty if they are not simple ones."""
    kinds = re.findall(r"Expected an? (.*?)\.?(?: Got value: .*)?$", reasons, re.MULTILINE)
    if not all(re.fullmatch(r"<class '\w+'>|typing\.Literal\[.*\]", kind) for kind in kinds):
        return ""
    names = [re.sub(r"<class '(\w+)'>", r"\1", kind).replace("NoneType", "null") for kind in kinds]
    return " or ".join(
        re.sub(r"typing\.Literal\[(.*)\]", lambda found: found[1].replace("'", ""), name) for name in names
    )


def _meant(given: str, known: Iterable[str], before: str = "") -> str:
    """Return a question with the nearest known names, compared as a whole and by their last parts."""
    nearness = {
        name: max(_ratio(given, name), _ratio(given.rpartition(".")[2], name.rpartition(".")[2]) - 0.01)
        for name in known
    }
    near = sorted((name for name, ratio in nearness.items() if ratio > 0.7), key=lambda name: (-nearness[name], name))
    return f" Did you mean {' or '.join(before + name for name in near[:2])}?" if near else ""


def _ratio(a: str, b: str) -> float:
    return difflib.SequenceMatcher(None, a, b).ratio()


def _options(parser: ArgumentParser) -> set[str]:
    """Return the options of a parser and its subcommands, including the arguments of the model and the data."""
    names: set[str] = set()
    for action in parser._actions:
        options = [option.removeprefix("--") for option in action.option_strings if option.startswith("--")]
        names.update(option for option in options if not option.endswith(("help", "+")))
        for cls in get_args(getattr(action, "_typehint", None)) if set(options) & {"model", "data"} else ():
            names.update(f"{options[0]}.{argument}" for argument in _arguments(cls))
        if isinstance(action.choices, dict):
            names.update(*(_options(each) for each in action.choices.values() if isinstance(each, ArgumentParser)))
    return names


def _arguments(cls: Any) -> set[str]:
    """Return the arguments of a class and its base classes."""
    return argument_names(cls) if inspect.isclass(cls) else set()
