"""Selection of rows by the values of columns, `where`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from lit_transfer.data.reading.columns import as_label, cell, find_column, is_missing
from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.errors import DataError

# What YAML may take for a number; YAML 1.1 reads 001, 0x1F, 1_000 and 12:30:45 as integers.
_NUMBER_IN_YAML = re.compile(r"[-+]?\.?[0-9][-+0-9a-fA-FxobeE_.:]*")
_BOOLEANS = {True: {"True", "true", "TRUE"}, False: {"False", "false", "FALSE"}}
_ALSO_BOOLEANS = {"yes": True, "on": True, "no": False, "off": False}


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
        """Return the numbers of the matching rows of a batch.

        Args:
            columns: The batch.
            first: Number of its first row in the file, counted from 0.

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
                if any(value is truth for value in wanted) or (allowed & spellings and _has_booleans(column)):
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


def _has_booleans(column: Any) -> bool:
    return any(isinstance(value, bool) for value in column)


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
