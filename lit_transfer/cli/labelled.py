"""Labelled texts for a trained model: arguments of commands that evaluate one, and reading."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from lit_transfer.checkpoints.record import Record
from lit_transfer.console import say

if TYPE_CHECKING:
    from lit_transfer.data.reading.in_memory import InMemory
    from lit_transfer.data.reading.options import ReadingOptions

# Arguments with defaults in the checkpoint, and their help.
_READING = {
    "text_column": "column with the texts",
    "text_columns": "columns whose texts are joined, as in [title, body]",
    "text_separator": "string between the texts of several columns",
    "label_column": "column with the labels",
    "encoding": "encoding of the file (default: UTF-8)",
    "header": "whether the first row has the names of the columns",
    "separator": "separator of the columns",
    "quoting": "auto, minimal or none: whether fields may be in double quotes",
    "escape": "character before a quote in a quoted field",
    "where": "rows to keep: {column: value}, or null for all",
    "label_names": "new names of labels: {label: name}, or null",
}


def add_data_arguments(parser: ArgumentParser, file: str, required: bool, what: str) -> None:
    """Add `--data.FILE` and the arguments for reading it, which default to those used in training."""
    parser.add_argument(f"--data.{file}", dest="data_file", metavar="FILE", required=required, help=what)
    for name, description in _READING.items():
        kind = _KINDS.get(name, str)
        parser.add_argument(
            f"--data.{name}", dest=f"data_{name}", metavar="VALUE", type=kind, default=_READING, help=description
        )


def read_labelled(values: Any, record: Record) -> tuple[list[str], np.ndarray]:
    """Read texts and the indices of their classes.

    Raises:
        DataError: The file is missing, damaged, or has labels that the model does not know.
    """
    from lit_transfer.data.corpus import read_corpus

    file, reading = _read(values, record)
    split = read_corpus(test_file=file, known=record.preprocessing.task, reading=reading).splits["test"]
    assert split.labels is not None
    return list(split.texts), split.labels


def read_unlabelled(values: Any, record: Record) -> list[str]:
    """Read texts without labels.

    Raises:
        DataError: The file is missing or damaged.
    """
    from lit_transfer.data.corpus import read_texts

    return list(read_texts(*_read(values, record)))


def applicable_filter(where: Mapping[str, Any] | None, columns: Collection[str], file: str) -> Mapping[str, Any] | None:
    """Return the row filter of the training if a file has its columns; otherwise print that it is not applied.

    Args:
        where: Argument `where` of the training data.
        columns: Column names of the file.
        file: Name of the file.

    Returns:
        The filter to apply to the file; None for all rows.
    """
    missing = [name for name in where or {} if name not in columns]
    if not missing:
        return where
    say("where", f"{where} of the training is not applied: {file} has no column {', '.join(map(repr, missing))}")
    return None


def _read(values: Any, record: Record) -> tuple[InMemory, ReadingOptions]:
    """Read the file, and return it with the arguments for reading it: given ones, or those of the training."""
    from lit_transfer.data.reading.in_memory import InMemory
    from lit_transfer.data.reading.options import ReadingOptions
    from lit_transfer.data.reading.tabular import read_tabular

    given = _given(values)
    reading = ReadingOptions.of({**record.reading, **given})
    columns = read_tabular(values.data_file, reading)
    if "where" not in given:
        reading = replace(reading, where=applicable_filter(reading.where, columns, values.data_file))
    return InMemory(columns, values.data_file), reading


def _given(values: Any) -> dict[str, Any]:
    return {name: value for name in _READING if (value := getattr(values, f"data_{name}")) is not _READING}


def _boolean(written: str) -> bool:
    if written not in ("true", "false"):
        raise ArgumentTypeError(f"expected true or false, got {written!r}")
    return written == "true"


def _list(written: str) -> list[str] | None:
    value = yaml.load(written, yaml.BaseLoader)
    if value != "null" and not isinstance(value, list):
        raise ArgumentTypeError(f"expected a list such as [title, body], got {written!r}")
    return None if value == "null" else value


def _mapping(written: str) -> dict[str, Any] | None:
    value = yaml.safe_load(written)
    if value is not None and not isinstance(value, dict):
        raise ArgumentTypeError(f"expected a mapping such as {{column: value}}, got {written!r}")
    return value


_KINDS = {"where": _mapping, "label_names": _mapping, "text_columns": _list, "header": _boolean}
