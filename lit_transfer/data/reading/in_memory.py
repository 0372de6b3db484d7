"""Texts and labels in memory, as lists or in a pandas DataFrame, instead of a file."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lit_transfer.data.reading.floats import is_bfloat16, shortest_bfloat16, shortest_floats
from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, DataError, warn

TextsAndLabels = tuple[Sequence[str], Sequence[Any]] | tuple[Sequence[str], Sequence[Any], Sequence[float]]

# Types of pandas, pyarrow and torch with less precision than a float, as those of numpy.
_FLOATS = {
    **dict.fromkeys(("float16", "torch.float16", "halffloat[pyarrow]"), "float16"),
    **dict.fromkeys(("float32", "torch.float32", "Float32", "float[pyarrow]"), "float32"),
}


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


def splits_of_lists(reading: ReadingOptions, given: Mapping[str, object]) -> tuple[dict[str, InMemory], ReadingOptions]:
    """Return splits given as lists as columns in memory.

    Args:
        reading: Names of the columns.
        given: Pairs `(texts, labels)` by the name of the split; for the split `train` also `(texts, labels, weights)`, and for
            `predict` only texts; None for no such split. Labels may be an indicator matrix.

    Returns:
        The columns by split, and the options of reading, with the names of the columns of an indicator matrix.

    Raises:
        ConfigError: A value is not a pair of lists, or there are weights without a name for them.
        DataError: The numbers of texts, labels and weights differ.
    """
    given = {split: part for split, part in given.items() if part is not None}
    pairs = [part for split, part in given.items() if split != "predict" and isinstance(part, tuple | list)]
    matrix = next((part[1] for part in pairs if len(part) in (2, 3) and is_matrix(part[1])), None)
    if matrix is not None and matrix.shape[1] == 1 and reading.label_columns is None:
        raise DataError(
            f"The labels are a matrix of one column, {tuple(matrix.shape)}; expected one label for each text, as in "
            "labels.ravel(), or a column for each class."
        )
    if matrix is not None and reading.label_columns is None:
        reading = replace(reading, label_columns=[str(number) for number in range(matrix.shape[1])])
    names = str(reading.text_column), str(reading.label_column), reading.label_columns
    splits: dict[str, InMemory] = {}
    for split, part in given.items():
        weights: object = None
        if split == "train" and isinstance(part, tuple | list) and len(part) == 3:
            *part, weights = part
        if weights is not None and reading.weight_column is None:
            raise ConfigError(
                "train has weights, but weight_column is null. Give it a name, as in weight_column='weight'."
            )
        splits[split] = lists_as_columns(split, part, *names)
        if weights is not None:
            columns, listed = splits[split].columns, _as_list(weights, "weights", split)
            if len(listed) != len(columns[names[0]]):
                raise DataError(f"{split} has {len(listed):,} weights; expected one for each text.")
            columns[str(reading.weight_column)] = listed
    return splits, reading


def lists_as_columns(
    split: str, given: Any, text_column: str, label_column: str, label_columns: Sequence[str] | None = None
) -> InMemory:
    """Return a pair `(texts, labels)` as columns; for the split `predict`, only texts.

    The labels may be an indicator matrix whose columns are `label_columns`.

    Raises:
        ConfigError: The value is not a pair of sequences.
        DataError: The numbers of texts and labels differ, or the labels are no matrix with these columns.
    """
    if split == "predict":
        return InMemory({text_column: _as_list(given, "texts", split)}, f"{split} texts")
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ConfigError(f"{split} is {type(given).__name__}; expected a pair of lists, {split}=(texts, labels).")
    _check_order(given[0], given[1], split)
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


def _check_order(texts: Any, labels: Any, split: str) -> None:
    """Warn if texts and labels are of pandas and have the same index in another order: they are paired by position."""
    index: Any = getattr(texts, "index", None)
    other: Any = getattr(labels, "index", None)
    if not (hasattr(index, "equals") and hasattr(other, "equals")) or len(index) != len(other) or index.equals(other):
        return
    if index.sort_values().equals(other.sort_values()):
        warn(
            f"The texts and the labels of {split} have the same index in another order, but are paired by their position, as in "
            "scikit-learn. If they belong together by index, give labels.loc[texts.index].",
        )


def is_matrix(values: Any) -> bool:
    """Return whether values are an array or a sparse matrix of two dimensions."""
    return getattr(values, "ndim", 1) == 2 and hasattr(values, "shape")


def frame_as_columns(split: str, frame: Any) -> InMemory:
    """Return a pandas DataFrame as columns, with missing values as None.

    Raises:
        ConfigError: The value is not a DataFrame, or two columns have the same name.
    """
    if not hasattr(frame, "columns") or not hasattr(frame, "isna"):
        raise ConfigError(f"{split} is {type(frame).__name__}; expected a pandas DataFrame.")
    columns: Columns = {}
    for name, values in frame.items():
        if str(name) in columns:
            raise ConfigError(f"The DataFrame {split} has more than one column named {name}.")
        if (precision := _FLOATS.get(str(values.dtype))) is not None:
            columns[str(name)] = shortest_floats(values.to_numpy(dtype=precision, na_value=np.nan))
        else:
            columns[str(name)] = _without_arrays(values.astype(object).where(values.notna(), None).tolist())
    return InMemory(columns, f"{split} DataFrame")


def _without_arrays(values: list[Any]) -> list[Any]:
    """Convert arrays to lists, such as those that pandas reads from a Parquet column of lists."""
    if not any(isinstance(value, np.ndarray) for value in values):
        return values
    return [value.tolist() if isinstance(value, np.ndarray) else value for value in values]


def _as_list(values: Any, what: str, split: str) -> list[Any]:
    """Convert a sequence, an array or a tensor to a list of plain values."""
    if isinstance(values, str | bytes | bytearray | memoryview | dict | set | frozenset) or not isinstance(
        values, Iterable
    ):
        order = ", which has no order" if isinstance(values, set | frozenset) else ""
        raise ConfigError(f"The {what} of {split} are {type(values).__name__}{order}; expected a list.")
    values = values.toarray() if hasattr(values, "toarray") else values
    values = np.asarray(values) if isinstance(values, array) else values
    if (precision := _FLOATS.get(str(getattr(values, "dtype", "")))) is not None:
        return shortest_floats(np.asarray(values, dtype=precision))
    if is_bfloat16(values) and getattr(values, "ndim", 0) == 1:
        return list(map(shortest_bfloat16, values.tolist()))  # type: ignore[attr-defined]
    if getattr(getattr(values, "dtype", None), "kind", "") == "M" and isinstance(values, np.ndarray):
        # `tolist` of values in nanoseconds gives integers.
        written = np.datetime_as_string(values, unit="auto").tolist()
        return [None if is_nat else value for value, is_nat in zip(written, np.isnat(values).tolist(), strict=True)]
    listed = values.tolist() if hasattr(values, "tolist") else list(values)
    if what == "labels":
        return _without_arrays(listed)
    odd = next((value for value in listed if what == "texts" and not isinstance(value, str | None)), None)
    if odd is not None:
        raise ConfigError(f"The texts of {split} have {odd!r} ({type(odd).__name__}) in them; expected str.")
    return listed
