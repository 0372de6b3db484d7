"""How files of texts are written, and which of their columns and rows are read."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from lit_transfer.errors import ConfigError, DataError

Quoting = Literal["auto", "minimal", "none"]
Cell = str | int | float | bool
# Not of type Any, of which a parser of configurations reads the str 001 as 1.
Where = dict[str, Cell | list[Cell]]


@dataclass(frozen=True)
class ReadingOptions:
    """How a file of texts is written, and which of its columns and rows are read.

    Args:
        text_column: Name of the column with the texts, or its number in a file without a header.
        text_columns: Names of several columns whose texts are joined, instead of `text_column`.
        text_separator: String between the texts of several columns.
        label_column: Name of the column with the labels, or its number in a file without a header.
        label_separator: Separator between several labels in a cell, such as `|`; None if a cell has one label, or a list.
        label_columns: Names of columns with 0 or 1, one for each class, instead of `label_column`.
        task: `single_label`, `multi_label`, or `auto` for the one that the labels are written for.
        weight_column: Name of the column with the weight of each training text in the loss; None for equal weights.
        encoding: Encoding of text files, such as `cp949`; None for UTF-8.
        header: Whether the first row of a CSV, TSV or Excel file has the names of the columns. Without a header, columns
            have numbers, beginning with 1.
        separator: Separator of the columns, one character; None to detect it.
        quoting: `minimal`, fields may be in double quotes; `none`, a double quote is a character like any other; `auto`,
            `minimal` for CSV, and for TSV whichever the file follows.
        escape: Character before a quote in a quoted field, such as a backslash in the files of Spark; None if quotes are
            doubled.
        where: Values, or lists of values, by column: only rows with these values are kept, compared as strings.
        drop_unlabelled: Whether rows without a label are dropped and counted; otherwise they are an error.
        label_names: New names by original label; labels with the same name become one class.
        split_column: Name of a column of the train file that says which split a row belongs to: `train`, `validation` (or
            `val`, `dev`) or `test`. None if all rows are of the train split.

    Raises:
        ConfigError: An argument is invalid, or two contradict each other.
    """

    text_column: str | int = "text"
    text_columns: Sequence[str | int] | None = None
    text_separator: str = "\n"
    label_column: str | int = "label"
    label_separator: str | None = None
    label_columns: Sequence[str] | None = None
    task: Literal["auto", "single_label", "multi_label"] = "auto"
    weight_column: str | int | None = None
    encoding: str | None = None
    header: bool = True
    separator: str | None = None
    quoting: Quoting = "auto"
    escape: str | None = None
    where: Where | None = None
    drop_unlabelled: bool = False
    label_names: dict[str, str] | None = None
    split_column: str | None = None

    def __post_init__(self) -> None:
        if self.encoding is not None:
            check_encoding(self.encoding)
        if self.quoting not in get_args(Quoting):
            raise ConfigError(f"quoting is {self.quoting!r}; expected one of {', '.join(get_args(Quoting))}.")
        for name in ("separator", "escape"):
            value = getattr(self, name)
            if value is not None and (len(value) != 1 or value in '\r\n"'):
                raise ConfigError(
                    f"{name} is {value!r}; expected one character, neither a line break nor a double quote."
                )
        if self.separator is not None and self.separator == self.escape:
            raise ConfigError(f"separator and escape are both {self.separator!r}; expected two different characters.")
        if self.text_columns is not None and (isinstance(self.text_columns, str) or not self.text_columns):
            raise ConfigError(
                f"text_columns is {self.text_columns!r}; expected a list of columns, as in [title, body]."
            )

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> ReadingOptions:
        """Return the options among the arguments of a data module or a checkpoint."""
        return cls(**{name: value for name, value in arguments.items() if name in _DEFAULTS})

    def as_arguments(self) -> dict[str, Any]:
        """Return the arguments that further files of the same kind are read with, as plain values, for checkpoints.

        Those of the text format are left out where they have the default: a later file may be of another format.
        """
        always = ("text_column", "label_column", "where", "label_names")
        kept = (
            "text_columns",
            "text_separator",
            "label_separator",
            "label_columns",
            "header",
            "separator",
            "quoting",
            "escape",
        )
        values = {name: getattr(self, name) for name in (*always, *kept)}
        return {name: value for name, value in values.items() if name in always or value != _DEFAULTS[name]}

    @property
    def texts_in(self) -> tuple[str, ...]:
        """Names of the columns with the texts."""
        return tuple(map(str, [self.text_column] if self.text_columns is None else self.text_columns))

    @property
    def labels_in(self) -> str:
        """Name of the column with the labels."""
        return str(self.label_column)


class OtherDialectError(DataError):
    """A file is written in another way than the reading options say.

    Attributes:
        options: Options with which it can be read.
    """

    def __init__(self, message: str, options: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.options = options


_DEFAULTS = {field.name: field.default for field in fields(ReadingOptions)}


def check_encoding(encoding: str) -> None:
    """Check the name of a text encoding.

    Raises:
        ConfigError: The encoding is unknown.
    """
    try:
        codecs.lookup(encoding)
        "a".encode(encoding).decode(encoding)
    except (LookupError, UnicodeError) as error:
        raise ConfigError(
            f"encoding is {encoding!r}, but {error}. Expected a name such as utf-8, cp949, latin-1, cp1252."
        ) from error
