"""Detection of the columns with the texts and the labels, for `lightning init`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lit_transfer.data.labels import find_separator
from lit_transfer.data.reading.columns import LABEL_NAMES, TEXT_NAMES, as_label, cell
from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.errors import DataError

# Maximum number of classes of a column whose name does not say that it has the labels.
MAX_CLASSES = 100
_ROWS = 5000  # number of rows to inspect


@dataclass(frozen=True)
class Column:
    """Summary of a column.

    Attributes:
        name: Name of the column.
        different: Number of distinct values in the inspected rows.
        classes: The same number if the values are labels: that of the parts of values that are several labels.
        filled: Number of rows with a value.
        length: Mean number of characters per value.
        values: The most frequent values.
    """

    name: str
    different: int
    classes: int
    filled: int
    length: float
    values: list[str]

    @property
    def is_repeated(self) -> bool:
        """Whether the values are repeated often enough to be classes."""
        return 2 <= self.classes <= max(self.filled // 2, 2)


def look_at(columns: Columns, source: str, separator: str | None = None) -> list[Column]:
    """Summarize the columns from their first rows, lists by their items; skip columns of other objects."""
    found = []
    for name, values in columns.items():
        try:
            parts = [(row, part) for row, value in enumerate(values[:_ROWS]) for part in _parts(value)]
            written = [as_label(cell(part, name, row, source)) for row, part in parts]
        except DataError:
            continue
        kept = [value for value in written if value and value.strip()]
        if kept:
            counts = Counter(kept)
            most = [value for value, _ in counts.most_common(20)]
            classes, length = _number_of_classes(list(counts), separator), sum(map(len, kept)) / len(kept)
            found.append(Column(name, len(counts), classes, len(kept), length, most))
    return found


def _number_of_classes(values: list[str], separator: str | None) -> int:
    join = separator or find_separator(values)
    return len(values) if join is None else len({part.strip() for value in values for part in value.split(join)} - {""})


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def text_candidates(columns: Sequence[Column]) -> list[Column]:
    """Return the candidate columns for the texts, the most likely first; only one if the choice is clear.

    The choice is clear for a well-known name, and for a column whose values are at least twice as long as all others.
    """
    if named := _named(columns, TEXT_NAMES):
        return named[:1]
    varied = [column for column in columns if 2 * column.different > column.filled] or columns
    by_length = sorted(varied, key=lambda column: column.length, reverse=True)
    clear = len(by_length) > 1 and by_length[0].length >= 2 * by_length[1].length
    return by_length[:1] if clear else by_length


def label_candidates(columns: Sequence[Column], text: str) -> list[Column]:
    """Return the candidate columns for the labels, the most likely first; only one if its name is well known."""
    others = [column for column in columns if column.name != text and column.is_repeated]
    few = [column for column in others if column.classes <= MAX_CLASSES]
    return _named(others, LABEL_NAMES)[:1] or sorted(few, key=lambda column: column.different)


def _named(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    found = [column for column in columns if column.name.strip().lower() in names]
    return sorted(found, key=lambda column: names.index(column.name.strip().lower()))
