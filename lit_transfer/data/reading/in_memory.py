"""Texts and labels in memory, as lists or in a pandas DataFrame, instead of a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from typing_extensions import Self

from lit_transfer.data.reading.hugging_face import Columns, shortest_floats
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, DataError

TextsAndLabels = tuple[Sequence[str], Sequence[Any]] | tuple[Sequence[str], Sequence[Any], Sequence[float]]


@dataclass(frozen=True, eq=False)
class InMemory:
    """Columns in memory, instead of a file.

    Attributes:
        columns: Columns by name, all of the same length.
        name: Name in messages.
    """

    columns: Columns
    name: str

    def __str__(self) -> str:
        return self.name


class FromMemory:
    """The constructors of `TextDataModule` for texts in memory."""

    files: dict[str, Any]
    reading: ReadingOptions
    text: Any

    @classmethod
    def from_lists(
        cls,
        train: TextsAndLabels | None = None,
        val: TextsAndLabels | None = None,
        test: TextsAndLabels | None = None,
        predict: Sequence[str] | None = None,
        **arguments: Any,
    ) -> Self:
        """Create a data module from texts in memory, as in `from_lists(train=(texts, labels), val_fraction=0.2)`.

        A label is a str or a number, or with several labels a list of them. The labels may also be an indicator matrix: an
        array of 0 and 1 with a row for each text and a column for each class, whose names are `label_columns`. With
        `weight_column`, `train` may be `(texts, labels, weights)`.

        Raises:
            ConfigError: An argument is not a pair of lists, or is otherwise invalid.
            DataError: The numbers of texts and labels differ.
        """
        module = cls(**arguments)
        for part in (train, val, test):
            if isinstance(part, tuple | list) and len(part) in (2, 3) and is_matrix(part[1]):
                matrix: Any = part[1]
                numbers = [str(number) for number in range(matrix.shape[1])]
                if module.reading.label_columns is None:
                    module.reading = module.text.reading = replace(module.reading, label_columns=numbers)
        given: Any = train
        weights: Any = None
        if isinstance(given, tuple | list) and len(given) == 3:
            if module.reading.weight_column is None:
                raise ConfigError(
                    "train has weights, but weight_column is null. Give it a name, as in weight_column='weight'."
                )
            *given, weights = given
        module._take(lists_as_columns, {"train": given, "val": val, "test": test, "predict": predict})
        if weights is not None:
            module.files["train"].columns[str(module.reading.weight_column)] = _as_list(weights, "weights", "train")
            if len(weights) != len(module.files["train"].columns[str(module.reading.text_column)]):
                raise DataError(f"train has {len(weights):,} weights; expected one for each text.")
        return module

    @classmethod
    def from_pandas(
        cls, train: Any = None, val: Any = None, test: Any = None, predict: Any = None, **arguments: Any
    ) -> Self:
        """Create a data module from DataFrames with the columns `text_column` and `label_column`.

        Raises:
            ConfigError: An argument is not a DataFrame, or is otherwise invalid.
        """
        return cls(**arguments)._take(frame_as_columns, {"train": train, "val": val, "test": test, "predict": predict})

    def _take(self, columns_of: Callable[..., InMemory], given: dict[str, Any]) -> Self:
        """Replace files by columns in memory."""
        names = str(self.reading.text_column), str(self.reading.label_column), self.reading.label_columns
        for split, part in given.items():
            if part is not None and self.files[split] is not None:
                raise ConfigError(f"{split} and {split}_file are mutually exclusive. Give one.")
            self.files[split] = self.files[split] if part is None else columns_of(split, part, *names)
        return self


def lists_as_columns(
    split: str, given: Any, text_column: str, label_column: str, label_columns: Sequence[str] | None = None
) -> InMemory:
    """Return texts and labels as columns.

    Args:
        split: Name of the split in messages.
        given: A pair `(texts, labels)` of sequences of the same length; only texts for the split `predict`.
        text_column: Name of the column of texts.
        label_column: Name of the column of labels.
        label_columns: Names of the columns of an indicator matrix.

    Raises:
        ConfigError: The value is not a pair of sequences.
        DataError: The numbers of texts and labels differ, or the labels are no matrix with these columns.
    """
    if split == "predict":
        return InMemory({text_column: _as_list(given, "texts", split)}, f"{split} texts")
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ConfigError(f"{split} is {type(given).__name__}; expected a pair of lists, {split}=(texts, labels).")
    texts, labels = _as_list(given[0], "texts", split), _as_list(given[1], "labels", split)
    if len(texts) != len(labels):
        raise DataError(f"{split} has {len(texts):,} texts but {len(labels):,} labels; expected one for each text.")
    if label_columns is None:
        return InMemory({text_column: texts, label_column: labels}, f"{split} texts")
    widths = {len(row) if isinstance(row, list) else 0 for row in labels}
    if widths != {len(label_columns)}:
        found = " or ".join(map(str, sorted(widths)[:5]))
        raise DataError(
            f"The labels of {split} have rows of {found} values; expected an indicator matrix with {len(label_columns)} "
            f"columns: {', '.join(label_columns[:20])}. For lists of class names, set label_columns to null."
        )
    columns = dict(zip(label_columns, map(list, zip(*labels, strict=True)), strict=True))
    return InMemory({text_column: texts, **columns}, f"{split} texts")


def is_matrix(values: Any) -> bool:
    """Return whether values are an array or a sparse matrix of two dimensions."""
    return getattr(values, "ndim", 1) == 2 and hasattr(values, "shape")


def frame_as_columns(split: str, frame: Any, *names: Any) -> InMemory:
    """Return a pandas DataFrame as columns, with missing values as None.

    Args:
        split: Name of the split in messages.
        frame: The DataFrame.
        *names: Unused, since a DataFrame has column names.

    Raises:
        ConfigError: The value is not a DataFrame, or two columns have the same name.
    """
    if not hasattr(frame, "columns") or not hasattr(frame, "isna"):
        raise ConfigError(f"{split} is {type(frame).__name__}; expected a pandas DataFrame.")
    columns: Columns = {}
    for name, values in frame.items():
        if str(name) in columns:
            raise ConfigError(f"The DataFrame {split} has more than one column named {name}.")
        if str(values.dtype) in ("float16", "float32", "Float32"):
            columns[str(name)] = shortest_floats(values.to_numpy(dtype=str(values.dtype).lower(), na_value=np.nan))
        else:
            columns[str(name)] = values.astype(object).where(values.notna(), None).tolist()
    return InMemory(columns, f"{split} DataFrame")


def _as_list(values: Any, what: str, split: str) -> list[Any]:
    """Convert a sequence, an array or a tensor to a list of plain values."""
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        raise ConfigError(f"The {what} of {split} are {type(values).__name__}; expected a list.")
    values = values.toarray() if hasattr(values, "toarray") else values
    if str(getattr(values, "dtype", "")) in ("float16", "float32", "torch.float16", "torch.float32"):
        return shortest_floats(np.asarray(values))
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    odd = next((value for value in listed if what == "texts" and not isinstance(value, str | None)), None)
    if odd is not None:
        raise ConfigError(f"The texts of {split} have {odd!r} ({type(odd).__name__}) in them; expected str.")
    return listed
