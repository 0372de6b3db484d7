"""Texts, labels and rows from the columns of a tabular file."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

import numpy as np
import yaml

from lit_transfer.data.reading.floats import is_bfloat16, shortest_bfloat16
from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.data.reading.json_rows import spelled
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.sources import without_compression
from lit_transfer.errors import DataError, warn

_WHOLE_NUMBER = re.compile(r"([-+]?[0-9]+)\.0+")
_NUMBER = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?")
# What YAML may take for a number; YAML 1.1 reads 001, 0x1F, 1_000 and 12:30:45 as integers.
_NUMBER_IN_YAML = re.compile(r"[-+]?\.?[0-9][-+0-9a-fA-FxobeE_.:]*")
_BOOLEANS = {True: {"True", "true", "TRUE"}, False: {"False", "false", "FALSE"}}
_ALSO_BOOLEANS = {"yes": True, "on": True, "no": False, "off": False}
# Usual names of columns, the most telling first.
TEXT_NAMES = (
    *("text", "document", "review", "sentence", "content", "comment", "body", "message", "question", "본문", "리뷰"),
)
LABEL_NAMES = (
    *("label", "labels", "class", "category", "target", "sentiment", "polarity", "rating", "stars", "score"),
    *("y", "tag", "topic", "intent", "라벨", "레이블", "분류", "감성", "평점"),
)


def find_column(columns: Columns, name: str, source: str, argument: str) -> Sequence[Any]:
    """Return a column by name; `review.body` is the value of `body` in the objects of the column `review`.

    Raises:
        DataError: There is no such column.
    """
    if name in columns:
        return columns[name]
    if (nested := _nested(columns, name)) is not None:
        return nested
    close = [there for there in columns if there.strip().lower() == name.strip().lower()]
    names = ", ".join(repr(there) if there != there.strip() else there for there in columns)
    remedy = f"Set {argument} to one of them" if not close else f"Did you mean {close[0]!r}? Set {argument} to it"
    first_row = ""
    if not close and header_is_data(columns):
        first_row = " Its first row looks like data: set header to false, and give the numbers of columns, from 1."
    raise DataError(
        f"{source} has no column {name!r}; its columns are {names}. {remedy}"
        + (", or to null to keep all rows." if argument == "where" else ".")
        + first_row
    )


def _nested(columns: Columns, name: str) -> list[Any] | None:
    """Return the values at a path such as `review.body`; None if no row has it."""
    for dot in re.finditer(r"\.", name):
        values = columns.get(name[: dot.start()])
        if values is None:
            continue
        *way, last = name[dot.end() :].split(".")
        inner: list[Any] = list(values)
        for key in way:
            inner = [value.get(key) if isinstance(value, dict) else None for value in inner]
        if any(isinstance(value, dict) and last in value for value in inner):
            return [spelled(value.get(last)) if isinstance(value, dict) else None for value in inner]
    return None


def texts_of(columns: Columns, reading: ReadingOptions, source: str, first: int = 0) -> list[str]:
    """Return the texts, with "" for empty cells; of a file without columns, return its lines.

    `first` is the number of the first row in the file, counted from 0.

    Raises:
        DataError: There is no such column, or a cell is not a text.
    """
    names: Sequence[str] = reading.texts_in
    if list(columns) == ["text"] and without_compression(source.lower()).endswith(".txt"):
        names = ["text"]
    argument = "text_column" if reading.text_columns is None else "text_columns"
    parts = [
        [
            value if type(value) is str else cell(value, name, row, source) or ""
            for row, value in enumerate(find_column(columns, name, source, argument), start=first)
        ]
        for name in names
    ]
    if len(parts) == 1:
        return parts[0]
    return [reading.text_separator.join(filter(None, row)) for row in zip(*parts, strict=True)]


def labels_of(columns: Columns, name: str, source: str) -> list[str | None]:
    """Return the column of labels, with None for empty cells; a label 1.0 equals the label 1.

    Raises:
        DataError: There is no such column, or a cell is not a label.
    """
    column = find_column(columns, name, source, "label_column")
    labels = [as_label(cell(value, name, row, source)) for row, value in enumerate(column)]
    return [label if label and label.strip() else None for label in labels]


def weights_of(columns: Columns, name: str, source: str) -> list[float]:
    """Return the column of weights.

    Raises:
        DataError: There is no such column, or a cell is not a number of at least 0.
    """
    weights = []
    for row, value in enumerate(find_column(columns, name, source, "weight_column")):
        try:
            weight = float(cell(value, name, row, source) or "nan")
        except ValueError:
            weight = math.nan
        if not 0 <= weight < math.inf:
            raise DataError(
                f"{source}, row {row + 1} has the weight {value!r} in column {name!r}; expected a number of at least 0."
            )
        weights.append(weight)
    return weights


def as_label(written: str | None) -> str | None:
    """Format an integral number without decimals: pandas and others store integer columns with gaps as floats."""
    whole = _WHOLE_NUMBER.fullmatch(written) if written else None
    return whole[1] if whole else written


def cell(value: Any, column: str, row: int, source: str) -> str | None:
    """Return a cell as a str; None for an empty cell and for values that stand for one, and "1" for the float 1.0.

    Raises:
        DataError: The cell is neither a str nor a number.
    """
    if value is None or type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)  # without the class of a numpy.str_ or an enumeration
    if getattr(value, "ndim", None) == 0 and not isinstance(value, np.generic):
        # Of an array or a tensor with one number.
        value = shortest_bfloat16(value.item()) if is_bfloat16(value) else np.asarray(value)[()]
    if isinstance(value, np.floating):
        value = float(str(value))  # 0.1, where float(value) gives the digits that float32 does not have
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    has_text = type(value).__str__ is not object.__str__ or type(value).__repr__ is not object.__repr__
    has_text = has_text and not callable(value) and value is not ...
    if isinstance(value, list | tuple | dict | bytes) or getattr(value, "ndim", None) or not has_text:
        keys = f" Name a value in it, as in {column}.{next(iter(value))}." if isinstance(value, dict) and value else ""
        raise DataError(
            f"{source}, row {row + 1} has a {type(value).__name__} in column {column!r}; expected a string or a "
            f"number.{keys}"
        )
    if is_missing(value):
        return None
    if isinstance(value, datetime) and value.tzinfo is None and value.time() == time():
        return value.date().isoformat()  # a day, which Excel and pandas store with a time
    return str(value)


def is_missing(value: Any) -> bool:
    """Return whether a value stands for a missing one: None, nan, and pandas' NaT and NA."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError, ArithmeticError):  # NA and signalling NaNs cannot be compared
        return True


def header_is_data(columns: Mapping[str, Sequence[Any]]) -> bool:
    """Return whether the names of columns look like a row of data: a file without a header.

    A name is data if it is a value of its column too, or a number above a column of numbers, unless the names count the
    columns, as those of a DataFrame without names do.
    """
    names = [name.strip() for name in columns]
    if any(name.lower() in (*TEXT_NAMES, *LABEL_NAMES) for name in names):
        return False
    if any(names == [str(number) for number in range(start, start + len(names))] for start in (0, 1)):
        return False
    for name, column in columns.items():
        values = [value for value in column[:1000] if isinstance(value, str) and value]
        if name in values or (values and all(map(_NUMBER.fullmatch, [name, *values]))):
            return True
    return False


def warn_of_names(columns: Columns, reading: ReadingOptions, source: str) -> None:
    """Warn if a file that is read without a header seems to have one: its first row has usual names of columns."""
    if reading.header or list(columns) != [str(number) for number in range(1, len(columns) + 1)]:
        return
    first = {name: str(values[0]).strip().lower() for name, values in columns.items() if len(values)}
    labels = [first.get(reading.labels_in)] if len(columns) > 1 else []
    if any(first.get(name) in TEXT_NAMES for name in reading.texts_in) or any(label in LABEL_NAMES for label in labels):
        shown = ", ".join(repr(values[0]) for values in columns.values())
        warn(f"{source}: the first row, {shown}, looks like the names of columns. If so, set header to true.")


class RowFilter:
    """Selection of the rows whose columns have given values, over the batches of a file.

    Values are compared as they are written, and like labels, so that 1.0 equals 1. The strings `true`, `false` and `null`
    also match booleans and missing values of formats that have them.

    Args:
        where: Values, or lists of values, by column; None for all rows.
        source: The file, for error messages.
    """

    def __init__(self, where: Mapping[str, Any] | None, source: str) -> None:
        self.source = source
        self.wanted = {
            name: list(values) if isinstance(values, list | tuple) else [values]
            for name, values in (where or {}).items()
        }
        # Values of the rows that the conditions before let through, until a row meets the condition.
        self._seen: dict[str, Counter[str | None] | None] = {name: Counter() for name in self.wanted}

    def rows(self, columns: Columns, first: int = 0) -> list[int]:
        """Return the numbers of the matching rows of a batch, which begins with the row `first` of the file, counted from 0.

        Raises:
            DataError: There is no such column, or a value could mean several cells that are written differently.
        """
        kept = list(range(len(next(iter(columns.values()), ()))))
        for name, wanted in self.wanted.items():
            column = find_column(columns, name, self.source, "where")
            values = [as_label(cell(value, name, row, self.source)) for row, value in enumerate(column, start=first)]
            self._check_spelling(name, wanted, values)
            allowed = {as_label(cell(value, name, 0, "where")) for value in wanted}
            for truth, spellings in _BOOLEANS.items():
                # Booleans of Parquet and pandas are "True"; those of JSON "true".
                has_booleans = allowed & spellings and any(isinstance(value, bool) for value in column)
                if has_booleans or any(value is truth for value in wanted):
                    allowed |= spellings
            if "null" in allowed:
                allowed.add(None)
            found = [row for row in kept if values[row] in allowed]
            if (seen := self._seen[name]) is not None:
                seen.update(values[row] for row in kept)
                self._seen[name] = None if found else seen
            kept = found
        return kept

    def check(self) -> None:
        """Check that some row of the file matched each condition.

        Raises:
            DataError: No row did.
        """
        for name, seen in self._seen.items():
            if seen is not None:
                wanted = ", ".join(sorted(str(as_label(cell(value, name, 0, "where"))) for value in self.wanted[name]))
                there = ", ".join(f"{value} ({count} rows)" for value, count in seen.most_common(10))
                raise DataError(
                    f"{self.source} has no row with {name} = {wanted}; its most frequent values are {there}."
                )

    def _check_spelling(self, name: str, wanted: list[Any], values: list[str | None]) -> None:
        """Check that no value that YAML or Python has read is ambiguous, as 1 is where cells are 001."""
        typed = [value for value in wanted if not isinstance(value, str)]
        if not typed:
            return
        for written in dict.fromkeys(values):
            if written is None:
                continue
            for value in typed:
                same = as_label(cell(value, name, 0, "where")) == written
                if not same and _reads_as(written, value):
                    raise DataError(
                        f"where selects {name} = {value}, but {self.source} has {written!r} in this column, which YAML also "
                        f'reads as {value}. Quote the value as it is written in the file, as in {name}: "{written}".'
                    )


def matching_rows(columns: Columns, where: Mapping[str, Any] | None, source: str) -> list[int]:
    """Return the numbers of the rows of a whole file that match `where`.

    Raises:
        DataError: There is no such column, or no such row.
    """
    selected = RowFilter(where, source)
    rows = selected.rows(columns)
    selected.check()
    return rows


def _reads_as(written: str, value: Any) -> bool:
    """Return whether YAML reads a cell as a value, unless that is how the value is usually written."""
    if is_missing(value):
        return written in ("null", "Null", "NULL", "~")
    if isinstance(value, bool):
        return _ALSO_BOOLEANS.get(written.lower()) is value
    if not isinstance(value, int | float) or not _NUMBER_IN_YAML.fullmatch(written):
        return False
    try:
        read = yaml.safe_load(written)
        return float(read) == value
    except (yaml.YAMLError, ValueError, TypeError):
        return False
