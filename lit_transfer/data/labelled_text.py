"""The splits of labelled text and their tokens, read on demand or loaded from the cache."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lit_transfer.cache import Entry, code, identity, load_or_make
from lit_transfer.data.arguments import DataArguments
from lit_transfer.data.checks import without_overlap
from lit_transfer.data.corpus import SPLITS, Corpus, Split, read_corpus
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.reading.in_memory import InMemory
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.tabular import Source
from lit_transfer.data.texts import SeenTexts, Texts
from lit_transfer.data.tokenized import TokenizedTexts, tokenize
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.files import locate
from lit_transfer.tasks import Task
from lit_transfer.tokenizers.external import ExternalTokenizer, Tokenizer
from lit_transfer.tokenizers.registry import cache_key, get_tokenizer


@dataclass
class LabelledText:
    """Labelled text by split.

    Attributes:
        arguments: Arguments of the data module.
        split_tokens: Tokenizer, a callable from a text to its tokens.
        files: File, or columns in memory, of each split; None for a missing split.
        splits: Splits read so far.
        task: Task with the class names, once the train split has been read.
        earlier: Preprocessing of a model that is trained further: its words and classes are kept, before new ones.
        tokenized: Tokens of the splits tokenized so far.
    """

    arguments: DataArguments
    split_tokens: Tokenizer
    files: dict[str, Source | None]
    splits: dict[str, Split] = field(default_factory=dict)
    task: Task | None = None
    earlier: Preprocessing | None = None
    tokenized: dict[str, TokenizedTexts] = field(default_factory=dict)

    @classmethod
    def of(cls, arguments: DataArguments) -> LabelledText:
        """Return the text of files or of a dataset.

        Raises:
            TokenizerError: There is no such tokenizer.
        """
        return cls(arguments, get_tokenizer(arguments.tokenizer), {**arguments.files})

    def in_memory(self, splits: Mapping[str, InMemory], reading: ReadingOptions | None = None) -> LabelledText:
        """Return a copy with splits in memory, and with the reading options if given.

        Raises:
            ConfigError: A split has a file, too.
        """
        for split in splits:
            if self.files[split] is not None:
                raise ConfigError(f"{split} and {split}_file are mutually exclusive. Give one.")
        arguments = self.arguments if reading is None else replace(self.arguments, **vars(reading))
        return LabelledText(arguments, self.split_tokens, {**self.files, **splits})

    def read(self, name: str, known: Task | None) -> Split | None:
        """Return a split, without reading other splits if possible; None if there is no such split.

        With `known`, the task of a trained model, the train split is not needed.
        """
        alone = self.files[name] is not None and (name == "predict" or (name != "train" and known is not None))
        if name in self.splits or (not alone and (name == "predict" or "train" in self.splits)):
            return self.splits.get(name)
        given = self.arguments
        arguments = {
            "dataset": None if alone else given.dataset,
            "known": known,
            "earlier": None if self.earlier is None else self.earlier.task,
            **{f"{split}_file": self.files[split] for split in ([name] if alone else SPLITS)},
            "reading": given.reading,
            "val_fraction": 0.0 if given.val_folds else given.val_fraction,
            "test_fraction": given.test_fraction,
            "seed": given.seed,
        }
        corpus = Corpus.from_entry(self._kept(arguments))
        if not alone:
            if given.drop_overlap:
                corpus.splits["train"] = without_overlap(corpus.splits)
            self.task = corpus.task
            if given.train_size is not None and "train" in corpus.splits:
                corpus.splits["train"] = self._drawn(corpus.splits["train"], given.train_size)[0]
        self.splits.update(corpus.splits)
        return self.splits.get(name)

    def vocabulary(self) -> Vocabulary:
        """Return the vocabulary of the train split, which has been read."""
        words = Vocabulary.from_counts(
            self.tokens("train").counts(), self.arguments.min_freq, self.arguments.max_vocab_size
        )
        return words if self.earlier is None else words.union(self.earlier.vocabulary)

    def check_unseen(
        self, name: str, trained: Vocabulary, seen: SeenTexts | None, class_counts: Mapping[str, int] | None
    ) -> None:
        """Check that a split taken from the train file contains no text that a model was trained on.

        The hashes `seen` and the number of training texts of each class are None if they are unknown. The vocabulary of a model
        that was trained further is that of two runs, which cannot be compared.

        Raises:
            CheckpointError: The model was trained on a text of the split, or may have been.
        """
        if self.vocabulary().digest == trained.digest:
            return
        train, split = self.splits["train"], self.splits[name]
        assert train.labels is not None and self.task is not None
        counts = self.task.counts_by_class(train.labels)
        if seen is not None and seen.complete and counts == class_counts:
            own = SeenTexts.of(train.texts).contains(split.texts)  # texts that occur in both splits
            if not (seen.contains(split.texts) & ~own).any():
                return
        raise CheckpointError(
            f"The {name} split is taken from {self.arguments.dataset or self.files['train']}, but the remaining texts differ "
            f"from those that the model was trained on: the {name} split may contain training texts. Set the data arguments "
            f"(seed, fractions, where, ...) as in training, or give --data.{name}_file."
        )

    def tokens(self, name: str) -> TokenizedTexts:
        """Return the tokens of a split that has been read, from the cache if possible."""
        if name not in self.tokenized:
            texts = Texts.of(self.splits[name].texts)
            max_length = self.arguments.max_length
            processes = self.arguments.num_workers if isinstance(self.split_tokens, ExternalTokenizer) else 1
            key = {
                "texts": texts.digest(),
                "tokenizer": cache_key(self.split_tokens),
                "max_length": max_length,
                "code": code("data", "tokenizers"),
            }
            entry = load_or_make(
                self.arguments.cache_folder if key["tokenizer"] else None,
                key,
                lambda: vars(tokenize(texts, self.split_tokens, max_length, processes)),
            )
            self.tokenized[name] = TokenizedTexts(**entry)
        return self.tokenized[name]

    def with_train_size(self, train_size: int | None) -> LabelledText:
        """Return a copy with another number of training texts; nothing is read or tokenized again.

        Raises:
            ConfigError: The number of texts is below the number of classes, or this object has a `train_size` itself.
        """
        if (own := self.arguments.train_size) is not None:
            raise ConfigError(f"This data module has train_size {own}. Use one with all training texts.")
        view = copy.copy(self)
        view.arguments = replace(self.arguments, train_size=train_size)
        if train_size is not None:
            split, rows = self._drawn(self.splits["train"], train_size)
            view.splits = {**self.splits, "train": split}
            view.tokenized = {**self.tokenized, "train": self.tokens("train").take(rows)}
        return view

    def folds(self) -> list[LabelledText]:
        """Return a copy for each fold of the training texts, with the fold as its validation split; none without `val_folds`.

        Raises:
            ConfigError: There are validation texts, or fewer than two training texts for each fold.
        """
        number, train = self.arguments.val_folds, self.splits["train"]
        if number is None:
            return []
        if "val" in self.splits:
            raise ConfigError(f"val_folds is {number}, but there is a validation split. Remove one of them.")
        if len(train) < 2 * number:
            raise ConfigError(
                f"val_folds is {number}, but there are {len(train)} training texts. Label more, or set fewer."
            )
        assert train.labels is not None and self.task is not None
        keys, without = Texts.of(train.texts).keys(), replace(self.arguments, val_folds=None)
        views = []
        for fold in self.task.folds(train.labels, number, self.arguments.seed):
            rest = np.setdiff1d(np.arange(len(train)), fold)
            if self.arguments.drop_overlap:
                rest = rest[~np.isin(keys[rest], keys[fold])]
            views.append(replace(self.with_rows({"train": rest, "val": fold}), arguments=without))
        return views

    def with_rows(self, rows: Mapping[str, np.ndarray]) -> LabelledText:
        """Return a copy with splits that are rows of the train split, by name; nothing is read or tokenized again."""
        train, tokens = self.splits["train"], self.tokens("train")
        view = copy.copy(self)
        view.splits = {**self.splits, **{name: train.take(part) for name, part in rows.items()}}
        view.tokenized = {**self.tokenized, **{name: tokens.take(part) for name, part in rows.items()}}
        return view

    def _drawn(self, train: Split, train_size: int) -> tuple[Split, np.ndarray]:
        """Draw training texts; return them and their row numbers, in file order."""
        assert train.labels is not None and self.task is not None
        if train_size < self.task.num_classes:
            raise ConfigError(
                f"train_size is {train_size}; expected at least one text for each of {self.task.num_classes} classes."
            )
        rows = np.sort(self.task.stratified_order(train.labels, global_seed())[:train_size])
        return train.take(rows), rows

    def _kept(self, arguments: dict[str, Any]) -> Entry:
        """Return the text of files, from the cache if possible. Datasets of the hub have their own cache."""
        sources = [source for name, source in arguments.items() if name.endswith("_file") and source is not None]
        state = None
        if arguments["dataset"] is None and not any(isinstance(source, InMemory) for source in sources):
            files = [locate(source) for source in sources]
            try:
                if all(file.is_file() for file in files):  # a pipe can be read only once
                    state = identity(files, [file.absolute() for file in files])
            except OSError:  # reported when the file is read
                state = None
        key = arguments | {"files": state, "code": code("data", "tasks")}
        return load_or_make(
            self.arguments.cache_folder if state else None, key, lambda: read_corpus(**arguments).to_entry()
        )


def global_seed() -> int:
    """Return the seed passed to `seed_everything`, or 0 if it was not called."""
    return int(os.environ.get("PL_GLOBAL_SEED", 0))
