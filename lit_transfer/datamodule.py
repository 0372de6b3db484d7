"""The data module: reading, tokenization, vocabulary, alignment with vectors, and batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from lightning.pytorch import LightningDataModule

from lit_transfer.cache import default_folder
from lit_transfer.data.alignment import Alignment, align, check_coverage, check_tokenizer
from lit_transfer.data.batching import EncodedTexts
from lit_transfer.data.checks import warn_of_script
from lit_transfer.data.corpus import SPLITS, Split
from lit_transfer.data.labelled_text import LabelledText
from lit_transfer.data.loaders import Loaders
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.reading.in_memory import FromMemory
from lit_transfer.data.reading.options import Quoting, ReadingOptions, Where
from lit_transfer.data.summary import Described
from lit_transfer.data.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.ranges import LARGEST_SEED, check_range
from lit_transfer.tasks import Task
from lit_transfer.tokenizers.registry import get_tokenizer, name_of
from lit_transfer.vectors.lookup import OOV, VectorSource
from lit_transfer.vectors.packed import PackedVectors


class TextDataModule(FromMemory, Loaders, Described, LightningDataModule):
    """Labelled text and pretrained vectors, ready for `TextClassifier`.

    The vocabulary is built from the train split only. Files are CSV, TSV, JSON lines, Parquet, Excel or plain text,
    optionally compressed (.gz, .zip) or from a pipe (`/dev/stdin`); `package:NAME/PATH` is a file in an installed package.

    Args:
        train_file: File of training texts and labels.
        val_file: File of validation texts and labels; if None, `val_fraction` of the train file is used.
        test_file: File of test texts and labels; if None, `test_fraction` of the train file is used.
        predict_file: File of texts to classify; needs no labels.
        predict_output: CSV file to write the predictions to, instead of a new file in the folder of the run.
        dataset: Name of a dataset on the Hugging Face hub, or a folder with a dataset, instead of files.
        text_column: Name of the column with the texts (`review.body` in nested JSON), or its number without a header.
        text_columns: Names of several columns whose texts are joined, such as `[title, body]`, instead of `text_column`.
        text_separator: String between the texts of several columns; a line break by default.
        label_column: Name of the column with the labels, or its number without a header: strings or integers, or lists of
            them for several labels.
        label_separator: Separator between several labels in a cell, such as `|`; None if a cell has one label, or a list.
        label_columns: Names of columns with 0 or 1, one for each class, for several labels instead of `label_column`.
        task: `single_label` (each text has one label), `multi_label` (any number, also none), or `auto` for the one that the
            labels are written for.
        weight_column: Name of the column with the weights of the training texts in the loss, numbers of at least 0, relative
            to their mean. None for equal weights.
        encoding: Encoding of text files, such as `cp949`; None for UTF-8.
        header: Whether the first row of CSV, TSV and Excel files has the names of the columns.
        separator: Separator of the columns of CSV and TSV files; None to detect it.
        quoting: Whether fields of CSV and TSV files may be in double quotes: `minimal` (yes), `none` (a quote is a
            character like any other), or `auto` (yes in CSV, in TSV if the file has such fields).
        escape: Character before a quote in a quoted field, such as a backslash in files of Spark; None if quotes are doubled.
        where: Values by column, such as `{source: rotten_tomatoes}`; only rows with these values are kept.
        drop_unlabelled: Whether rows without a label are dropped and counted; otherwise they are an error.
        label_names: New names of labels, such as `{"0": negative}`.
        split_column: Name of a column of the train file that says which split a row belongs to: `train`, `validation` or
            `test`, as in the files of `lightning label`; None if all rows are of the train split.
        val_fraction: Share of the train file, 0 to 1, for a stratified validation split if there is no val file.
        test_fraction: Share of the train file, 0 to 1, for a stratified test split if there is no test file.
        drop_overlap: Whether texts that are also in the val or the test split are dropped from the train split.
        train_size: Maximum number of training texts, a stratified sample drawn with the seed of `seed_everything`. A
            smaller sample is a subset of a larger one. None for no limit.
        tokenizer: Name of a tokenizer: `basic_english`, `whitespace`, `words`, `ptb`, `hangul`, `jamo`, `kiwi` or `mecab-ko`
            (Korean morphemes, with options as in `kiwi:tags,repeats`), `spacy:LANG`, `torchtext:NAME`, or the import path
            of a callable.
        min_freq: Minimum frequency of a word in the train split; rarer words are unknown.
        max_vocab_size: Maximum number of words in the vocabulary; the most frequent are kept. None for no limit.
        max_length: Maximum number of words per text; longer texts are truncated. None for no limit.
        vectors: File of pretrained vectors, or name of an installed package of vectors (`glove-6b-50d`).
        vectors_format: Format of the vectors; `auto` detects it from the first bytes.
        oov: Rule for words without a vector: `normal`, `mean`, `zeros` or `subword`, see `lit_transfer.data.alignment.align`.
        allow_pickle: Whether vectors may be read from a pickle (a native gensim file), which can run code; use for trusted
            files only.
        case_fallback: Whether a word without a vector may take the vector of another case of it.
        min_coverage: Minimum share of the tokens, 0 to 1, that must have a vector.
        batch_size: Number of texts per batch and process.
        max_tokens: Maximum number of words per batch and process, including padding. None for no limit.
        num_workers: Number of processes that prepare batches and run a tokenizer that is not built in (built-in ones are
            faster in one process); 0 for the main process, which is usually sufficient.
        seed: Seed of the split, and of vectors for words without one. Batches are shuffled with the seed of
            `seed_everything`.
        cache: Whether texts and tokens of files are cached for later runs. A custom tokenizer needs an attribute
            `cache_key`, a string that changes whenever its results may change.
        cache_dir: Cache folder; if None, the user's cache folder.

    Raises:
        ConfigError: An argument is invalid.
    """

    def __init__(
        self,
        train_file: str | None = None,
        val_file: str | None = None,
        test_file: str | None = None,
        predict_file: str | None = None,
        predict_output: str | None = None,
        dataset: str | None = None,
        text_column: str | int = "text",
        text_columns: list[str | int] | None = None,
        text_separator: str = "\n",
        label_column: str | int = "label",
        label_separator: str | None = None,
        label_columns: list[str] | None = None,
        task: Literal["auto", "single_label", "multi_label"] = "auto",
        weight_column: str | int | None = None,
        encoding: str | None = None,
        header: bool = True,
        separator: str | None = None,
        quoting: Quoting = "auto",
        escape: str | None = None,
        where: Where | None = None,
        drop_unlabelled: bool = False,
        label_names: dict[str, str] | None = None,
        split_column: str | None = None,
        val_fraction: float = 0.1,
        test_fraction: float = 0.0,
        drop_overlap: bool = False,
        train_size: int | None = None,
        tokenizer: str | Callable[[str], list[str]] = "basic_english",
        min_freq: int = 1,
        max_vocab_size: int | None = None,
        max_length: int | None = 400,
        vectors: str | None = None,
        vectors_format: str = "auto",
        oov: OOV = "normal",
        case_fallback: bool = True,
        allow_pickle: bool = False,
        min_coverage: float = 0.0,
        batch_size: int = 50,
        max_tokens: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
        cache: bool = True,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__()
        check_range(1, batch_size=batch_size, max_length=max_length, max_tokens=max_tokens, train_size=train_size)
        check_range(0, num_workers=num_workers)
        check_range(0, LARGEST_SEED, seed=seed)
        check_range(0, 1, min_coverage=min_coverage)
        self.files: dict[str, Any] = {"train": train_file, "val": val_file, "test": test_file, "predict": predict_file}
        self.predict_output = predict_output
        self.reading = ReadingOptions(
            text_column=text_column,
            text_columns=text_columns,
            text_separator=text_separator,
            label_column=label_column,
            label_separator=label_separator,
            label_columns=label_columns,
            task=task,
            weight_column=weight_column,
            encoding=encoding,
            header=header,
            separator=separator,
            quoting=quoting,
            escape=escape,
            where=where,
            drop_unlabelled=drop_unlabelled,
            label_names=label_names,
            split_column=split_column,
        )
        self.split_tokens = get_tokenizer(tokenizer)
        self.tokenizer = tokenizer if isinstance(tokenizer, str) else name_of(self.split_tokens)
        self.min_freq = min_freq
        self.max_vocab_size = max_vocab_size
        self.max_length = max_length
        self.vectors = (
            None if vectors is None else VectorSource(str(vectors), vectors_format, oov, case_fallback, allow_pickle)
        )
        self.min_coverage = min_coverage
        self.batch_size = batch_size
        self.max_tokens = max_tokens
        self.num_workers = num_workers
        self.seed = seed
        self.cache = (default_folder() if cache_dir is None else Path(cache_dir).expanduser()) if cache else None

        self.text = LabelledText(
            self.files,
            dataset,
            self.reading,
            {"val_fraction": val_fraction, "test_fraction": test_fraction, "seed": seed},
            drop_overlap,
            train_size,
            self.split_tokens,
            max_length,
            num_workers,
            self.cache,
        )
        # The encoded split and the vectors, each with the preprocessing it was computed with.
        self._encoded: dict[str, tuple[Preprocessing, EncodedTexts]] = {}
        self._preprocessing: Preprocessing | None = None
        self._alignment: tuple[Vocabulary, Alignment] | None = None

    def prepare_data(self) -> None:
        """Read the data of the run in one process, before other processes and loggers start."""
        if self.trainer is not None and self.trainer.state.fn == "fit":
            self.setup("fit")

    def setup(self, stage: str) -> None:
        """Read the training data. Other stages read their data later, once the model has its vocabulary and labels.

        Args:
            stage: Stage of the trainer: `fit`, `validate`, `test` or `predict`.

        Raises:
            DataError: The data are missing or invalid.
            VectorsError: The vectors are missing or invalid, or cover less of the text than `min_coverage`.
        """
        if stage == "fit":
            _ = self.preprocessing, self.alignment
            warn_of_script(self.split("train").texts, self.tokenizer)

    # --- Vocabulary and vectors ---

    @property
    def preprocessing(self) -> Preprocessing:
        """Preprocessing of the trainer's model if it has one; otherwise that of the train split."""
        model = None if self.trainer is None else self.trainer.lightning_module
        trained: Preprocessing | None = getattr(model, "preprocessing", None)
        if trained is not None:
            return trained
        if self._preprocessing is None:
            vocabulary = self._count_words()
            assert self.text.task is not None
            self._preprocessing = Preprocessing(
                vocabulary, self.text.task, self.tokenizer, self.max_length, self.vectors
            )
        return self._preprocessing

    @property
    def _known(self) -> Preprocessing | None:
        """Preprocessing of the trainer's model, or else that of this data module; None if there is neither."""
        model = None if self.trainer is None else self.trainer.lightning_module
        return getattr(model, "preprocessing", None) or self._preprocessing

    def _count_words(self) -> Vocabulary:
        return Vocabulary.from_counts(self.tokens("train").counts(), self.min_freq, self.max_vocab_size)

    @property
    def vocabulary(self) -> Vocabulary:
        """Vocabulary of the train split."""
        return self.preprocessing.vocabulary

    @property
    def labels(self) -> list[str]:
        """Class names by index."""
        return self.preprocessing.labels

    @property
    def task(self) -> Task:
        """Task with the class names."""
        return self.preprocessing.task

    @property
    def alignment(self) -> Alignment | None:
        """Pretrained vectors aligned with the vocabulary; None if no vectors were given.

        Raises:
            VectorsError: The vectors cover less of the text than `min_coverage`.
            ConfigError: The vectors were trained with another tokenizer.
        """
        if self.vectors is None:
            return None
        vocabulary = self.vocabulary
        if self._alignment is None or self._alignment[0] is not vocabulary:
            check_tokenizer(self.vectors, self.tokenizer)
            alignment = align(vocabulary, self.vectors, seed=self.seed, cache=self.cache)
            check_coverage(alignment.coverage, self.vectors, self.min_coverage)
            self._alignment = vocabulary, alignment
        return self._alignment[1]

    def words_outside(self, preprocessing: Preprocessing) -> list[str]:
        """Return the words of the validation and test splits that the vocabulary lacks."""
        words = [word for name in SPLITS[1:] if self._has(name) for word in self.tokens(name).words]
        return [word for word in dict.fromkeys(words) if word not in preprocessing.vocabulary and word != NO_WORD]

    def pack_vectors(self, words: list[str] | None) -> PackedVectors:
        """Return the vectors of words, or all vectors of the file if None, for storing them in a checkpoint.

        Raises:
            VectorsError: The file is missing or damaged.
        """
        assert self.vectors is not None
        return PackedVectors.of(self.vectors, words, self.cache)

    def _has(self, name: str) -> bool:
        """Return whether there is a split of this name."""
        return self._read(name) is not None

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation split."""
        return self._has("val")

    @property
    def train_size(self) -> int | None:
        """Maximum number of training texts."""
        return self.text.train_size

    @property
    def class_counts(self) -> list[int] | None:
        """Number of training texts of each class, in the order of `labels`."""
        targets = self.split("train").labels
        return None if targets is None else self.preprocessing.task.counts(targets).tolist()

    def check(self, preprocessing: Preprocessing) -> None:
        """Check that the preprocessing of a model matches these data.

        Args:
            preprocessing: Preprocessing of the model.

        Raises:
            CheckpointError: The tokenizer or the labels differ from those of the model.
        """
        task = self.text.task or preprocessing.task
        preprocessing.check(
            Preprocessing(preprocessing.vocabulary, task, self.tokenizer, self.max_length, self.vectors)
        )

    # --- Splits ---

    def split(self, name: str) -> Split:
        """Return the texts and labels of a split: `train`, `val`, `test` or `predict`.

        Raises:
            ConfigError: The configuration has no source for the split.
        """
        split = self._read(name)
        if split is None:
            how = {"test": " or --data.test_fraction", "val": " or --data.val_fraction"}.get(name, "")
            raise ConfigError(f"There is no {name} split. Give --data.{name}_file{how}.")
        return split

    def _read(self, name: str) -> Split | None:
        known, is_new = self._known, name not in self.text.splits
        split = self.text.read(name, None if known is None else known.task)
        if is_new and split is not None and known is not None and name in ("val", "test") and not self.files[name]:
            self._check_split(name, known.vocabulary)
        return split

    def _check_split(self, name: str, trained: Vocabulary) -> None:
        """Check that a split taken from the train file contains no text that the model was trained on."""
        if self._count_words().digest != trained.digest:
            raise CheckpointError(
                f"The {name} split is taken from {self.text.dataset or self.files['train']}, but the remaining texts differ "
                f"from those that the model was trained on: the {name} split may contain training texts. Set the data "
                f"arguments (seed, fractions, where, ...) as in training, or give --data.{name}_file."
            )

    def with_train_size(self, train_size: int | None) -> TextDataModule:
        """Return a copy with another number of training texts and their vocabulary, without reading or tokenizing again.

        Args:
            train_size: Maximum number of training texts; None for all.

        Raises:
            ConfigError: The size is below the number of classes, or this data module has a `train_size` itself.
        """
        self.tokens("train")
        return self._with_text(self.text.with_train_size(train_size))

    def with_rows(self, rows: Mapping[str, np.ndarray]) -> TextDataModule:
        """Return a copy with splits that are rows of the train split, without reading or tokenizing again.

        Args:
            rows: Row numbers of each split, by its name.
        """
        self.tokens("train")
        return self._with_text(self.text.with_rows(rows))

    def _with_text(self, text: LabelledText) -> TextDataModule:
        view = copy.copy(self)
        view.text = text
        view._preprocessing = view._alignment = None
        view._encoded = {}
        return view

    def tokens(self, name: str) -> TokenizedTexts:
        """Return the tokens of a split, from the cache if possible."""
        self.split(name)
        return self.text.tokens(name)

    def encoded(self, name: str) -> EncodedTexts:
        """Return a split as word ids; words outside the vocabulary may have vectors, except in `train`."""
        preprocessing = self.preprocessing
        if name not in self._encoded or self._encoded[name][0] is not preprocessing:
            tokens, split = self.tokens(name), self.split(name)
            is_open, weights = preprocessing.open_vocabulary and name != "train", None
            if name == "train" and split.weights is not None:
                weights = split.weights / split.weights.mean()
            encoded = preprocessing.encode(tokens, split.labels, weights, open_vocabulary=is_open, cache=self.cache)
            self._encoded[name] = preprocessing, encoded
        return self._encoded[name][1]
