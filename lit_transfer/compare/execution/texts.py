"""The texts of a comparison, and their split into training, validation and test texts for each run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.plan import RunSpec
from lit_transfer.config.fit import build
from lit_transfer.data.corpus import SPLITS, Split, has_test_rows
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.tokenized import NO_WORD
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import Task

# Number of folds if it is chosen automatically.
FOLDS = 5


def _own_test(given: Mapping[str, Any]) -> str | None:
    """Return where the test texts of a configuration are, if it has its own: a file, a dataset, or rows of the train file."""
    if own := given.get("test_file") or given.get("dataset"):
        return str(own)
    file, reading = given.get("train_file"), ReadingOptions.from_values(given)
    if file is None or not has_test_rows(str(file), reading):
        return None
    return f"{file} with {reading.split_column} = test"


@dataclass
class ComparedTexts:
    """All texts of a comparison, tokenized once.

    With folds, the data module has all texts of the train file as its train split. Each run is tested on one fold, and trained
    and validated on the others.

    Attributes:
        data: Data module with the texts.
        folds: Number of folds; None for a fixed test split.
        val_fraction: Share of the texts outside the tested fold that a run is validated on; 0 with a validation file, or with
            `val_folds`.
        val_folds: Number of folds of the training texts that a run is validated on, as with `data.val_folds`; None for a
            validation split.
    """

    data: TextDataModule
    folds: int | None = None
    val_fraction: float = 0.0
    val_folds: int | None = None

    @classmethod
    def read(cls, config: Configuration) -> ComparedTexts:
        """Read and tokenize the texts.

        Raises:
            LitTransferError: A split is missing or invalid, or there are too few texts for the folds.
        """
        given = config.data.init_args
        own_test = _own_test(given)
        wanted = config.comparison.folds
        folds = (None if own_test else FOLDS) if wanted == "auto" else wanted
        if folds is not None and own_test:
            raise ConfigError(
                f"compare.folds is {folds}, but the test texts are those of {own_test}. Set it to auto or null."
            )
        changed: dict[str, object] = {}
        val_fraction, val_folds = 0.0, given.get("val_folds")
        if folds is not None:
            if given.get("val_file") is None and val_folds is None:
                val_fraction = float(given.get("val_fraction", 0.1))
            changed |= {"test_fraction": 0.0, "val_fraction": 0.0}
        # The lookup settings are the same for all files.
        files = [*config.vectors, *(method.vectors for method in config.methods if method.vectors is not None)]
        data = config.data.plain(vectors=files[0] if files else None, **changed)
        _, module, _ = build({"model": config.model.plain(), "data": data, "trainer": config.trainer})
        if module.arguments.train_size is not None:
            raise ConfigError(
                f"data.train_size is {module.arguments.train_size}, but a comparison uses compare.train_sizes. Remove it."
            )
        texts = cls(module, folds, val_fraction, val_folds)
        if texts.task.several and val_folds is not None and folds is None:
            raise ConfigError(
                f"data.val_folds is {val_folds}, but with several labels and test texts of their own, the thresholds of all "
                "seeds would be chosen on the same texts. Set data.val_folds to null and data.val_fraction, or give a val_file."
            )
        for part in texts.parts:
            module.tokens(part)
        if folds is not None and len(module.split("train")) < 2 * folds:
            raise ConfigError(
                f"compare.folds is {folds}, but there are {len(module.split('train'))} texts. Label more, or set fewer folds."
            )
        return texts

    @property
    def splits(self) -> list[str]:
        """Names of the splits of a run."""
        return [name for name in SPLITS if name != "val" or self.val_folds is None]

    @property
    def parts(self) -> list[str]:
        """Names of the splits of the data module."""
        if self.folds is None:
            return self.splits
        return ["train"] if self.val_fraction or not self.data.has_validation else ["train", "val"]

    @property
    def share_validation(self) -> bool:
        """Whether thresholds are chosen on validation texts that are the same for all seeds."""
        return self.task.several and self.val_folds is None and (self.folds is None or not self.val_fraction)

    @property
    def task(self) -> Task:
        """The task."""
        return self.data.task

    @property
    def source(self) -> str:
        """Name of the file of the training texts."""
        return self.data.split("train").source

    @property
    def test(self) -> Split:
        """All texts that runs are tested on."""
        return self.data.split("test" if self.folds is None else "train")

    @property
    def test_labels(self) -> np.ndarray:
        """Class indices of `test`. *Shape:* `(texts,)`."""
        assert self.test.labels is not None
        return self.test.labels

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of texts in each split of the first run."""
        view = self.data if self.folds is None else self._fold(0)
        return {name: len(view.split(name)) for name in self.splits}

    def counts_of(self, train_size: int | None) -> tuple[int, int, int]:
        """Return the numbers of texts that a run of a training size is trained, validated and tested on."""
        train = self.counts["train"] if train_size is None else train_size
        val = self.counts["val"] if self.val_folds is None else train // self.val_folds
        return train, val, self.counts["test"]

    def of(self, run: RunSpec) -> TextDataModule:
        """Return the data module of a run; the sample of training texts depends on `seed_everything`."""
        view = self.data if run.fold is None else self._fold(run.fold)
        return view.with_train_size(run.train_size)

    def tested(self, run: RunSpec) -> np.ndarray | None:
        """Return which of the texts of `test` a run is tested on; None for all. *Shape:* `(tested,)`."""
        return None if run.fold is None else self._partition(run.fold)

    def words(self) -> list[str]:
        """Return the distinct words of all texts."""
        words = (word for part in self.parts for word in self.data.tokens(part).words)
        return [word for word in dict.fromkeys(words) if word != NO_WORD]

    def texts(self) -> Iterator[str]:
        """Yield all texts."""
        for part in self.parts:
            yield from self.data.split(part).texts

    def digest(self) -> str:
        """Return a hash of all texts and labels, to detect changes."""
        digest = hashlib.sha256()
        for part in self.parts:
            split = self.data.split(part)
            assert split.labels is not None
            digest.update(split.labels.tobytes())
            for text in split.texts:
                digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
        return digest.hexdigest()[:16]

    def _partition(self, fold: int) -> np.ndarray:
        """Return the rows of a fold; each time all folds have been used, the texts are partitioned anew."""
        assert self.folds is not None
        repetition, number = divmod(fold, self.folds)
        return self.task.folds(self.test_labels, self.folds, self.data.arguments.seed + repetition)[number]

    def _fold(self, fold: int) -> TextDataModule:
        tested = self._partition(fold)
        rest = np.setdiff1d(np.arange(len(self.test)), tested)
        if self.data.arguments.drop_overlap:
            known = {self.test.texts[row] for row in tested.tolist()}
            rest = np.array([row for row in rest.tolist() if self.test.texts[row] not in known], dtype=np.int64)
        rows = {"test": tested}
        if self.val_fraction:
            [val] = self.task.stratified_split(self.test_labels[rest], [self.val_fraction], self.data.arguments.seed)
            rows["val"], rest = rest[val], np.delete(rest, val)
        return self.data.with_rows({**rows, "train": rest})
