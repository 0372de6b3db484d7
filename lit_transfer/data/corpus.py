"""Labelled text: tables of text and labels -> the train, val, test and predict splits, with the labels numbered."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.cache import Entry
from lit_transfer.data.tabular import Columns, read_dataset, read_tabular
from lit_transfer.data.texts import Texts
from lit_transfer.errors import ConfigError, DataError

# What datasets of the hub call their splits.
# The parts of labelled data.
SPLITS = ("train", "val", "test")
_SPLIT_OF = {"train": "train", "validation": "val", "valid": "val", "val": "val", "dev": "val", "test": "test"}
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, eq=False)
class Split:
    """One part of a corpus.

    Attributes:
        texts: The texts, "" where there was none; a list, or packed.
        labels: Ids into the corpus's `label_names`, *Shape:* `(num_texts,)` int64; None for texts to predict.
        source: The file or dataset they came from.
        num_empty: How many texts are empty or only white space.
    """

    texts: Sequence[str]
    labels: np.ndarray | None
    source: str
    num_empty: int

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray, source: str | None = None) -> Split:
        """Some rows of a labelled split, in the order given."""
        assert self.labels is not None
        return _split([self.texts[row] for row in rows], self.labels[rows], source or self.source)


@dataclass
class Corpus:
    """Splits by name (`train`, `val`, `test`, `predict`; those there are) and the labels' names by id."""

    splits: dict[str, Split]
    label_names: list[str]

    def to_entry(self) -> Entry:
        """As arrays and plain values, for the cache."""
        entry: Entry = {"label_names": self.label_names, "splits": {}}
        for name, split in self.splits.items():
            texts = Texts.of(split.texts)
            arrays = {"letters": texts.letters, "offsets": texts.offsets, "labels": split.labels}
            entry |= {f"{name}.{key}": array for key, array in arrays.items()}
            entry["splits"][name] = {"source": split.source, "num_empty": split.num_empty}
        return entry

    @classmethod
    def from_entry(cls, entry: Entry) -> Corpus:
        """The inverse of `to_entry`; the texts are packed."""
        splits = {
            name: Split(Texts(entry[f"{name}.letters"], entry[f"{name}.offsets"]), entry[f"{name}.labels"], **values)
            for name, values in entry["splits"].items()
        }
        return cls(splits, entry["label_names"])


@dataclass(frozen=True)
class _Rows:
    """Texts and labels as written."""

    texts: list[str]
    labels: list[str]
    source: str


def read_corpus(
    *,
    train_file: str | Path | None = None,
    val_file: str | Path | None = None,
    test_file: str | Path | None = None,
    predict_file: str | Path | None = None,
    dataset: str | None = None,
    text_column: str = "text",
    label_column: str = "label",
    where: Mapping[str, Any] | None = None,
    label_names: Mapping[Any, str] | None = None,
    known_labels: Sequence[str] | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.0,
    seed: int = 0,
) -> Corpus:
    """Read labelled text and split it.

    Labels are numbered in the order of what the file says (numbers by value, else by the alphabet), and then renamed.

    Args:
        train_file: A file to learn from; see `lit_transfer.tables` for formats and for files of installed packages.
        val_file: A file for validation; without one, `val_fraction` of the train split is split off.
        test_file: A file for the test; without one, `test_fraction` of the train split is split off.
        predict_file: A file of texts to label. It is read whole, whatever `where` says, and needs no label column.
        dataset: A dataset of the Hugging Face hub or a folder, in place of train, val and test file.
        text_column: The column with the text.
        label_column: The column with the label.
        where: Column -> value or list of values: keep only the rows that have it, compared as strings.
        label_names: Label as written -> its name; two labels of one name become one class.
        known_labels: The labels' names by id, as a checkpoint has them; then no train split is needed, and every label
            must be among them.
        val_fraction: Share of the train split's rows that becomes the val split, 0 for none.
        test_fraction: Share of the train split's rows that becomes the test split, 0 for none.
        seed: Which rows are split off.

    Raises:
        ConfigError: The arguments do not go together.
        DataError: A file or a dataset is missing, broken, or not of the shape that the arguments say.
    """
    for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        if not 0 <= fraction < 1:
            raise ConfigError(f"{name} is {fraction}; a share of the train rows from 0 to below 1 is wanted.")
    files = {"train": train_file, "val": val_file, "test": test_file}
    given = {split: file for split, file in files.items() if file is not None}
    if dataset is not None:
        if given:
            raise ConfigError(
                f"dataset ({dataset}) and {', '.join(f'{split}_file' for split in given)} exclude each other."
            )
        tables = {split: (f"{dataset} [{split}]", table) for split, table in _dataset_splits(dataset).items()}
    else:
        tables = {split: (str(file), read_tabular(file)) for split, file in given.items()}
    rows = {split: _labelled(*table, text_column, label_column, where) for split, table in tables.items()}

    if not tables and predict_file is None:
        raise ConfigError("There is no text to read: give train_file or dataset.")
    names, rename = _name_labels(rows.get("train"), label_names, known_labels)
    if rows and not names:
        raise ConfigError(
            f"{', '.join(rows)} without a train split: the labels' names come from train_file or from a checkpoint."
        )
    splits = {split: _number_labels(part, names, rename) for split, part in rows.items()}
    if "train" in splits:
        if len(present := set(rows["train"].labels)) < 2:
            raise DataError(
                f"{rows['train'].source} has only one class, {present.pop()!r}, in column {label_column!r}; at "
                "least two are wanted. Check label_column, where and label_names."
            )
        splits = _split_off(splits, {"test": test_fraction, "val": val_fraction}, seed)
    if predict_file is not None:
        source = str(predict_file)
        texts = _texts(_column(read_tabular(predict_file), text_column, source, "text_column"), source)
        splits["predict"] = _split(texts, None, source)
    return Corpus(splits, names)


def read_texts(source: str | Path, text_column: str = "text", where: Mapping[str, Any] | None = None) -> list[str]:
    """Read texts, labelled or not; the arguments are those of `read_corpus`.

    Raises:
        DataError: The file is missing, broken, or not of the shape that the arguments say.
    """
    table, name = read_tabular(source), str(source)
    column = _column(table, text_column, name, "text_column")
    return _texts([column[row] for row in _matching(table, where or {}, name)], name)


def stratified_split(labels: np.ndarray, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
    """Draw disjoint parts from labelled rows in which each class keeps its share within one row.

    One row at least of each class is in no part. The same seed gives the same parts on every platform.

    Args:
        labels: *Shape:* `(num_rows,)`.
        fractions: The share of all rows that each part has, in all below 1.
        seed: From 0 to 2**32 - 1.

    Returns:
        The row numbers of each part, ascending.
    """
    order = np.random.RandomState(seed).permutation(len(labels))  # numpy keeps RandomState's streams as they are
    rows_of = [order[labels[order] == label] for label in np.unique(labels)]
    sizes = np.array([len(rows) for rows in rows_of])
    left = sizes - 1
    drawn = np.zeros_like(sizes)
    parts = []
    for fraction in fractions:
        share = fraction * sizes
        counts = np.floor(share + 1e-9).astype(int)
        by_remainder = np.argsort(counts - share, kind="stable")
        counts[by_remainder[: round(fraction * len(labels)) - counts.sum()]] += 1
        counts = np.minimum(counts, left - drawn)
        part = [rows[start : start + count] for rows, start, count in zip(rows_of, drawn, counts, strict=True)]
        parts.append(np.sort(np.concatenate(part)))
        drawn += counts
    return parts


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Order labelled rows so that every beginning of the order has each class with its share, within one row.

    Smaller samples are thus part of larger ones. The first rows are one of each class.

    Args:
        labels: *Shape:* `(num_rows,)`.
        seed: From 0 to 2**32 - 1.

    Returns:
        All row numbers. *Shape:* `(num_rows,)`.
    """
    order = np.random.RandomState(seed).permutation(len(labels))
    quantile = np.empty(len(labels))
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels[order] == label)
        quantile[of_class] = np.arange(len(of_class)) / len(of_class)
    return order[np.argsort(quantile, kind="stable")]


def _dataset_splits(dataset: str) -> dict[str, Columns]:
    found = read_dataset(dataset)
    splits = {_SPLIT_OF[name]: table for name, table in found.items() if name in _SPLIT_OF}
    if "train" not in splits:
        raise DataError(f"The dataset {dataset!r} has no split 'train'; it has {', '.join(found)}.")
    return splits


def _labelled(
    source: str, table: Columns, text_column: str, label_column: str, where: Mapping[str, Any] | None
) -> _Rows:
    texts = _column(table, text_column, source, "text_column")
    labels = _column(table, label_column, source, "label_column")
    kept = _matching(table, where or {}, source)
    named = [_as_str(labels[row], label_column, row, source) for row in kept]
    missing = [row + 1 for row, label in zip(kept, named, strict=True) if not (label and label.strip())]
    if missing:
        raise DataError(
            f"{source} has {len(missing)} rows without a label in column {label_column!r}, the first in row "
            f"{', '.join(map(str, missing[:5]))} (after the header). Remove or label them."
        )
    return _Rows(_texts([texts[row] for row in kept], source), [label for label in named if label], source)


def _matching(table: Columns, where: Mapping[str, Any], source: str) -> Sequence[int]:
    """The numbers of the rows whose columns have the wanted values."""
    kept: Sequence[int] = range(len(next(iter(table.values()))))
    for name, wanted in where.items():
        values = [_as_str(value, name, row, source) for row, value in enumerate(_column(table, name, source, "where"))]
        allowed = {
            _as_str(value, name, 0, "where") for value in (wanted if isinstance(wanted, list | tuple) else [wanted])
        }
        found = [row for row in kept if values[row] in allowed]
        if not found:
            there = Counter(values[row] for row in kept).most_common(10)
            raise DataError(
                f"{source} has no row with {name} = {', '.join(sorted(map(str, allowed)))}; the most frequent values "
                f"there are {', '.join(f'{value} ({count} rows)' for value, count in there)}."
            )
        kept = found
    return kept


def _column(table: Columns, name: str, source: str, argument: str) -> Sequence[Any]:
    if name not in table:
        raise DataError(
            f"{source} has no column {name!r}; its columns are {', '.join(table)}. Set {argument} to one of them"
            + (", or to null to keep all rows." if argument == "where" else ".")
        )
    return table[name]


def _texts(values: Sequence[Any], source: str) -> list[str]:
    return [
        value if type(value) is str else _as_str(value, "text", row, source) or "" for row, value in enumerate(values)
    ]


def _as_str(value: Any, column: str, row: int, source: str) -> str | None:
    """A cell as a string: None where nothing is there; 1.0, which a column of ints with gaps is read as, is 1."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, list | dict | bytes):
        raise DataError(
            f"{source}, row {row + 1} has a {type(value).__name__} in column {column!r}; a string or number is wanted."
        )
    return str(value)


def _label_order(label: str) -> tuple[float, str]:
    """Numbers by value, and before everything else."""
    return (float(label) if _NUMBER.fullmatch(label) else math.inf, label)


def _name_labels(
    train: _Rows | None, label_names: Mapping[Any, str] | None, known_labels: Sequence[str] | None
) -> tuple[list[str], dict[str, str]]:
    """The labels' names by id, and label as written -> name for those that are renamed."""
    rename = {
        str(_as_str(label, "label_names", 0, "label_names")): str(name) for label, name in (label_names or {}).items()
    }
    if train is None:
        return list(known_labels or []), rename
    written = sorted(set(train.labels), key=_label_order)
    if unknown := [label for label in rename if label not in written]:
        raise DataError(
            f"label_names renames {', '.join(unknown)}, but the labels in {train.source} are {_few(written)}. Set "
            "label_names to null to keep them as they are."
        )
    return list(known_labels or dict.fromkeys(rename.get(label, label) for label in written)), rename


def _number_labels(rows: _Rows, names: list[str], rename: Mapping[str, str]) -> Split:
    ids = {name: number for number, name in enumerate(names)}
    named = [rename.get(label, label) for label in rows.labels]
    if unknown := Counter(name for name in named if name not in ids):
        counts = ", ".join(f"{name!r} ({count} rows)" for name, count in unknown.most_common(10))
        raise DataError(
            f"{rows.source} has labels that the train split or checkpoint lacks: {counts}; it has {_few(names)}."
        )
    return _split(rows.texts, np.array([ids[name] for name in named], dtype=np.int64), rows.source)


def _split_off(splits: dict[str, Split], fractions: Mapping[str, float], seed: int) -> dict[str, Split]:
    wanted = {name: fraction for name, fraction in fractions.items() if name not in splits and fraction > 0}
    if sum(wanted.values()) >= 1:
        raise ConfigError(
            f"val_fraction and test_fraction are {sum(wanted.values())} in all: nothing is left to train on."
        )
    train = splits["train"]
    assert train.labels is not None
    parts = dict(zip(wanted, stratified_split(train.labels, list(wanted.values()), seed), strict=True))
    for name, rows in parts.items():
        if len(rows) == 0:
            raise DataError(
                f"{train.source} has {len(train)} rows: too few to split off {name}_fraction = {wanted[name]}. Give a "
                f"{name}_file, or set it to 0."
            )
    rest = np.setdiff1d(np.arange(len(train)), np.concatenate([np.empty(0, np.int64), *parts.values()]))
    new = {name: train.take(rows, f"{train.source} ({wanted[name]:.0%} of it)") for name, rows in parts.items()}
    return {**splits, "train": train.take(rest), **new}


def _split(texts: list[str], labels: np.ndarray | None, source: str) -> Split:
    return Split(texts, labels, source, num_empty=sum(not text.strip() for text in texts))


def _few(names: Sequence[str], limit: int = 20) -> str:
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
