"""Labels in the formats of scikit-learn: of any hashable type, or several per text as an indicator matrix or as lists."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from lit_transfer.data.reading.columns import as_label, is_missing
from lit_transfer.data.reading.in_memory import is_matrix
from lit_transfer.errors import DataError


@dataclass(frozen=True, eq=False)
class GivenLabels:
    """The labels of texts.

    Attributes:
        classes: The different labels, sorted if they are sortable.
        names: Name of each class.
        labels: Name of the label of each text; of several labels, a matrix, or the names of each text.
        form: How several labels were given, `matrix` or `lists`; None for one label.
    """

    classes: np.ndarray
    names: list[str]
    labels: np.ndarray | Sequence[Any]
    form: Literal["matrix", "lists"] | None

    @classmethod
    def of(cls, y: Any, num_texts: int) -> GivenLabels:
        """Read labels.

        Args:
            y: A label for each text; or an indicator matrix, or a list of lists.
            num_texts: Number of texts.

        Raises:
            DataError: The number of labels is not that of the texts, there is only one class, or a label is missing or not
                hashable; a matrix has other values than 0 and 1, or a list has the same label twice.
        """
        if is_matrix(y) and y.shape[1] == 1 and isinstance(y, np.ndarray):
            y = column_or_1d(y, warn=True)
        several = cls._of_matrix(y) if is_matrix(y) else cls._of_lists(y) if _is_lists(y) else None
        if several is None:
            classes, numbers = find_classes(y)
            names = name_classes(classes)
            several = cls(classes, names, [names[number] for number in numbers], None)
        if len(several.labels) != num_texts:
            one = "one label" if several.form is None else "one row of labels"
            what = "labels" if several.form is None else "rows"
            raise DataError(f"Expected {one} for each text, got {num_texts} texts and {len(several.labels)} {what}.")
        if (count := len(several.classes)) < 2:
            raise DataError(f"Expected at least two classes in y, got {count} class: {several.classes.tolist()}.")
        return several

    @classmethod
    def _of_matrix(cls, y: Any) -> GivenLabels:
        matrix = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
        if not np.isin(matrix, (0, 1)).all():
            odd = matrix[~np.isin(matrix, (0, 1))][0]
            raise DataError(f"Expected an indicator matrix of 0 and 1, got {odd!r} in it.")
        classes = np.arange(matrix.shape[1])
        return cls(classes, name_classes(classes), matrix, "matrix")

    @classmethod
    def _of_lists(cls, y: Any) -> GivenLabels:
        rows = [list(dict.fromkeys(label)) for label in y]
        if any(len(row) != len(label) for row, label in zip(rows, y, strict=True)):
            raise DataError(
                "A text has the same label twice. If the rows are indicators, give them as an array: numpy.array(y)."
            )
        classes, _ = find_classes([name for row in rows for name in row])
        names = name_classes(classes)
        name_of = dict(zip(classes.tolist(), names, strict=True))
        return cls(classes, names, [[name_of[label] for label in row] for row in rows], "lists")


def _is_lists(y: Any) -> bool:
    """Return whether the labels are a list of lists, tuples or sets."""
    return isinstance(y, list | tuple) and len(y) > 0 and all(isinstance(label, list | set | frozenset) for label in y)


def as_iterable(values: Any) -> Any:
    """Return the values, or an array of them if they are not iterable."""
    return np.asarray(values) if hasattr(values, "__array__") and not isinstance(values, Iterable) else values


def find_classes(y: Iterable[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct labels, sorted if possible, and the index of each label in them."""
    plain = (str, bool, int, float, np.generic)
    y = as_iterable(y)
    labels = list(y)
    if missing := [number for number, label in enumerate(labels) if not isinstance(label, str) and is_missing(label)]:
        raise DataError(
            f"y has {len(missing)} missing labels, the first in position {missing[0]} ({labels[missing[0]]!r}). Label these "
            "texts, or leave them out: Input y contains NaN."
        )
    if hasattr(y, "ndim") or all(isinstance(label, plain) for label in labels):
        array = column_or_1d(y if hasattr(y, "ndim") else labels, warn=True)
        check_classification_targets(array)
        return np.unique(array, return_inverse=True)
    if unhashable := next((label for label in labels if not isinstance(label, Hashable)), None):
        raise DataError(f"Expected hashable labels, got {type(unhashable).__name__}.")
    different = list(dict.fromkeys(labels))
    with contextlib.suppress(TypeError):  # labels without an order keep that of their appearance
        different.sort()
    place = {label: number for number, label in enumerate(different)}
    classes = np.empty(len(different), dtype=object)
    for number, label in enumerate(different):  # assigning all at once would interpret tuples as a second axis
        classes[number] = label
    return classes, np.array([place[label] for label in labels])


def name_classes(classes: np.ndarray) -> list[str]:
    """Return a name for each class: the label as a str, with its index if two names would be equal."""
    names = [as_label(str(label)) or "" for label in classes.tolist()]
    if len({name.strip().casefold() for name in names} - {""}) == len(names):
        return names
    return [f"{number}: {name}" for number, name in enumerate(names)]
