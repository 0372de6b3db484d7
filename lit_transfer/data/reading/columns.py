"""Selection of texts, labels and rows from the columns of a tabular file."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.errors import DataError

_WHOLE_NUMBER = re.compile(r"([-+]?[0-9]+)\.0+")


def find_column(columns: Columns, name: str, source: str, argument: str) -> Sequence[Any]:
    """Return a column by name.

    Raises:
        DataError: There is no such column.
    """
    if name in columns:
        return columns[name]
    close = [there for there in columns if there.strip().lower() == name.strip().lower()]
    names = ", ".join(repr(there) if there != there.strip() else there for there in columns)
    remedy = f"Set {argument} to one of them" if not close else f"Did you mean {close[0]!r}? Set {argument} to it"
    raise DataError(
        f"{source} has no column {name!r}; its columns are {names}. {remedy}"
        + (", or to null to keep all rows." if argument == "where" else ".")
    )


def texts_of(columns: Columns, name: str, source: str, first: int = 0) -> list[str]:
    """Return the column of texts, with "" for empty cells; of a file without columns, return its lines.

    Args:
        columns: The columns.
        name: Name of the texts' column.
        source: The file, for error messages.
        first: Number of the first row in the file, counted from 0.

    Raises:
        DataError: There is no such column, or a cell is not a text.
    """
    if list(columns) == ["text"] and source.lower().removesuffix(".gz").endswith(".txt"):
        name = "text"
    return [
        value if type(value) is str else cell(value, name, row, source) or ""
        for row, value in enumerate(find_column(columns, name, source, "text_column"), start=first)
    ]


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


def matching_rows(columns: Columns, where: Mapping[str, Any], source: str) -> list[int]:
    """Return the numbers of the rows that match `where`; values are compared like labels.

    Raises:
        DataError: There is no such column, or no such row.
    """
    kept = list(range(len(next(iter(columns.values())))))
    for name, wanted in where.items():
        column = find_column(columns, name, source, "where")
        values = [as_label(cell(value, name, row, source)) for row, value in enumerate(column)]
        allowed = {
            as_label(cell(value, name, 0, "where"))
            for value in (wanted if isinstance(wanted, list | tuple) else [wanted])
        }
        found = [row for row in kept if values[row] in allowed]
        if not found:
            there = Counter(values[row] for row in kept).most_common(10)
            raise DataError(
                f"{source} has no row with {name} = {', '.join(sorted(map(str, allowed)))}; its most frequent values "
                f"are {', '.join(f'{value} ({count} rows)' for value, count in there)}."
            )
        kept = found
    return kept


def cell(value: Any, column: str, row: int, source: str) -> str | None:
    """Return a cell as a str; None for an empty cell, and "1" for the float 1.0.

    Raises:
        DataError: The cell is neither a str nor a number.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, list | tuple | dict | bytes):
        several = " Several labels per text are not supported." if isinstance(value, list | tuple) else ""
        raise DataError(
            f"{source}, row {row + 1} has a {type(value).__name__} in column {column!r}; expected a string or a "
            f"number.{several}"
        )
    return str(value)
