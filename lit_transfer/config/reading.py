"""Reading of files for a trained model, with the options of its training files by default."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, make_dataclass, replace
from typing import Any, Literal, Protocol, get_type_hints

import numpy as np

from lit_transfer.console import print_line
from lit_transfer.data.corpus import read_corpus, read_texts
from lit_transfer.data.reading.in_memory import InMemory
from lit_transfer.data.reading.options import ReadingOptions, Where
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.data.texts import SeenTexts
from lit_transfer.tasks import Task


class ModelRecord(Protocol):
    """Information about the texts of a trained model."""

    @property
    def task(self) -> Task:
        """Task with the class names."""

    @property
    def reading(self) -> dict[str, Any]:
        """Options of reading in training."""

    @property
    def seen_texts(self) -> SeenTexts:
        """Hashes of the training texts."""


def _or_training(options: type) -> type:
    """Return a dataclass with the fields of another one, which by default have the values of the training."""
    types = get_type_hints(options)
    # A subclass, so that a parser finds the sentences of the fields.
    return make_dataclass(
        options.__name__,
        [(each.name, types[each.name] | Literal["training"], "training") for each in fields(options)],
        bases=(options,),
        namespace={"__post_init__": lambda self: None},  # the values are checked once those of the training are known
        frozen=True,
    )


Reading: Any = _or_training(ReadingOptions)


@dataclass(frozen=True)
class TestFile(Reading):
    """A file of labelled texts and its reading options; the defaults are those of the training files.

    Args:
        test_file: File of labelled texts.
    """

    __test__ = False  # for pytest
    test_file: str | None = None


@dataclass(frozen=True, kw_only=True)
class ValFile(Reading):
    """A file of labelled texts and its reading options; the defaults are those of the training files.

    Args:
        val_file: File of labelled texts that the model has not seen.
    """

    val_file: str


@dataclass(frozen=True)
class TrainFile(Reading):
    """A file of texts and its reading options; the defaults are those of the training files.

    Args:
        train_file: File of sentences.
    """

    train_file: str | None = None


def read_labelled(file: str, reading: Reading, record: ModelRecord) -> tuple[list[str], np.ndarray]:
    """Read texts and the indices of their classes.

    Raises:
        DataError: The file is missing, damaged, or has labels that the model does not know.
    """
    source, options = _read(file, reading, record)
    split = read_corpus(test_file=source, known=record.task, reading=options).splits["test"]
    assert split.labels is not None
    return list(split.texts), split.labels


def read_unlabelled(file: str, reading: Reading, record: ModelRecord) -> list[str]:
    """Read texts without labels.

    Raises:
        DataError: The file is missing or damaged.
    """
    return list(read_texts(*_read(file, reading, record)))


def applicable_filter(where: Where | None, columns: Collection[str], file: str) -> Where | None:
    """Return the row filter of the training if a file has its columns; otherwise print that it is not applied."""
    missing = [name for name in where or {} if name not in columns]
    if not missing:
        return where
    print_line("where", f"{where} of the training is not applied: {file} has no column {', '.join(map(repr, missing))}")
    return None


def _read(file: str, reading: Reading, record: ModelRecord) -> tuple[InMemory, ReadingOptions]:
    """Read the file, and return it with its reading options: the given ones, or those of the training."""
    values = {each.name: getattr(reading, each.name) for each in fields(ReadingOptions)}
    given = {name: value for name, value in values.items() if value != "training"}
    options = ReadingOptions.from_values({**record.reading, **given})
    columns = read_tabular(file, options)
    if "where" not in given:
        options = replace(options, where=applicable_filter(options.where, columns, file))
    return InMemory(columns, file), options
