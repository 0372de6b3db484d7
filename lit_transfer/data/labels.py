"""Labels in files: their format and the class names, with warnings about probable mistakes."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from lit_transfer.data.reading.columns import as_label, cell, find_column, labels_of
from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, DataError, warn
from lit_transfer.tasks import MultiLabel, SingleLabel, Task
from lit_transfer.tasks.task import few

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
# Numbers as programs write them: 1,50, 1., .5, +1, 001, 1_000 and 1e0, with the digits of any script.
_WRITTEN_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*(?:[.,]\d*)?|[.,]\d+)(?:E[-+]?\d+)?")
# Characters for the same sign, and capital letters of Cyrillic and Greek that look like Latin ones.
_ALIKE = str.maketrans(
    "’‘ʼ`´“”„«»‐‑‒–—−АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "'''''\"\"\"\"\"------ABEKMHOPCTYXIJSABEZHIKMNOPTYX"
)
_BETWEEN_WORDS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")
_JOINS = ("|", ";", ",")
# Representations of a missing value in common programs, without `#`, `<` and `>`; and those that are also names of classes.
_MISSING = {
    "?",
    "-",
    "--",
    "\\n",
    "nan",
    "-nan",
    "null",
    "n/a",
    "na",
    "nat",
    "none",
    "value!",
    "ref!",
    "div/0!",
    "name?",
    "num!",
    "inf",
    "-inf",
}
_WORDS = {"na", "none", "Na"}
# A line under the header, as SQL Server writes it.
_RULE = re.compile("-{3,}|={3,}|_{3,}")
# What encloses all labels by mistake.
_ENCLOSED = ((re.compile("'.*'"), "in single quotes"), (re.compile('=".*"'), "formulas of Excel"))
# Character that joins the labels of a text in results.
JOIN = "|"
# Number of classes of several labels above which the column is probably another one.
MANY_CLASSES = 2000
Label = str | list[str] | None
"""The label of a row; with several labels a list, which may be empty. None if it is missing."""

# A list of strings or numbers as Python, JSON and numpy write it.
_WRITTEN_LIST = re.compile(r"\[\s*(?:(?:(['\"]).*\1|\d+(?:[,\s]+\d+)*)\s*)?\]", re.DOTALL)
_INDICATORS = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True)
class LabelFormat:
    """Format of labels in a file.

    Attributes:
        column: Name of the column with the labels.
        separator: Separator between several labels in a cell, such as `|`; None if a cell has one label, or a list.
        columns: Names of the columns with 0 or 1, one for each class, instead of `column`.
        task: `single_label` or `multi_label`; `auto` for the one that the labels are written for.

    Raises:
        ConfigError: The arguments contradict each other.
    """

    column: str = "label"
    separator: str | None = None
    columns: tuple[str, ...] | None = None
    task: Literal["auto", "single_label", "multi_label"] = "auto"

    @classmethod
    def of(cls, reading: ReadingOptions) -> LabelFormat:
        """Return the format described by reading options."""
        columns = None if reading.label_columns is None else tuple(map(str, reading.label_columns))
        return cls(reading.labels_in, reading.label_separator, columns, reading.task)

    def __post_init__(self) -> None:
        if self.separator is not None and not (isinstance(self.separator, str) and self.separator):
            given = repr(self.separator) if self.separator else "empty"
            raise ConfigError(
                f"label_separator is {given}; expected a character such as '|', in quotes in YAML, or null."
            )
        if self.columns is not None and self.separator is not None:
            raise ConfigError("label_columns and label_separator are mutually exclusive. Give one.")
        if self.columns is not None and self.column != type(self).column:
            raise ConfigError("label_columns and label_column are mutually exclusive. Give one.")
        if self.columns is not None and (twice := {name for name in self.columns if self.columns.count(name) > 1}):
            raise ConfigError(
                f"label_columns has {', '.join(sorted(twice))} more than once; expected different columns."
            )
        if self.columns is not None and len(self.columns) < 2:
            raise ConfigError(
                f"label_columns is {list(self.columns)}; expected at least two columns, one for each class."
            )
        argument = "label_columns" if self.columns else "label_separator" if self.separator else None
        if self.task == SingleLabel.name and argument:
            raise ConfigError(
                f"task is single_label, but {argument} is for several labels. Set {argument} to null, or task to auto."
            )

    def check_known(self, known: Task, read: Mapping[str, tuple[str, Columns]]) -> None:
        """Check that labels are written for the task of a trained model; warn if each text has one label, but may have several.

        Raises:
            ConfigError: The arguments are for several labels, and the model has one for each text.
        """
        argument = "label_columns" if self.columns else "label_separator" if self.separator else None
        if argument and not known.several:
            raise ConfigError(
                f"{argument} is for several labels, but the model is of the task {known.name}, with the classes "
                f"{few(known.classes, 5)}. Set {argument} to null, or use a model that was trained on several labels."
            )
        for source, columns in read.values() if known.several and not argument else ():
            column = columns.get(self.column, [])
            if len(column) and not any(map(_is_list, column)):
                warn(
                    f"{source} has one label in each row of column {self.column!r}, but the model is of the task {known.name}: "
                    "each text is taken to have this label and no other. If it has several, set label_separator or label_columns."
                )

    @property
    def place(self) -> str:
        """Where the labels are, for messages."""
        return f"column {self.column!r}" if self.columns is None else f"the columns {', '.join(self.columns)}"

    def has_several(self, columns: Columns, source: str) -> bool:
        """Return whether the labels of a file are written as several for each text.

        Raises:
            ConfigError: The labels are written for another task.
            DataError: There is no such column.
        """
        if self.columns is not None or self.separator is not None:
            return True
        column = find_column(columns, self.column, source, "label_column")
        row = next((row for row, value in enumerate(column) if _is_list(value)), None)
        if row is not None and self.task == SingleLabel.name:
            raise ConfigError(
                f"task is single_label, but {source}, row {row + 1}, has a list of labels in column {self.column!r}: "
                f"{list(column[row])}. Set task to multi_label or auto, or give another label_column."
            )
        if row is None and self.task == MultiLabel.name:
            raise ConfigError(
                f"task is multi_label, but column {self.column!r} of {source} has one label in each row, such as "
                f"{column[0]!r}. Set label_separator to the character between labels, give label_columns, or set task to "
                "single_label or auto."
            )
        return row is not None

    def read(self, columns: Columns, source: str, several: bool) -> list[Label]:
        """Return the label of each row; with `several`, each is a list, and a cell with one label is a list of one.

        Raises:
            DataError: There is no such column, or a cell is not a label.
        """
        if self.columns is not None:
            return self._read_indicators(columns, self.columns, source)
        column = find_column(columns, self.column, source, "label_column")
        self._check_no_written_lists(column, source)
        if not several:
            if row := next((row for row, value in enumerate(column, start=1) if _is_list(value)), 0):
                raise DataError(
                    f"{source}, row {row} has a list of labels in column {self.column!r}, but the model or the train split "
                    "has one label for each text. Give one label for each text."
                )
            return list(labels_of(columns, self.column, source))
        self._check_no_indicators(column, source)
        return [self._split(value, row, source) for row, value in enumerate(column)]

    def _check_no_written_lists(self, column: Sequence[Any], source: str) -> None:
        """Check that the labels are not lists written as text, as in a CSV file that pandas wrote."""
        written = (value.strip() for value in column if isinstance(value, str) and value.strip())
        first = next(written, "")
        if _WRITTEN_LIST.fullmatch(first) and all(map(_WRITTEN_LIST.fullmatch, written)):
            raise DataError(
                f"{source} has lists of labels written as text in column {self.column!r}, such as {first}. Write JSON lines or "
                "Parquet, which have lists, or join the labels of a text, as in a|b, and set label_separator to '|'."
            )

    def _check_no_indicators(self, column: Sequence[Any], source: str) -> None:
        """Check that lists are names of classes, and not a 0 or 1 for each class, as in `[0, 1]`."""
        shown = [tuple(value) for value in column if _is_list(value)]
        widths = set(map(len, shown))
        numbers = {type(part) for value in shown for part in value} <= {int, float, bool}
        if len(widths) == 1 and widths != {1} and numbers and {part for value in shown for part in value} == {0, 1}:
            raise DataError(
                f"{source} has lists of {min(widths)} numbers 0 or 1 in column {self.column!r}, such as {list(shown[0])}, which "
                "seem to say whether each class is a label. Give the names of the classes in the lists, a column with 0 or "
                "1 for each class (label_columns), or in Python an indicator matrix, as in numpy.array(labels)."
            )

    def _split(self, value: Any, row: int, source: str) -> list[str] | None:
        """Return the labels of a cell; None for a missing one."""
        if _is_list(value):
            parts = [as_label(cell(part, self.column, row, source)) for part in value]
        else:
            written = as_label(cell(value, self.column, row, source))
            if written is None:
                return None
            if self.separator is None:
                return [written.strip()] if written.strip() else None
            parts = [part.strip() for part in written.split(self.separator)] if written.strip() else []
        if any(part is None or not part.strip() for part in parts):
            raise DataError(
                f"{source}, row {row + 1} has an empty label among those of column {self.column!r}: {value!r}. Remove it, or "
                "name the class."
            )
        return list(dict.fromkeys(part for part in parts if part is not None))

    def _read_indicators(self, columns: Columns, names: Sequence[str], source: str) -> list[Label]:
        found: list[list[str] | None] = []
        for name in names:
            column = find_column(columns, name, source, "label_columns")
            found = found or [[] for _ in column]
            for row, value in enumerate(column):
                written = cell(value, name, row, source)
                labels = found[row]
                if written is None or not written.strip():
                    found[row] = None
                elif (of_class := _INDICATORS.get(str(as_label(written.strip())).lower())) is None:
                    raise DataError(
                        f"{source}, row {row + 1} has {value!r} in column {name!r} of label_columns; expected 0 or 1 (or true or "
                        "false) for whether the text is of the class."
                    )
                elif of_class and labels is not None:
                    labels.append(name)
        return list(found)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset)


def name_classes(
    written: Sequence[str],
    label_names: Mapping[Any, str] | None,
    source: str,
    several: bool = False,
    ordered: bool = False,
    partly: bool = False,
) -> tuple[list[str], dict[str, str]]:
    """Name the classes of the train split.

    Args:
        written: Original labels of the rows.
        label_names: New names by original label; labels with the same name become one class.
        source: Name of the file in messages.
        several: Whether a text may have several labels.
        ordered: Whether the classes keep the order of their first occurrence.
        partly: Whether some of the labels that `label_names` renames may be missing.

    Returns:
        names: Class names in the order of the original labels: numbers by value, then others alphabetically.
        rename: New names by original label, for the renamed labels.

    Raises:
        DataError: No row has a label that `label_names` renames, or the name of one of several labels has the character
            that joins them in results.
    """
    rename = renaming(label_names)
    different = list(dict.fromkeys(written)) if ordered else sorted(set(written), key=label_order)
    unknown = [label for label in rename if label not in different]
    if unknown and not partly:
        raise DataError(
            f"label_names renames {', '.join(unknown)}, but the labels in {source} are {few(different)}. Set "
            "label_names to null to keep them as they are."
        )
    names = list(dict.fromkeys(rename.get(label, label) for label in different))
    _warn_of_variants(names, source)
    _warn_of_missing(names, source)
    if not several:
        _warn_of_combinations(names, source)
    elif joined := [name for name in names if JOIN in name]:
        raise DataError(
            f"{source} has the label {joined[0]!r}, with the character {JOIN} that joins the labels of a text in results. "
            f"Rename it with label_names, or set label_separator to {JOIN!r} if it is several labels."
        )
    elif len(names) > MANY_CLASSES:
        warn(
            f"{source} has {len(names):,} different labels, such as {few(names, 3)}. If these are not the names of classes, "
            "check label_column, label_separator and label_columns.",
        )
    return names, rename


def rename_labels(labels: Sequence[Any], rename: Mapping[str, str]) -> list[Any]:
    """Return labels with the new names; each is a class name or a list of them."""
    return [
        [rename.get(name, name) for name in label] if isinstance(label, list) else rename.get(label, label)
        for label in labels
    ]


def renaming(label_names: Mapping[Any, str] | None) -> dict[str, str]:
    """Return `label_names` with its keys formatted like the result of `labels_of`.

    Raises:
        DataError: Two keys are the same label, such as 1 and 1.0, and have different names.
    """
    renamed: dict[str, str] = {}
    for label, name in (label_names or {}).items():
        written = str(as_label(cell(label, "label_names", 0, "label_names")))
        if renamed.setdefault(written, str(name)) != str(name):
            raise DataError(
                f"label_names renames the label {written} to {renamed[written]!r} and, as {label!r}, to {str(name)!r}. "
                "Remove one of them."
            )
    return renamed


def label_order(label: str) -> tuple[float, str]:
    """Return the sorting key of an original label: numbers by value, then others alphabetically."""
    return (float(label) if _NUMBER.fullmatch(label) else math.inf, label)


def _warn_of_variants(names: Sequence[str], source: str) -> None:
    """Warn about class names that differ only in case, white space, decimals, or that look alike."""
    groups = defaultdict(list)
    for name in names:
        groups[_appearance(name)].append(name)
    for variants in groups.values():
        if len(variants) > 1:
            joined = ", ".join(f"{name!r}: {variants[0].strip()!r}" for name in variants if name != variants[0].strip())
            warn(
                f"{source}: the labels {', '.join(map(repr, variants))} differ only in case, white space or decimals, or look "
                f"the same, but are {len(variants)} classes. To merge them, set label_names to {{{joined}}}.",
            )


def _appearance(name: str) -> str | Decimal:
    """Return what names that look alike have in common: the value of a number, or the letters of a name."""
    seen = unicodedata.normalize("NFKC", html.unescape(name)).upper().translate(_ALIKE)
    seen = "".join(letter for letter in seen if unicodedata.category(letter) not in ("Cf", "Cc") or letter.isspace())
    if _WRITTEN_NUMBER.fullmatch(seen := seen.strip()):
        return Decimal(seen.replace(",", "."))
    return _BETWEEN_WORDS.sub(" ", seen).replace(" %", "%").casefold()


def _warn_of_missing(names: Sequence[str], source: str) -> None:
    """Warn about class names that programs write for missing values or under a header, and about names that are all enclosed."""
    no_value = _MISSING - {"-" if "+" in names else ""}
    missing = [name for name in names if name.strip().strip("#<>").lower() in no_value and name not in _WORDS]
    if missing := missing + [name for name in names if _RULE.fullmatch(name.strip())]:
        are = "is a class" if len(missing) == 1 else "are classes"
        warn(
            f"{source}: {', '.join(map(repr, missing))} {are}, but may stand for a missing label. If so, leave these "
            "cells empty, or select the rows with labels by where.",
        )
    for pattern, what in _ENCLOSED:
        if all(map(pattern.fullmatch, names)):
            warn(
                f"{source}: all labels are {what}, such as {names[0]}, which are then a part of the texts and labels. "
                "Write the file with double quotes, or without any.",
            )


def find_separator(names: Sequence[str]) -> str | None:
    """Return the separator of labels that look like combinations: each part of `a|b` also occurs in another label."""
    for join in _JOINS:
        parts_of = {name: {part.strip() for part in name.split(join)} for name in names}
        joined = [name for name, parts in parts_of.items() if len(parts) > 1]
        elsewhere = Counter(part for parts in parts_of.values() for part in parts)
        if joined and all(elsewhere[part] > 1 for name in joined for part in parts_of[name]):
            return join
    return None


def _warn_of_combinations(names: Sequence[str], source: str) -> None:
    """Warn about labels that look like combinations; see `find_separator`."""
    join = find_separator(names)
    if join is not None:
        joined = [name for name in names if len(set(name.split(join))) > 1]
        warn(
            f"{source}: {len(joined)} of the {len(names)} labels, such as {joined[0]!r}, look like several labels of one text, "
            f"but each combination is a separate class. To read them as several, set label_separator to {join!r}.",
        )
