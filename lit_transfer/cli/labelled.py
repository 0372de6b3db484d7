"""Labelled texts for a trained model: arguments of commands that evaluate one, and reading."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

import numpy as np
import yaml

from lit_transfer.checkpoints.record import Record

# Arguments with defaults in the checkpoint, and their help.
_READING = {
    "text_column": "column with the texts",
    "label_column": "column with the labels",
    "encoding": "encoding of the file (default: UTF-8)",
    "where": "rows to keep: {column: value}, or null for all",
    "label_names": "new names of labels: {label: name}, or null",
}


def add_data_arguments(parser: ArgumentParser, file: str, required: bool, what: str) -> None:
    """Add `--data.FILE` and the arguments for reading it, which default to those used in training."""
    parser.add_argument(f"--data.{file}", dest="data_file", metavar="FILE", required=required, help=what)
    for name, description in _READING.items():
        kind = _mapping if name in ("where", "label_names") else str
        parser.add_argument(
            f"--data.{name}", dest=f"data_{name}", metavar="VALUE", type=kind, default=_READING, help=description
        )


def read_labelled(values: Any, record: Record) -> tuple[list[str], np.ndarray]:
    """Read texts and the indices of their classes.

    Raises:
        DataError: The file is missing, damaged, or has labels that the model does not know.
    """
    from lit_transfer.data.corpus import read_corpus

    reading = {name: value for name, value in record.reading.items() if name in _READING}
    split = read_corpus(
        test_file=values.data_file, known_labels=record.preprocessing.labels, **{**reading, **_given(values)}
    ).splits["test"]
    assert split.labels is not None
    return list(split.texts), split.labels


def read_unlabelled(values: Any, record: Record) -> list[str]:
    """Read texts without labels.

    Raises:
        DataError: The file is missing or damaged.
    """
    from lit_transfer.data.corpus import read_texts

    reading = {**record.reading, **_given(values)}
    return list(
        read_texts(
            values.data_file, reading.get("text_column", "text"), reading.get("where"), encoding=reading.get("encoding")
        )
    )


def _given(values: Any) -> dict[str, Any]:
    return {name: value for name in _READING if (value := getattr(values, f"data_{name}")) is not _READING}


def _mapping(written: str) -> dict[str, Any] | None:
    value = yaml.safe_load(written)
    if value is not None and not isinstance(value, dict):
        raise ArgumentTypeError(f"expected a mapping such as {{column: value}}, got {written!r}")
    return value
