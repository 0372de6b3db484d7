"""Unlabelled text for pretraining, as a LightningDataModule."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from lit_transfer.cache import default_folder
from lit_transfer.data.alignment import Alignment, align, check_tokenizer
from lit_transfer.data.batching import make_loader, make_sampler
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.batches import FixedSentenceSampler, Sentences, SentenceSampler
from lit_transfer.pretraining.target import read_target
from lit_transfer.pretraining.text import describe, open_text
from lit_transfer.pretraining.unlabelled.documents import Layout
from lit_transfer.pretraining.unlabelled.domain import Distance, measure_distance
from lit_transfer.pretraining.unlabelled.store import SentenceStore
from lit_transfer.ranges import LARGEST_SEED, check_range
from lit_transfer.tokenizers.registry import get_tokenizer
from lit_transfer.vectors.lookup import OOV, VectorSource

_PROBE_BATCH = 256


class PretrainingDataModule(LightningDataModule):
    """Unlabelled text and pretrained vectors, ready for `PretrainingModule`.

    The vocabulary is that of the text and, where there is a target, of its training texts, as far as these words have a
    vector. Sentences stand on disk and are mapped into memory: text of any size can be read.

    Args:
        train_file: Files of unlabelled text: `.txt`, or the tabular files that `fit` reads; patterns such as `texts/*.txt`;
            `package:NAME/path`.
        layout: How a text file holds its documents: one a line (`lines`), or `blocks` divided by empty lines; `auto`
            looks at the first megabyte.
        text_column: The column of tabular files that has the texts.
        where: Column -> value or list of values: the rows of tabular files that are kept.
        target: The task's `fit` configuration. Sentences of its validation and test splits are left out of the text, its
            training texts tell while pretraining runs whether it helps, and a text far from the task's is warned of.
        tokenizer: As `fit` has it.
        min_length: Words of a sentence, at least; shorter ones are left out.
        max_length: Words of a sentence, at most; a longer one becomes several.
        min_freq: Words that occur less often in the text are unknown.
        max_vocab_size: Words of the vocabulary, at most; the most frequent ones stay.
        vectors: File of pretrained vectors, or name of an installed package of them.
        vectors_format: Their format; `auto` tells it from the first bytes.
        oov: Vectors for words without one, as in `TextDataModule`.
        case_fallback: Whether a word without a vector may take that of its other cases.
        batch_size: Pairs of sentences in a batch, for each process.
        num_workers: Processes that assemble batches; 0 does it in the main one.
        seed: Of the vectors for words without one. The order of the batches follows `seed_everything`.
        cache_dir: Where sentences and vectors are kept for the next run; the user's own cache folder if None.

    Raises:
        ConfigError: An argument cannot be used.
    """

    def __init__(
        self,
        train_file: str | list[str] | None = None,
        layout: Layout = "auto",
        text_column: str = "text",
        where: dict[str, Any] | None = None,
        target: str | None = None,
        tokenizer: str | Callable[[str], list[str]] = "basic_english",
        min_length: int = 3,
        max_length: int = 64,
        min_freq: int = 2,
        max_vocab_size: int | None = None,
        vectors: str | None = None,
        vectors_format: str = "auto",
        oov: OOV = "normal",
        case_fallback: bool = True,
        batch_size: int = 256,
        num_workers: int = 0,
        seed: int = 0,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__()
        check_range(2, batch_size=batch_size)
        check_range(0, num_workers=num_workers)
        check_range(0, LARGEST_SEED, seed=seed)
        self.reading: dict[str, Any] = {
            "train_file": train_file,
            "layout": layout,
            "text_column": text_column,
            "where": where,
            "target": target,
            "tokenizer": tokenizer,
            "min_length": min_length,
            "max_length": max_length,
            "cache_dir": cache_dir,
        }
        self.tokenizer = tokenizer if isinstance(tokenizer, str) else get_tokenizer(tokenizer).name  # type: ignore[attr-defined]
        self.max_length = max_length
        self.min_freq = min_freq
        self.max_vocab_size = max_vocab_size
        self.vectors = None if vectors is None else VectorSource(str(vectors), vectors_format, oov, case_fallback)
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.cache = default_folder() if cache_dir is None else Path(cache_dir).expanduser()
        self._target = target
        self._store: SentenceStore | None = None
        self._task: TextDataModule | None = None
        self._preprocessing: Preprocessing | None = None
        self._alignment: Alignment | None = None

    def prepare_data(self) -> None:
        """Read the text in one process, before other processes map its files."""
        _ = self.store

    def setup(self, stage: str) -> None:
        """Read the training data.

        Raises:
            DataError: The text is missing or invalid.
            VectorsError: The vectors are missing or invalid.
        """
        _ = self.preprocessing, self.alignment

    # --- What the module reads ---

    @property
    def store(self) -> SentenceStore:
        """The sentences."""
        if self._store is None:
            self._store = open_text(**self.reading)
        return self._store

    @property
    def task(self) -> TextDataModule | None:
        """The target's data module.

        Raises:
            ConfigError: It has another tokenizer.
        """
        if self._task is None and self._target is not None:
            task = read_target(self._target)
            if task.tokenizer != self.tokenizer:
                raise ConfigError(
                    f"The tokenizer is {self.tokenizer}, but the target {self._target} has {task.tokenizer}: its words would not "
                    "be found. Give both the same."
                )
            self._task = task
        return self._task

    @property
    def preprocessing(self) -> Preprocessing:
        """The vocabulary of the text and the task's training texts, without labels."""
        if self._preprocessing is None:
            vocabulary = Vocabulary.from_counts(self._counts(), self.min_freq, self.max_vocab_size)
            source = self.vectors
            if source is not None:
                check_tokenizer(source, self.tokenizer)
                self._alignment = align(vocabulary, source, seed=self.seed, cache=self.cache)
                source = self._alignment.source
            self._preprocessing = Preprocessing(vocabulary, [], self.tokenizer, self.max_length, source)
        return self._preprocessing

    def _counts(self) -> Counter[str]:
        counts = Counter(dict(zip(self.store.words[1:], self.store.counts[1:].tolist(), strict=True)))
        if self.task is None or self.vectors is None:
            return counts
        # A word that is in the task's text only keeps its vector, so that the classifier finds both in one place.
        rare = [word for word in self.task.tokens("train").words[1:] if counts[word] < self.min_freq]
        _, form = self.vectors.lookup(rare, self.cache)
        counts.update(
            dict.fromkeys((word for word, found in zip(rare, form >= 0, strict=True) if found), self.min_freq)
        )
        return counts

    @property
    def alignment(self) -> Alignment | None:
        """The pretrained vectors aligned with the vocabulary; None if no vectors were given."""
        _ = self.preprocessing
        return self._alignment

    def settings(self) -> dict[str, Any]:
        """Return the settings that determine the sentences of each step, for resuming from a checkpoint."""
        return {
            "sentences": self.store.num_sentences,
            "batch_size": self.batch_size,
            "processes": 1 if self.trainer is None else self.trainer.world_size,
        }

    # --- Batches ---

    def train_dataloader(self) -> DataLoader[Any]:
        """Return the loader of sentences, paired as the objectives require, in a new order in each epoch."""
        trainer: Any = self.trainer
        pairing = None if trainer is None else trainer.lightning_module.pairing
        # With `overfit_batches`, all epochs have the same batches.
        kind = FixedSentenceSampler if trainer is not None and trainer.overfit_batches else SentenceSampler
        sampler = kind(
            self.store,
            self.batch_size,
            pairing=pairing,
            seed=int(os.environ.get("PL_GLOBAL_SEED", 0)),
            num_replicas=1 if trainer is None else trainer.world_size,
            rank=0 if trainer is None else trainer.global_rank,
        )
        vocabulary = self.preprocessing.vocabulary
        ids = np.array(vocabulary.encode(self.store.words), dtype=np.int64)
        on_gpu = trainer is not None and trainer.strategy.root_device.type == "cuda"
        dataset = Sentences(self.store, ids, vocabulary.pad_id, paired=pairing is not None)
        return make_loader(dataset, sampler, num_workers=self.num_workers, pin_memory=on_gpu)

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Return loaders of the task's training and validation texts for the probe; empty without a target."""
        if self.task is None:
            return []
        return [self._labelled(self.task, name) for name in ("train", "val")]

    def _labelled(self, task: TextDataModule, name: str) -> DataLoader[Any]:
        texts = self.preprocessing.encode(task.tokens(name), task.split(name).labels)
        sampler = make_sampler(texts.lengths, _PROBE_BATCH, shuffle=False)
        return make_loader(texts, sampler, num_workers=0, pin_memory=False)

    # --- What is worth knowing ---

    def distance(self) -> Distance | None:
        """Return the distance between the text and the task's text, or None without a target."""
        if self.task is None:
            return None
        text = dict(zip(self.store.words[1:], self.store.counts[1:].tolist(), strict=True))
        return measure_distance(text, self.task.tokens("train").counts())

    def describe(self) -> list[tuple[str, str]]:
        """Return a summary as pairs of name and value; warn if the text is of another domain than the task's."""
        lines = describe(self.store)
        vocabulary = self.preprocessing.vocabulary
        lines.append(("vocabulary", f"{len(vocabulary):,} words, tokenizer {self.tokenizer}"))
        if self.alignment is not None:
            lines.extend(("coverage", line) for line in self.alignment.coverage.lines()[:1])
        if (distance := self.distance()) is not None:
            far = (
                f"{distance.coverage:.1%} of the task's words are in the text, divergence {distance.divergence:.2f} bit"
            )
            lines.append(("domain", far))
            if distance.far:
                warnings.warn(
                    f"The text is far from the task's: {far}. Pretraining on text of another domain can cost accuracy; compare "
                    "with the vectors alone, or give text of the task's own domain.",
                    stacklevel=2,
                )
        return lines
