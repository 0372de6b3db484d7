"""Unlabelled text for pretraining, as a LightningDataModule."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from lit_transfer.arguments import LARGEST_SEED, ArgumentsSignature, argument
from lit_transfer.cache import default_folder
from lit_transfer.data.alignment import Alignment, align, check_tokenizer
from lit_transfer.data.batching import Placement, make_loader, make_sampler
from lit_transfer.data.labelled_text import global_seed
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.files import expanded
from lit_transfer.pretraining.batches import FixedSentenceSampler, Sentences, SentenceSampler
from lit_transfer.pretraining.probe import sample_rows
from lit_transfer.pretraining.target import read_target, tokenizer_for
from lit_transfer.pretraining.text import UnlabelledText, describe
from lit_transfer.pretraining.unlabelled.domain import Distance, measure_distance, warn_if_far
from lit_transfer.pretraining.unlabelled.store import SentenceStore
from lit_transfer.tasks import SingleLabel
from lit_transfer.tokenizers.registry import get_tokenizer
from lit_transfer.vectors.lookup import OOV, VectorSource

_PROBE_BATCH = 256


@dataclass(frozen=True)
class PretrainingDataArguments(UnlabelledText):
    """Arguments of `PretrainingDataModule`; those of the base class are `UnlabelledText`.

    Raises:
        ConfigError: A value is invalid.
    """

    target: str | None = argument(None)
    """Configuration of the target task, as for `fit`. Sentences of its validation and test splits are dropped from the text, its
    training texts (at most 5,000) are used for a probe during pretraining, and a warning is issued if the text is of another
    domain."""
    min_freq: int = argument(2)
    """Minimum frequency of a word in the text; rarer words are unknown."""
    max_vocab_size: int | None = argument(None)
    """Maximum number of words in the vocabulary; the most frequent are kept. None for no limit."""
    vectors: str | None = argument(None)
    """File of pretrained vectors, or name of an installed package of vectors."""
    vectors_format: str = argument("auto")
    """Format of the vectors; `auto` detects it from the first bytes."""
    oov: OOV = argument("normal")
    """Rule for words without a vector, as in `TextDataModule`."""
    case_fallback: bool = argument(True)
    """Whether a word without a vector may take the vector of another case of it."""
    batch_size: int = argument(256, least=2)
    """Number of pairs of sentences per batch and process."""
    num_workers: int = argument(0, least=0)
    """Number of processes that prepare batches; 0 for the main process."""
    seed: int = argument(0, least=0, most=LARGEST_SEED)
    """Seed of vectors for words without one. Batches are shuffled with the seed of `seed_everything`."""


class PretrainingDataModule(LightningDataModule):
    """Unlabelled text and pretrained vectors, ready for `PretrainingModule`.

    The vocabulary consists of the words of the text, and of those words of the target's training texts that have a vector.
    The tokenized sentences are memory-mapped from the cache folder, so that the text may be larger than the memory.

    Args:
        *values: Values of the first arguments, in the order of `PretrainingDataArguments`: `train_file`, `layout`, ...
        **arguments: Arguments of `PretrainingDataArguments`, such as `train_file`, `target` and `vectors`.

    Raises:
        ConfigError: An argument is invalid.
    """

    arguments_class: ClassVar = PretrainingDataArguments
    __signature__ = ArgumentsSignature()

    def __init__(self, *values: Any, **arguments: Any) -> None:
        super().__init__()
        given = PretrainingDataArguments(*values, **arguments)
        tokenizer = tokenizer_for(given.target, given.tokenizer)
        self.arguments = given = replace(given, tokenizer=tokenizer)
        self.tokenizer = tokenizer if isinstance(tokenizer, str) else get_tokenizer(tokenizer).name  # type: ignore[attr-defined]
        self.vectors = None
        if given.vectors is not None:
            self.vectors = VectorSource(str(given.vectors), given.vectors_format, given.oov, given.case_fallback)
        self.batch_size = given.batch_size
        self.cache = default_folder() if given.cache_dir is None else expanded(given.cache_dir)
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

    # --- Read by the module ---

    @property
    def store(self) -> SentenceStore:
        """The sentences."""
        if self._store is None:
            self._store = self.arguments.open()
        return self._store

    @property
    def task(self) -> TextDataModule | None:
        """Data module of the target; None without a target.

        Raises:
            ConfigError: The tokenizers differ.
        """
        if self._task is None and (target := self.arguments.target) is not None:
            task = read_target(target)
            if task.tokenizer != self.tokenizer:
                raise ConfigError(
                    f"The tokenizer is {self.tokenizer}, but the target {target} has {task.tokenizer}: their words would "
                    "differ. Use the same tokenizer for both."
                )
            self._task = task
        return self._task

    @property
    def preprocessing(self) -> Preprocessing:
        """Preprocessing with the vocabulary, and without labels."""
        if self._preprocessing is None:
            vocabulary = Vocabulary.from_counts(self._counts(), self.arguments.min_freq, self.arguments.max_vocab_size)
            source = self.vectors
            if source is not None:
                check_tokenizer(source, self.tokenizer)
                self._alignment = align(vocabulary, source, seed=self.arguments.seed, cache=self.cache)
                source = self._alignment.source
            max_length = self.arguments.max_length
            self._preprocessing = Preprocessing(vocabulary, SingleLabel(()), self.tokenizer, max_length, source)
        return self._preprocessing

    def _counts(self) -> Counter[str]:
        counts = Counter(dict(zip(self.store.words[1:], self.store.counts[1:].tolist(), strict=True)))
        if self.task is None or self.vectors is None:
            return counts
        # Words of the target's texts only are included with their vectors, so that the classifier finds all of its words.
        min_freq = self.arguments.min_freq
        rare = [word for word in self.task.tokens("train").words[1:] if counts[word] < min_freq]
        _, form = self.vectors.lookup(rare, self.cache)
        counts.update({word: min_freq for word, found in zip(rare, form >= 0, strict=True) if found})
        return counts

    @property
    def alignment(self) -> Alignment | None:
        """Pretrained vectors aligned with the vocabulary; None if no vectors were given."""
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
        """Return the loader of sentences, paired as the objectives require and shuffled in each epoch."""
        trainer: Any = self.trainer
        place, pairing = Placement.of(trainer), None if trainer is None else trainer.lightning_module.pairing
        # With `overfit_batches`, all epochs have the same batches.
        kind = FixedSentenceSampler if place.overfits else SentenceSampler
        sampler = kind(
            self.store,
            self.batch_size,
            pairing=pairing,
            seed=global_seed(),
            num_replicas=place.num_replicas,
            rank=place.rank,
        )
        vocabulary = self.preprocessing.vocabulary
        ids = np.array(vocabulary.encode(self.store.words), dtype=np.int64)
        dataset = Sentences(self.store, ids, vocabulary.pad_id, paired=pairing is not None)
        return make_loader(dataset, sampler, num_workers=self.arguments.num_workers, pin_memory=place.on_gpu)

    def probed(self) -> TextDataModule | None:
        """Return the data module of the probe's texts: the target, or its first fold; None without validation texts."""
        if self.task is None or self.task.has_validation:
            return self.task
        return self.task.folds()[0] if self.task.arguments.val_folds else None

    def val_dataloader(self) -> list[DataLoader[Any]]:
        """Return loaders of the task's training and validation texts for the probe; empty without any."""
        task = self.probed()
        return [] if task is None else [self._labelled(task, name) for name in ("train", "val")]

    def _labelled(self, task: TextDataModule, name: str) -> DataLoader[Any]:
        tokens, targets = task.tokens(name), task.split(name).labels
        assert targets is not None and task.text.task is not None
        if name == "train":
            rows = sample_rows(task.text.task, targets)
            tokens, targets = tokens.take(rows), targets[rows]
        texts = self.preprocessing.encode(tokens, targets)
        sampler = make_sampler(texts.lengths, _PROBE_BATCH, shuffle=False)
        return make_loader(texts, sampler, num_workers=0, pin_memory=False)

    # --- Summary ---

    def distance(self) -> Distance | None:
        """Return the distance between the text and the target's training texts; None without a target."""
        if self.task is None:
            return None
        text = dict(zip(self.store.words[1:], self.store.counts[1:].tolist(), strict=True))
        return measure_distance(text, self.task.tokens("train").counts())

    def describe(self) -> list[tuple[str, str]]:
        """Return a summary as pairs of name and value; warn if the text is of another domain than the target."""
        lines = describe(self.store)
        vocabulary = self.preprocessing.vocabulary
        lines.append(("vocabulary", f"{len(vocabulary):,} words, tokenizer {self.tokenizer}"))
        if self.alignment is not None:
            lines.extend(("coverage", line) for line in self.alignment.coverage.lines()[:1])
        if (distance := self.distance()) is not None:
            lines.append(("domain", str(distance)))
            if self.probed() is None:
                lines.append(("probe", "none, since the target has no validation texts"))
            warn_if_far(distance, "pretraining")
        return lines
