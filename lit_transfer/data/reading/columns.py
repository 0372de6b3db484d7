"""Texts, labels and cells from the columns of a tabular file."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.data.reading.json_rows import spelled
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.sources import without_compression
from lit_transfer.errors import DataError

_WHOLE_NUMBER = re.compile(r"([-+]?[0-9]+)\.0+")
_NUMBER = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?")
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


def has_column(columns: Columns, name: str) -> bool:
    """Return whether `find_column` finds a column."""
    return name in columns or _nested(columns, name) is not None


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

    Args:
        columns: The columns.
        reading: The columns with the texts, which are joined if there are several.
        source: The file, for error messages.
        first: Number of the first row in the file, counted from 0.

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


def as_label(written: str | None) -> str | None:
    """Format an integral number without decimals: pandas and others store integer columns with gaps as floats."""
    whole = _WHOLE_NUMBER.fullmatch(written) if written else None
    return whole[1] if whole else written


def cell(value: Any, column: str, row: int, source: str) -> str | None:
    """Return a cell as a str; None for an empty cell and for values that stand for one, and "1" for the float 1.0.

    Raises:
        DataError: The cell is neither a str nor a number.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, np.floating):
        value = float(str(value))  # 0.1, where float(value) gives the digits that float32 does not have
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, list | tuple | dict | bytes):
        keys = f" Name a value in it, as in {column}.{next(iter(value))}." if isinstance(value, dict) and value else ""
        raise DataError(
            f"{source}, row {row + 1} has a {type(value).__name__} in column {column!r}; expected a string or a "
            f"number.{keys}"
        )
    return None if is_missing(value) else str(value)


def is_missing(value: Any) -> bool:
    """Return whether a value stands for a missing one: None, nan, and pandas' NaT and NA."""
    try:
        return value is None or bool(value != value)
    except (TypeError, ValueError):  # NA is neither equal to itself nor unequal
        return True


def header_is_data(columns: Mapping[str, Sequence[Any]], rows: int = 1000) -> bool:
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
        values = [value for value in column[:rows] if isinstance(value, str) and value]
        if name in values or (values and all(map(_NUMBER.fullmatch, [name, *values]))):
            return True
    return False
