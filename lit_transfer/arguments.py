"""Arguments as frozen dataclasses: each is declared once, with its type, its range, and whether a resumed run may change it."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from typing_extensions import Self

from lit_transfer.errors import ConfigError

# Largest seed that numpy accepts.
LARGEST_SEED = 2**32 - 1
Value = TypeVar("Value")
Resume = Literal["network", "model", "data"]
"""Group of an argument in the settings that are compared when a run is resumed.

`network` must not change; `model` and `data` may change, and the resumed run uses the new value.
"""
Stored = Literal["always", "changed"]
"""Whether a checkpoint stores an argument of reading for further files: `always`, or if it was `changed` from the default.

Those of a text format are stored only if changed: a later file may be of another format.
"""

# Seconds of a unit of time, and a number with a unit.
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = r"(\d+(?:\.\d+)?)([smhd])"


def check_range(least: float, most: float | None = None, /, **values: float | None) -> None:
    """Check that numbers are in a closed range; None is accepted, NaN and infinity are not.

    Args:
        least: Minimum value.
        most: Maximum value; None for no limit.
        **values: Numbers by the name of the argument, for the error message.

    Raises:
        ConfigError: A number is out of range, or the value is no number.
    """
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, Real):
            raise _wrong_type(name, value, "a number")
        if not (least <= value < math.inf and (most is None or value <= most)):
            expected = f"at least {least}" if most is None else f"{least} to {most}"
            expected = f"finite, and {expected}" if value == math.inf and most is None else expected
            raise ConfigError(f"{name} is {value}, but it must be {expected}.")


def check_type(name: str, value: Any, hint: Any) -> None:
    """Check a value of an argument whose type is a number, `bool`, or one of them or None; `float` accepts whole numbers.

    Raises:
        ConfigError: The value is of another type.
    """
    types_of = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    if any(each not in (int, float, bool, types.NoneType) for each in types_of):
        return
    if value is None and types.NoneType in types_of:
        return
    if bool in types_of:
        if not (isinstance(value, (bool, np.bool_, int)) and value in (0, 1)):
            raise _wrong_type(name, value, "true or false")
    elif isinstance(value, bool) or not isinstance(value, Real if float in types_of else Integral):
        raise _wrong_type(name, value, "a number" if float in types_of else "a whole number")


def _wrong_type(name: str, value: object, expected: str) -> ConfigError:
    text = "the text " if isinstance(value, str) else ""
    return ConfigError(f"{name} is {text}{value!r}, but it must be {expected}.")


def parse_duration(text: str | None, name: str, unit: str = "") -> float:
    """Return a duration such as `90s`, `20m`, `1.5h` or `1h30m` in seconds; infinity for None.

    Args:
        text: The duration.
        name: Name of the argument, for the error message.
        unit: Unit of a number without one; such a number is an error if empty.

    Raises:
        ConfigError: The text is not a duration, or not above 0.
    """
    if text is None:
        return math.inf
    given = str(text).replace(" ", "")
    given += unit if given[-1:].isdigit() else ""
    seconds = sum(float(number) * _SECONDS[letter] for number, letter in re.findall(_DURATION, given))
    if not re.fullmatch(rf"({_DURATION})+", given) or seconds <= 0:
        raise ConfigError(f"{name} is {text!r}; expected a time above 0, such as 90s, 20m or 1h30m.")
    return seconds


def argument(
    default: Value,
    *,
    least: float | None = None,
    most: float | None = None,
    resume: Resume | None = None,
    stored: Stored | None = None,
) -> Value:
    """Declare a field of `Arguments`; its documentation is the string below it.

    Args:
        default: Default value.
        least: Minimum value; None for no check of the range.
        most: Maximum value; None for no limit.
        resume: Group in the settings that are compared when a run is resumed; None for an argument that is not compared.
        stored: Whether a checkpoint stores the argument for reading further files; None for no.
    """
    metadata = {"least": least, "most": most, "resume": resume, "stored": stored}
    field: Any = dataclasses.field(default=default, metadata=metadata)
    return field  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Arguments:
    """Base class of arguments that check themselves: values of `Literal` types, and ranges.

    A module that declares arguments does not import `annotations` from `__future__`: the types of inherited fields would be
    looked up in the module of the subclass.

    Raises:
        ConfigError: A value is not one of its type, or out of range.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, hint = getattr(self, field.name), _hints_of(type(self))[field.name]  # type: ignore[arg-type]
            check_choice(field.name, value, hint)
            check_type(field.name, value, hint)
            if field.metadata.get("least") is not None:
                check_range(field.metadata["least"], field.metadata["most"], **{field.name: value})

    def compared(self) -> dict[str, dict[str, Any]]:
        """Return the arguments that are compared when a run is resumed, by group."""
        found: dict[str, dict[str, Any]] = {}
        for field in dataclasses.fields(self):
            if group := field.metadata.get("resume"):
                found.setdefault(group, {})[field.name] = getattr(self, field.name)
        return found

    def stored(self) -> dict[str, Any]:
        """Return the arguments that a checkpoint stores for reading further files."""
        found = {}
        for field in dataclasses.fields(self):
            when, value = field.metadata.get("stored"), getattr(self, field.name)
            if when == "always" or (when == "changed" and value != field.default):
                found[field.name] = value
        return found

    def of(self, cls: type[Part]) -> Part:
        """Return the part of the arguments that a base class declares."""
        return cls.from_values(vars(self))

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Return the arguments that are among some values by name; others have their defaults."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})


Part = TypeVar("Part", bound=Arguments)


class ArgumentsSignature:
    """Signature of a class whose `__init__` takes the fields of its `arguments_class`, for `help` and `inspect.signature`.

    A subclass with another `__init__` has the signature of that.
    """

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        maker = next(cls for cls in owner.__mro__ if "__init__" in vars(cls))
        if instance is not None or vars(maker).get("__signature__") is not self:
            raise AttributeError("__signature__")
        kinds = [parameter.kind for parameter in inspect.signature(vars(maker)["__init__"]).parameters.values()]
        positional = inspect.Parameter.VAR_POSITIONAL in kinds
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD if positional else inspect.Parameter.KEYWORD_ONLY
        fields = inspect.signature(vars(maker)["arguments_class"]).parameters.values()
        return inspect.Signature([field.replace(kind=kind) for field in fields])


def plain_values(arguments: Arguments) -> dict[str, Any]:
    """Return the values by name, without callables such as optimizers."""
    values = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(arguments)}
    return {name: value for name, value in values.items() if not callable(value)}


def argument_names(cls: type) -> set[str]:
    """Return the names of the arguments of a class and its base classes.

    A class that takes those of a subclass of `Arguments` as keyword arguments has it as the attribute `arguments_class`.
    """
    makers = [vars(each)["__init__"] for each in cls.__mro__[:-1] if "__init__" in vars(each)]
    names = {
        name
        for make in makers
        for name, parameter in inspect.signature(make).parameters.items()
        if parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        and name != "self"
    }
    declared = getattr(cls, "arguments_class", None)
    return names if declared is None else names | {field.name for field in dataclasses.fields(declared)}


def check_choice(name: str, value: Any, hint: Any) -> None:
    """Check a value, or each value of a list, against the choices of a `Literal` type.

    Raises:
        ConfigError: The value is none of the choices.
    """
    choices = list(_choices(hint))
    if not choices or hint is str:
        return
    several = isinstance(value, (list, tuple))
    for each in value if several else [value]:
        if each not in choices and (isinstance(each, str) or get_origin(hint) is Literal):
            verb, one = ("has", "some") if several else ("is", "one")
            raise ConfigError(f"{name} {verb} {each!r}; expected {one} of {', '.join(map(str, choices))}.")


def _choices(hint: Any) -> Iterator[Any]:
    """Yield the values of the `Literal` types in a type; none if it admits any str."""
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    elif get_origin(hint) in (Union, types.UnionType, list) and str not in get_args(hint):
        for each in get_args(hint):
            yield from _choices(each)


@functools.cache
def _hints_of(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)
