"""Class names from the labels in files, with warnings about probable mistakes."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lit_transfer.data.reading.columns import as_label, cell
from lit_transfer.errors import DataError
from lit_transfer.tasks.task import few

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_JOINS = ("|", ";", ",")
# Character that joins the labels of a text in results.
JOIN = "|"
# Number of classes of several labels above which the column is probably another one.
MANY_CLASSES = 2000


def name_classes(
    written: Sequence[str],
    label_names: Mapping[Any, str] | None,
    source: str,
    several: bool = False,
    ordered: bool = False,
) -> tuple[list[str], dict[str, str]]:
    """Name the classes of the train split.

    Args:
        written: Original labels of the rows.
        label_names: New names by original label; labels with the same name become one class.
        source: Name of the file in messages.
        several: Whether a text may have several labels.
        ordered: Whether the classes keep the order of their first occurrence.

    Returns:
        names: Class names in the order of the original labels: numbers by value, then others alphabetically.
        rename: New names by original label, for the renamed labels.

    Raises:
        DataError: No row has a label that `label_names` renames, or the name of one of several labels has the character
            that joins them in results.
    """
    rename = renaming(label_names)
    different = list(dict.fromkeys(written)) if ordered else sorted(set(written), key=label_order)
    if unknown := [label for label in rename if label not in different]:
        raise DataError(
            f"label_names renames {', '.join(unknown)}, but the labels in {source} are {few(different)}. Set "
            "label_names to null to keep them as they are."
        )
    names = list(dict.fromkeys(rename.get(label, label) for label in different))
    _warn_of_variants(names, source)
    if not several:
        _warn_of_combinations(names, source)
    elif joined := [name for name in names if JOIN in name]:
        raise DataError(
            f"{source} has the label {joined[0]!r}, with the character {JOIN} that joins the labels of a text in results. "
            f"Rename it with label_names, or set label_separator to {JOIN!r} if it is several labels."
        )
    elif len(names) > MANY_CLASSES:
        warnings.warn(
            f"{source} has {len(names):,} different labels, such as {few(names, 3)}. If these are not the names of classes, "
            "check label_column, label_separator and label_columns.",
            stacklevel=2,
        )
    return names, rename


def rename_labels(labels: Sequence[Any], rename: Mapping[str, str]) -> list[Any]:
    """Return labels with the new names; each is a class name or a list of them."""
    return [
        [rename.get(name, name) for name in label] if isinstance(label, list) else rename.get(label, label)
        for label in labels
    ]


def renaming(label_names: Mapping[Any, str] | None) -> dict[str, str]:
    """Return `label_names` with its keys formatted like the result of `labels_of`."""
    return {
        str(as_label(cell(label, "label_names", 0, "label_names"))): str(name)
        for label, name in (label_names or {}).items()
    }


def label_order(label: str) -> tuple[float, str]:
    """Return the sorting key of an original label: numbers by value, then others alphabetically."""
    return (float(label) if _NUMBER.fullmatch(label) else math.inf, label)


def _warn_of_variants(names: Sequence[str], source: str) -> None:
    """Warn about classes whose names differ only in case or surrounding white space."""
    groups = defaultdict(list)
    for name in names:
        groups[name.strip().casefold()].append(name)
    for variants in groups.values():
        if len(variants) > 1:
            joined = ", ".join(f"{name!r}: {variants[0].strip()!r}" for name in variants if name != variants[0].strip())
            warnings.warn(
                f"{source}: the labels {', '.join(map(repr, variants))} differ only in case or white space, but are "
                f"{len(variants)} classes. To merge them, set label_names to {{{joined}}}.",
                stacklevel=2,
            )


def _warn_of_combinations(names: Sequence[str], source: str) -> None:
    """Warn about labels that look like combinations: each part of `a|b` also occurs in another label."""
    for join in _JOINS:
        parts_of = {name: {part.strip() for part in name.split(join)} for name in names}
        joined = [name for name, parts in parts_of.items() if len(parts) > 1]
        elsewhere = Counter(part for parts in parts_of.values() for part in parts)
        if joined and all(elsewhere[part] > 1 for name in joined for part in parts_of[name]):
            warnings.warn(
                f"{source}: {len(joined)} of the {len(names)} labels, such as {joined[0]!r}, look like several labels of "
                f"one text, but each combination is a separate class. To read them as several, set label_separator to {join!r}.",
                stacklevel=2,
            )
