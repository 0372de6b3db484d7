"""From files to batches: reads, tokenizes, counts, aligns, and hands out each process's share."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from lit_transfer.data.reading.sources import check_encoding
from lit_transfer.data.summary import Described
from lit_transfer.data.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.tokenizers.registry import get_tokenizer, name_of
from lit_transfer.vectors.lookup import OOV, VectorSource
from lit_transfer.vectors.packed import PackedVectors


class TextDataModule(FromMemory, Loaders, Described, LightningDataModule):
    """Labelled text and pretrained vectors, ready for `TextClassifier`.

    The vocabulary comes from the train split only. Files are CSV, TSV, JSON lines, Parquet, Excel or plain text, also
    compressed (.gz, .zip) or from a pipe (`/dev/stdin`); `package:NAME/PATH` is a file inside an installed package.

    Args:
        train_file: Texts and labels to train on.
        val_file: To validate on; where None, `val_fraction` of the train file.
        test_file: To test on; where None, `test_fraction` of the train file.
        predict_file: Texts to classify; needs no labels.
        predict_output: File to write the predictions to (CSV), instead of a new one in the run's folder.
        dataset: Name of a data set on the Hugging Face hub (or its folder), instead of files.
        text_column: The column with the texts.
        label_column: The column with the labels, strings or ints.
        encoding: Encoding of the files that are text, such as `cp949`; None is UTF-8.
        where: Keep the rows whose columns have these values, such as `{source: rotten_tomatoes}`.
        drop_unlabelled: Whether rows without a label are left out, and counted; otherwise they are an error.
        label_names: Other names for labels, such as `{"0": negative}`.
        val_fraction: Share of the train file, 0 to 1, split off (stratified) where there is no val file.
        test_fraction: Likewise for the test split.
        drop_overlap: Whether texts that are also in the val or the test split are dropped from the train split.
        train_size: Training texts that are kept, at most, drawn (stratified) by `seed_everything`; the texts of a smaller
            size are among those of a larger one. None keeps all.
        tokenizer: `basic_english`, `whitespace`, `words`, `ptb`, `hangul`, `jamo`, `kiwi` and `mecab-ko` (Korean morphemes,
            with options as in `kiwi:tags,repeats`), `spacy:LANG`, `torchtext:NAME`, or where to import a callable from.
        min_freq: Words that occur less often in the train split are unknown.
        max_vocab_size: Words of the vocabulary, at most; the most frequent ones stay.
        max_length: Words of a text that are kept, at most; None keeps all.
        vectors: File of pretrained vectors, or name of an installed package of them (`glove-6b-50d`).
        vectors_format: Their format; `auto` tells it from the first bytes.
        oov: Vectors for words without one: `normal`, `mean`, `zeros` or `subword`, see `lit_transfer.data.alignment.align`.
        allow_pickle: Whether vectors may be read from a pickle (gensim's own files), which can run code; only for files
            of your own.
        case_fallback: Whether a word without a vector may take that of its other cases.
        min_coverage: Share of the running words, 0 to 1, that must have a vector; less is an error.
        batch_size: Texts of a batch, for each process.
        max_tokens: Words of a batch with its padding, at most, for each process; None sets no limit.
        num_workers: Processes that assemble batches, and share the work of a tokenizer that is not the package's own (the
            package's own are quicker than sending the words around); 0 does it in the main one, which is fast enough.
        seed: Of the split and of the vectors for words without one. The order of the batches follows `seed_everything`.
        cache: Whether the text of files and its words are kept for the next run. A tokenizer of your own takes part if it
            has an attribute `cache_key`, a string that changes whenever its results would.
        cache_dir: Where; the user's own cache folder if None.

    Raises:
        ConfigError: An argument that cannot be used.
    """

    def __init__(
        self,
        train_file: str | None = None,
        val_file: str | None = None,
        test_file: str | None = None,
        predict_file: str | None = None,
        predict_output: str | None = None,
        dataset: str | None = None,
        text_column: str = "text",
        label_column: str = "label",
        encoding: str | None = None,
        where: dict[str, Any] | None = None,
        drop_unlabelled: bool = False,
        label_names: dict[str, str] | None = None,
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
        for name, value, least in [
            ("batch_size", batch_size, 1),
            ("max_length", max_length, 1),
            ("max_tokens", max_tokens, 1),
            ("train_size", train_size, 1),
            ("num_workers", num_workers, 0),
            ("seed", seed, 0),
        ]:
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}, but it must be at least {least}.")
        if not 0 <= min_coverage <= 1:
            raise ConfigError(f"min_coverage is {min_coverage}, but it is a share: 0 to 1.")
        if encoding is not None:
            check_encoding(encoding)
        self.files: dict[str, Any] = {"train": train_file, "val": val_file, "test": test_file, "predict": predict_file}
        self.predict_output = predict_output
        self.reading: dict[str, Any] = {
            "text_column": text_column,
            "label_column": label_column,
            "encoding": encoding,
            "where": where,
            "drop_unlabelled": drop_unlabelled,
            "label_names": label_names,
            "val_fraction": val_fraction,
            "test_fraction": test_fraction,
            "seed": seed,
        }
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
            drop_overlap,
            train_size,
            self.split_tokens,
            max_length,
            num_workers,
            self.cache,
        )
        # The split as ids, and what made it so; likewise the vectors.
        self._encoded: dict[str, tuple[Preprocessing, EncodedTexts]] = {}
        self._preprocessing: Preprocessing | None = None
        self._alignment: tuple[Vocabulary, Alignment] | None = None

    def prepare_data(self) -> None:
        """Read what the run needs in one process, before the others and before a logger opens a run."""
        if self.trainer is not None and self.trainer.state.fn == "fit":
            self.setup("fit")

    def setup(self, stage: str) -> None:
        """Read what training needs. Other stages read later, when a checkpoint has brought its vocabulary and labels.

        Raises:
            DataError: The text cannot be used.
            VectorsError: The vectors cannot be used, or cover too little of the text.
        """
        if stage == "fit":
            _ = self.preprocessing, self.alignment
            warn_of_script(self.split("train").texts, self.tokenizer)

    # --- What the model reads ---

    @property
    def preprocessing(self) -> Preprocessing:
        """What turns texts into ids: the trainer's model's, once it has one, so that ids mean what they mean to it.

        Until then, it is made from the train split.
        """
        model = None if self.trainer is None else self.trainer.lightning_module
        trained: Preprocessing | None = getattr(model, "preprocessing", None)
        if trained is not None:
            return trained
        if self._preprocessing is None:
            vocabulary = self._count_words()
            self._preprocessing = Preprocessing(
                vocabulary, self.text.label_names, self.tokenizer, self.max_length, self.vectors
            )
        return self._preprocessing

    @property
    def _known(self) -> Preprocessing | None:
        """The model's preprocessing, or this module's own if it has been made."""
        model = None if self.trainer is None else self.trainer.lightning_module
        return getattr(model, "preprocessing", None) or self._preprocessing

    def _count_words(self) -> Vocabulary:
        return Vocabulary.from_counts(self.tokens("train").counts(), self.min_freq, self.max_vocab_size)

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the train split."""
        return self.preprocessing.vocabulary

    @property
    def labels(self) -> list[str]:
        """The classes' names; a class's index is its place."""
        return self.preprocessing.labels

    @property
    def alignment(self) -> Alignment | None:
        """The vocabulary's vectors; None where no vectors were given.

        Raises:
            VectorsError: They cover less of the text than `min_coverage`.
            ConfigError: Their own text was split by another tokenizer.
        """
        if self.vectors is None:
            return None
        vocabulary = self.vocabulary
        if self._alignment is None or self._alignment[0] is not vocabulary:
            check_tokenizer(self.vectors, self.tokenizer)
            alignment = align(vocabulary, self.vectors, seed=self.seed, cache=self.cache)
            check_coverage(alignment.coverage, self.vectors.path, self.min_coverage)
            self._alignment = vocabulary, alignment
        return self._alignment[1]

    def words_outside(self, preprocessing: Preprocessing) -> list[str]:
        """Return the words of the validation and test splits that a vocabulary lacks."""
        words = [word for name in SPLITS[1:] if self._has(name) for word in self.tokens(name).words]
        return [word for word in dict.fromkeys(words) if word not in preprocessing.vocabulary and word != NO_WORD]

    def pack_vectors(self, words: list[str] | None) -> PackedVectors:
        """Take the vectors of words, or all vectors if None, out of their file.

        Raises:
            VectorsError: The file is missing or broken.
        """
        assert self.vectors is not None
        return PackedVectors.of(self.vectors, words, self.cache)

    def _has(self, name: str) -> bool:
        """Whether there is such a split."""
        return self._read(name) is not None

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation split."""
        return self._has("val")

    @property
    def train_size(self) -> int | None:
        """Training texts that are kept, at most."""
        return self.text.train_size

    @property
    def class_counts(self) -> list[int] | None:
        """Number of training texts of each class, in the order of `labels`."""
        labels = self.split("train").labels
        return None if labels is None else np.bincount(labels, minlength=len(self.labels)).tolist()

    def check(self, preprocessing: Preprocessing) -> None:
        """Check that a model's preprocessing means the same by these data.

        Args:
            preprocessing: The model's.

        Raises:
            CheckpointError: The model was trained on other tokens, or on other labels than have been read.
        """
        labels = self.text.label_names or preprocessing.labels
        preprocessing.check(
            Preprocessing(preprocessing.vocabulary, labels, self.tokenizer, self.max_length, self.vectors)
        )

    # --- Splits ---

    def split(self, name: str) -> Split:
        """Return the texts and labels of `train`, `val`, `test` or `predict`.

        Raises:
            ConfigError: The configuration does not say where that part comes from.
        """
        split = self._read(name)
        if split is None:
            how = {"test": " or --data.test_fraction", "val": " or --data.val_fraction"}.get(name, "")
            raise ConfigError(f"There is no {name} split. Give --data.{name}_file{how}.")
        return split

    def _read(self, name: str) -> Split | None:
        known, is_new = self._known, name not in self.text.splits
        split = self.text.read(name, None if known is None else known.labels)
        if is_new and split is not None and known is not None and name in ("val", "test") and not self.files[name]:
            self._check_split(name, known.vocabulary)
        return split

    def _check_split(self, name: str, trained: Vocabulary) -> None:
        """Split off otherwise than in the training, a part would have texts that the model was trained on."""
        if self._count_words().digest != trained.digest:
            raise CheckpointError(
                f"The {name} split comes from {self.text.dataset or self.files['train']}, but the rest of it is not what the "
                f"model was trained on, so that some of its texts would be among the {name} texts. Set the data's arguments "
                f"(seed, fractions, where, ...) as they were in the training, or give --data.{name}_file."
            )

    def with_train_size(self, train_size: int | None) -> TextDataModule:
        """Return the same data with other training texts, and the vocabulary of these; nothing is read or tokenized again.

        Args:
            train_size: As the argument of that name.

        Raises:
            ConfigError: Fewer texts than classes, or this data module has not all training texts itself.
        """
        self.tokens("train")
        view = copy.copy(self)
        view.text = self.text.with_train_size(train_size)
        view._preprocessing = view._alignment = None
        view._encoded = {}
        return view

    def tokens(self, name: str) -> TokenizedTexts:
        """Return the split's words, out of the cache if they are there."""
        self.split(name)
        return self.text.tokens(name)

    def encoded(self, name: str) -> EncodedTexts:
        """Return the split as word ids. Words outside the vocabulary are unknown in `train`, and may have vectors elsewhere."""
        preprocessing = self.preprocessing
        if name not in self._encoded or self._encoded[name][0] is not preprocessing:
            tokens, labels = self.tokens(name), self.split(name).labels
            is_open = preprocessing.open_vocabulary and name != "train"
            encoded = preprocessing.encode(tokens, labels, open_vocabulary=is_open, cache=self.cache)
            self._encoded[name] = preprocessing, encoded
        return self._encoded[name][1]
