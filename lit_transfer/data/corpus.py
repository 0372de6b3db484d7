"""The corpus: train, val, test and predict splits with numbered labels, from columns of texts and labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lit_transfer.cache import Entry
from lit_transfer.data.labels import Label, LabelFormat, name_classes, rename_labels, renaming
from lit_transfer.data.reading.columns import (
    RowFilter,
    find_column,
    is_missing,
    matching_rows,
    texts_of,
    warn_of_names,
    weights_of,
)
from lit_transfer.data.reading.hugging_face import Columns, read_dataset
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.tabular import Source, read_batches, read_tabular
from lit_transfer.data.texts import Texts
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.tasks import MultiLabel, SingleLabel, Task, make_task

# The splits of labelled data.
SPLITS = ("train", "val", "test")
# Names of these splits in datasets of the hub, and in a column.
SPLIT_OF = {"train": "train", "validation": "val", "valid": "val", "val": "val", "dev": "val", "test": "test"}


@dataclass(frozen=True, eq=False)
class Split:
    """One split of a corpus.

    Attributes:
        texts: Texts, as a list or packed; missing texts are "".
        labels: Targets of the `task` of the corpus, a row for each text; None for texts to predict.
        source: Name of the file or dataset.
        num_empty: Number of texts that are empty or only white space.
        num_unlabelled: Number of rows dropped because they had no label.
        weights: Weight of each text in the loss, float32; None for equal weights. *Shape:* `(num_texts,)`.
    """

    texts: Sequence[str]
    labels: np.ndarray | None
    source: str
    num_empty: int
    num_unlabelled: int = 0
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def relative_weights(self) -> np.ndarray | None:
        """Weights with a mean of 1; None for equal weights. *Shape:* `(num_texts,)`."""
        return None if self.weights is None else self.weights / self.weights.mean()

    def take(self, rows: np.ndarray, source: str | None = None) -> Split:
        """Return the given rows of a labelled split, in the given order."""
        assert self.labels is not None
        weights = None if self.weights is None else self.weights[rows]
        return _split([self.texts[row] for row in rows], self.labels[rows], source or self.source, weights=weights)


@dataclass
class Corpus:
    """The existing splits by name (`train`, `val`, `test`, `predict`), and the task with the class names."""

    splits: dict[str, Split]
    task: Task

    @property
    def label_names(self) -> list[str]:
        """Class names by index."""
        return list(self.task.classes)

    def to_entry(self) -> Entry:
        """Return the corpus as arrays and plain values, for the cache."""
        entry: Entry = {"task": self.task.name, "label_names": self.label_names, "splits": {}}
        for name, split in self.splits.items():
            texts = Texts.of(split.texts)
            arrays = {
                "letters": texts.letters,
                "offsets": texts.offsets,
                "labels": split.labels,
                "weights": split.weights,
            }
            entry |= {f"{name}.{key}": array for key, array in arrays.items()}
            values = ("source", "num_empty", "num_unlabelled")
            entry["splits"][name] = {value: getattr(split, value) for value in values}
        return entry

    @classmethod
    def from_entry(cls, entry: Entry) -> Corpus:
        """Invert `to_entry`; the texts are packed."""
        splits = {
            name: Split(
                Texts(entry[f"{name}.letters"], entry[f"{name}.offsets"]),
                entry[f"{name}.labels"],
                weights=entry[f"{name}.weights"],
                **values,
            )
            for name, values in entry["splits"].items()
        }
        return cls(splits, make_task(entry["label_names"], entry["task"]))


def read_corpus(
    *,
    train_file: Source | None = None,
    val_file: Source | None = None,
    test_file: Source | None = None,
    predict_file: Source | None = None,
    dataset: str | None = None,
    reading: ReadingOptions | None = None,
    known: Task | None = None,
    earlier: Task | None = None,
    val_fraction: float = 0.1,
    test_fraction: float = 0.0,
    seed: int = 0,
) -> Corpus:
    """Read labelled text and split it.

    Labels are numbered in the order of their original values (numbers by value, others alphabetically), and then renamed.

    Args:
        train_file: File of training data, or columns in memory; see `lit_transfer.data.reading.tabular` for formats, pipes
            and files of installed packages.
        val_file: File of validation data; if None, `val_fraction` of the train split is used.
        test_file: File of test data; if None, `test_fraction` of the train split is used.
        predict_file: File of texts to classify. `where` does not apply to it, and it needs no label column.
        dataset: Name of a dataset on the Hugging Face hub, or a folder, instead of the train, val and test files.
        reading: How the files are written, and which of their columns and rows are read; None for the defaults.
        known: Task of a trained model. The train split is then not needed, and every label must be one of its classes.
        earlier: Task of a model that is trained further on the train split: its classes come before new ones, and need no
            text.
        val_fraction: Share of the rows of the train split that becomes the val split; 0 for none.
        test_fraction: Share of the rows of the train split that becomes the test split; 0 for none.
        seed: Seed of the split.

    Raises:
        ConfigError: The arguments are invalid or contradict each other.
        DataError: A file or dataset is missing, damaged, or inconsistent with the arguments.
    """
    reading = reading or ReadingOptions()
    for name, fraction in (("val_fraction", val_fraction), ("test_fraction", test_fraction)):
        if not 0 <= fraction < 1:
            raise ConfigError(f"{name} is {fraction}; expected a share of the train split, at least 0 and below 1.")
    files = {"train": train_file, "val": val_file, "test": test_file}
    given = {split: file for split, file in files.items() if file is not None}
    if dataset is not None and given:
        raise ConfigError(
            f"dataset ({dataset}) and {', '.join(f'{split}_file' for split in given)} are mutually exclusive. Give one."
        )
    if dataset is None and not given and predict_file is None:
        raise ConfigError("The data have no source. Give train_file or dataset.")
    form = LabelFormat.of(reading)
    if reading.labels_in in reading.texts_in and form.columns is None and (given or dataset is not None):
        raise ConfigError(
            f"text_column and label_column are both {reading.labels_in!r}; expected two different columns."
        )
    if dataset is not None:
        read = {split: (f"{dataset} [{split}]", columns) for split, columns in _dataset_splits(dataset).items()}
    else:
        read = {split: (str(file), read_tabular(file, reading)) for split, file in given.items()}
        for source, columns in read.values():
            warn_of_names(columns, reading, source)
    texts = {split: texts_of(columns, reading, source) for split, (source, columns) in read.items()}
    several = known is not None and known.several
    if known is not None:
        form.check_known(known, read)
    if known is None and "train" in read:
        source, columns = read["train"]
        several = form.has_several(columns, source) or (
            earlier is not None and earlier.several and reading.task == "auto"
        )
        if earlier is not None and several != earlier.several:
            raise ConfigError(
                f"{source} has {'several labels' if several else 'one label'} for a text, but the model is of the task "
                f"{earlier.name}. Give labels as in its training."
            )
    if reading.split_column is not None and dataset is None and "train" in read:
        read |= _by_column(*read["train"], reading.split_column, given)
        texts = {split: texts_of(columns, reading, source) for split, (source, columns) in read.items()}
    rows = {
        split: _labelled(*part, texts[split], form, several, reading, weighted=split == "train")
        for split, part in read.items()
    }
    task, rename = known, renaming(reading.label_names)
    if "train" in rows:
        (train, labels), kind = rows["train"], MultiLabel if several else SingleLabel
        written = list(form.columns or kind.names_in(labels))
        if len(different := set(written)) < 2 and earlier is None and known is None:
            which = f"only one class, {different.pop()!r}," if different else "no class"
            raise DataError(
                f"{train.source} has {which} in {form.place}; expected at least two. Check label_column, where and label_names."
            )
        classes, rename = name_classes(
            written,
            reading.label_names,
            train.source,
            several,
            ordered=form.columns is not None,
            partly=earlier is not None,
        )
        if earlier is not None:
            classes = list(dict.fromkeys([*earlier.classes, *classes]))
        task = task or kind(tuple(classes))
    if rows and task is None:
        raise ConfigError(
            f"{', '.join(rows)} needs the label names of a train split or a checkpoint. Give train_file or a checkpoint."
        )
    task = task or SingleLabel(())  # of texts to predict alone
    splits = {}
    for name, (split, labels) in rows.items():
        splits[name] = dataclasses.replace(split, labels=task.encode(rename_labels(labels, rename), split.source))
    if "train" in splits:
        splits = _split_off(splits, task, {"test": test_fraction, "val": val_fraction}, seed)
    if predict_file is not None:
        source, columns = str(predict_file), read_tabular(predict_file, reading)
        warn_of_names(columns, reading, source)
        splits["predict"] = _split(texts_of(columns, reading, source), None, source)
    return Corpus(splits, task)


def read_texts(source: Source, reading: ReadingOptions) -> list[str]:
    """Read the texts of a file with or without labels.

    Raises:
        DataError: The file is missing, damaged, or inconsistent with the options.
    """
    columns = read_tabular(source, reading)
    texts = texts_of(columns, reading, str(source))
    return [texts[row] for row in matching_rows(columns, reading.where, str(source))]


def stream_texts(source: Source, reading: ReadingOptions) -> Iterator[str]:
    """Read the texts of a file as a stream; errors are those of `read_texts`, raised when they are found.

    CSV, TSV, JSON lines and Parquet are read in bounded memory.
    """
    selected = RowFilter(reading.where, str(source))
    columns_needed = {name.partition(".")[0] for name in (*reading.texts_in, *selected.wanted)}
    first = 0
    for columns in read_batches(source, reading, only=columns_needed):
        texts = texts_of(columns, reading, str(source), first)
        yield from texts if not selected.wanted else (texts[row] for row in selected.rows(columns, first))
        first += len(texts)
    selected.check()


def _dataset_splits(dataset: str) -> dict[str, Columns]:
    found = read_dataset(dataset)
    splits = {SPLIT_OF[name]: table for name, table in found.items() if name in SPLIT_OF}
    if "train" not in splits:
        raise DataError(f"The dataset {dataset!r} has no split 'train'; its splits are {', '.join(found)}.")
    return splits


def are_split_names(values: Sequence[Any]) -> bool:
    """Return whether the values of a column are names of splits, at least that of the train split and another one."""
    found = set(map(_split_named, values))
    return "train" in found and len(found) > 1 and None not in found


def has_test_rows(file: str, reading: ReadingOptions) -> bool:
    """Return whether the split column of a train file tells test texts from the others."""
    if reading.split_column is None:
        return False
    values = find_column(read_tabular(file, reading), reading.split_column, file, "split_column")
    return "test" in map(_split_named, values)


def _split_named(value: Any) -> str | None:
    """Return the split that a value of the split column names, which is the train split for none; None if it names another."""
    name = str(value).strip().lower()
    return "train" if is_missing(value) or not name else SPLIT_OF.get(name)


def _by_column(source: str, columns: Columns, column: str, given: Collection[str]) -> dict[str, tuple[str, Columns]]:
    """Return the splits named by the values of a column; rows without a value belong to the train split.

    Raises:
        ConfigError: There is a file of a split that the column has too.
        DataError: There is no such column, it has another value, or no row is of the train split.
    """
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(find_column(columns, column, source, "split_column")):
        split = _split_named(value)
        if split is None:
            raise DataError(
                f"{source}, row {row + 1} has {value!r} in the column {column!r}; expected one of {', '.join(SPLIT_OF)}. "
                "Set split_column to another column, or to null."
            )
        rows.setdefault(split, []).append(row)
    if "train" not in rows:
        raise DataError(f"{source} has no row of the train split in the column {column!r}; expected at least one.")
    if twice := [split for split in rows if split != "train" and split in given]:
        raise ConfigError(
            f"{twice[0]}_file and the rows of {source} with {column} = {twice[0]} are both given. Give one."
        )
    return {
        split: (
            source if split == "train" else f"{source} [{split}]",
            {name: [values[row] for row in kept] for name, values in columns.items()},
        )
        for split, kept in rows.items()
    }


def _labelled(
    source: str,
    columns: Columns,
    texts: list[str],
    form: LabelFormat,
    several: bool,
    reading: ReadingOptions,
    weighted: bool,
) -> tuple[Split, list[Label]]:
    """Return the rows that have a label, as a split without targets, and their original labels."""
    labels: list[Label] = form.read(columns, source, several)
    kept = matching_rows(columns, reading.where, source)
    missing = [row + 1 for row in kept if labels[row] is None]
    if missing and not reading.drop_unlabelled:
        raise DataError(
            f"{source} has {len(missing)} rows without a label in {form.place}, the first in row "
            f"{', '.join(map(str, missing[:5]))} (after the header). Label them, or set drop_unlabelled to true."
        )
    rows = [row for row in kept if labels[row] is not None]
    if not rows:
        raise DataError(f"{source} has no row with a label in {form.place}; expected one for each text.")
    weights = None
    if weighted and reading.weight_column is not None:
        name = str(reading.weight_column)
        weights = np.array(weights_of(columns, name, source), np.float32)[rows]
        if not weights.any():
            raise DataError(f"{source} has no weight above 0 in column {name!r}; expected at least one.")
    split = _split([texts[row] for row in rows], None, source, len(missing), weights)
    return split, [labels[row] for row in rows]


def _split_off(splits: dict[str, Split], task: Task, fractions: Mapping[str, float], seed: int) -> dict[str, Split]:
    wanted = {name: fraction for name, fraction in fractions.items() if name not in splits and fraction > 0}
    if sum(wanted.values()) >= 1:
        raise ConfigError(f"val_fraction and test_fraction sum to {sum(wanted.values())}; expected a sum below 1.")
    train = splits["train"]
    assert train.labels is not None
    parts = dict(zip(wanted, task.stratified_split(train.labels, list(wanted.values()), seed), strict=True))
    for name, rows in parts.items():
        if len(rows) == 0:
            classes = len(task.classes)
            many = (
                f" It has {classes} classes: check that label_column has the labels."
                if 2 * classes > len(train)
                else ""
            )
            raise DataError(
                f"{train.source} has {len(train)} rows: too few to split off {name}_fraction = {wanted[name]}. Give a "
                f"{name}_file, or set it to 0.{many}"
            )
    rest = np.setdiff1d(np.arange(len(train)), np.concatenate([np.empty(0, np.int64), *parts.values()]))
    new = {name: train.take(rows, f"{train.source} ({wanted[name]:.0%} of it)") for name, rows in parts.items()}
    rest_of_train = dataclasses.replace(train.take(rest), num_unlabelled=train.num_unlabelled)
    return {**splits, "train": rest_of_train, **new}


def _split(
    texts: list[str],
    labels: np.ndarray | None,
    source: str,
    num_unlabelled: int = 0,
    weights: np.ndarray | None = None,
) -> Split:
    return Split(texts, labels, source, sum(not text.strip() for text in texts), num_unlabelled, weights)
