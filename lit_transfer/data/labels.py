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


def name_classes(
    written: Sequence[str], label_names: Mapping[Any, str] | None, source: str
) -> tuple[list[str], dict[str, str]]:
    """Name the classes of the train split.

    Args:
        written: Original label of each row.
        label_names: New names by original label; labels with the same name become one class.
        source: Name of the file in messages.

    Returns:
        names: Class names in the order of the original labels: numbers by value, then others alphabetically.
        rename: New names by original label, for the renamed labels.

    Raises:
        DataError: No row has a label that `label_names` renames.
    """
    rename = renaming(label_names)
    different = sorted(set(written), key=label_order)
    if unknown := [label for label in rename if label not in different]:
        raise DataError(
            f"label_names renames {', '.join(unknown)}, but the labels in {source} are {few(different)}. Set "
            "label_names to null to keep them as they are."
        )
    names = list(dict.fromkeys(rename.get(label, label) for label in different))
    _warn_of_variants(names, source)
    _warn_of_combinations(names, source)
    return names, rename


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
                "one text. Multi-label classification is not supported: each combination is a separate class.",
                stacklevel=2,
            )
