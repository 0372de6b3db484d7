"""Options for reading files of texts: their format, and the columns and rows to read."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lit_transfer.arguments import Arguments, argument
from lit_transfer.errors import ConfigError, DataError

Cell = str | int | float | bool
# Not of type Any, of which a parser of configurations reads the str 001 as 1.
Where = dict[str, Cell | list[Cell]]


@dataclass(frozen=True)
class ReadingOptions(Arguments):
    """Options for reading a file of texts: its format, and the columns and rows to read.

    Raises:
        ConfigError: An argument is invalid, or two contradict each other.
    """

    text_column: str | int = argument("text", stored="always")
    """Name of the column with the texts (`review.body` in nested JSON), or its number, beginning with 1, without a header."""
    text_columns: list[str | int] | None = argument(None, stored="changed")
    """Names of several columns whose texts are joined, such as `[title, body]`, instead of `text_column`."""
    text_separator: str = argument("\n", stored="changed")
    """String between the texts of several columns, with `\\n` for a line break and `\\t` for a tab; a line break by default."""
    label_column: str | int = argument("label", stored="always")
    """Name of the column with the labels, or its number without a header: strings or integers, or lists of them for several
    labels."""
    label_separator: str | None = argument(None, stored="changed")
    """Separator between several labels in a cell, such as `|`; None if a cell has one label, or a list."""
    label_columns: list[str] | None = argument(None, stored="changed")
    """Names of columns with 0 or 1, one for each class, for several labels instead of `label_column`."""
    task: Literal["auto", "single_label", "multi_label"] = argument("auto")
    """`single_label` (each text has one label), `multi_label` (any number, including none), or `auto` to detect it from
    the labels."""
    weight_column: str | int | None = argument(None)
    """Name of the column with the weights of the training texts in the loss, numbers of at least 0, relative to their mean. None
    for equal weights."""
    encoding: str | None = argument(None)
    """Encoding of text files, such as `cp949`; None for UTF-8."""
    header: bool = argument(True, stored="changed")
    """Whether the first row of CSV, TSV and Excel files has the names of the columns."""
    separator: str | None = argument(None, stored="changed")
    """Separator of the columns of CSV and TSV files, one character, or `\\t` for a tab; None to detect it."""
    quoting: Literal["auto", "minimal", "none"] = argument("auto", stored="changed")
    """Whether fields of CSV and TSV files may be in double quotes: `minimal` (yes), `none` (a quote is a character like any
    other), or `auto` (yes in CSV, in TSV if the file has such fields)."""
    escape: str | None = argument(None, stored="changed")
    """Character before a quote in a quoted field, such as a backslash in files of Spark; None if quotes are doubled."""
    where: Where | None = argument(None, stored="always")
    """Values, or lists of values, by column, such as `{source: rotten_tomatoes}`; only rows with these values are kept. They are
    compared as strings."""
    drop_unlabelled: bool = argument(False)
    """Whether rows without a label are dropped and counted; otherwise they are an error."""
    label_names: dict[str, str] | None = argument(None, stored="always")
    """New names of labels, such as `{"0": negative}`; labels with the same name become one class."""
    split_column: str | None = argument(None)
    """Name of a column of the train file with the split of each row: `train`, `validation` (or `val`, `dev`) or
    `test`, as in the files of `lightning label`; None if all rows are of the train split."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("separator", "text_separator"):
            written = getattr(self, name)
            if isinstance(written, str) and "\\" in written[:-1]:  # as shells and YAML without double quotes pass it on
                object.__setattr__(self, name, written.replace("\\t", "\t").replace("\\n", "\n"))
        if self.encoding is not None:
            check_encoding(self.encoding)
        for name, value in (("separator", self.separator), ("escape", self.escape)):
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
        if len(set(self.texts_in)) < len(self.texts_in):
            raise ConfigError(f"text_columns is {self.text_columns}; expected different columns.")

    @property
    def texts_in(self) -> tuple[str, ...]:
        """Names of the columns with the texts."""
        return tuple(map(str, [self.text_column] if self.text_columns is None else self.text_columns))

    @property
    def labels_in(self) -> str:
        """Name of the column with the labels."""
        return str(self.label_column)


class OtherDialectError(DataError):
    """A file has another format than that of the reading options.

    Attributes:
        options: Options with which it can be read.
    """

    def __init__(self, message: str, options: Mapping[str, str]) -> None:
        super().__init__(message)
        self.options = options


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
