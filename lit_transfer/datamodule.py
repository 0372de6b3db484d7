"""The data module: text and labels, their vocabulary, its pretrained vectors, and batches."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from lightning.pytorch import LightningDataModule, LightningModule
from typing_extensions import Self

from lit_transfer.arguments import ArgumentsSignature
from lit_transfer.data.alignment import Alignment, align, check_coverage, check_tokenizer
from lit_transfer.data.arguments import DataArguments
from lit_transfer.data.batching import (
    EncodedTexts,
    LengthBucketSampler,
    Placement,
    TextLoader,
    make_loader,
    make_sampler,
)
from lit_transfer.data.checks import warn_of_damage, warn_of_script
from lit_transfer.data.corpus import Split
from lit_transfer.data.labelled_text import LabelledText, global_seed
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.reading.in_memory import TextsAndLabels, frame_as_columns, splits_of_lists
from lit_transfer.data.summary import describe_text, text_metadata
from lit_transfer.data.tokenized import TokenizedTexts
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import Task
from lit_transfer.tokenizers.registry import name_of

Rows = np.ndarray[tuple[int], np.dtype[np.int64]]


class TextDataModule(LightningDataModule):
    """Labelled text and pretrained vectors, ready for `TextClassifier`.

    The vocabulary is built from the train split only. Files are CSV, TSV, JSON lines, Parquet, Excel or plain text,
    optionally compressed (.gz, .zip) or from a pipe (`/dev/stdin`); `package:NAME/PATH` is a file in an installed package.

    Args:
        *values: Values of the first arguments, in the order of `DataArguments`: `train_file`, `val_file`, ...
        **arguments: Arguments of `DataArguments`, such as `train_file`, `text_column` and `vectors`.

    Attributes:
        text: The splits, their tokens, and the arguments that they are read with.
        tokenizer: Name of the tokenizer.
        vectors: Location of the pretrained vectors, or None.
        batch_size: Number of texts per batch and process; Lightning's `Tuner.scale_batch_size` sets it.

    Raises:
        ConfigError: An argument is invalid.
    """

    arguments_class: ClassVar = DataArguments
    __signature__ = ArgumentsSignature()

    def __init__(self, *values: object, **arguments: object) -> None:
        super().__init__()
        given = DataArguments(*values, **arguments)  # type: ignore[arg-type]  # checked by the dataclass
        self.text = LabelledText.of(given)
        self.tokenizer = given.tokenizer if isinstance(given.tokenizer, str) else name_of(self.text.split_tokens)
        self.vectors = given.source
        self.batch_size = given.batch_size
        self._preprocessing: Preprocessing | None = None  # of the train split
        # The vectors and the encoded splits, each with what it was computed for.
        self._alignment: tuple[Vocabulary, Alignment] | None = None
        self._encoded: dict[str, tuple[Preprocessing, EncodedTexts]] = {}

    @classmethod
    def from_lists(
        cls,
        train: TextsAndLabels | None = None,
        val: TextsAndLabels | None = None,
        test: TextsAndLabels | None = None,
        predict: Sequence[str] | None = None,
        **arguments: object,
    ) -> Self:
        """Create a data module from texts in memory, as in `from_lists(train=(texts, labels), val_fraction=0.2)`.

        A label is a str or a number, or with several labels a list of them. The labels may also be an indicator matrix: an
        array of 0 and 1 with a row for each text and a column for each class, whose names are `label_columns`. With
        `weight_column`, `train` may be `(texts, labels, weights)`.

        Raises:
            ConfigError: An argument is not a pair of lists, or is otherwise invalid.
            DataError: The numbers of texts and labels differ.
        """
        module = cls(**arguments)
        given = {"train": train, "val": val, "test": test, "predict": predict}
        module.text = module.text.in_memory(*splits_of_lists(module.arguments.reading, given))
        return module

    @classmethod
    def from_pandas(
        cls,
        train: object = None,
        val: object = None,
        test: object = None,
        predict: object = None,
        **arguments: object,
    ) -> Self:
        """Create a data module from DataFrames with the columns `text_column` and `label_column`.

        Raises:
            ConfigError: An argument is not a DataFrame, or is otherwise invalid.
        """
        module = cls(**arguments)
        given = {"train": train, "val": val, "test": test, "predict": predict}
        frames = {split: frame_as_columns(split, frame) for split, frame in given.items() if frame is not None}
        module.text = module.text.in_memory(frames)
        return module

    def prepare_data(self) -> None:
        """Read the data of the run in one process, before other processes and loggers start."""
        if self.trainer is not None and self.trainer.state.fn == "fit":
            self.setup("fit")

    def setup(self, stage: str) -> None:
        """Read the training data. Other stages read their data later, once the model has its vocabulary and labels.

        Raises:
            DataError: The data are missing or invalid.
            VectorsError: The vectors are missing or invalid, or cover less of the text than `min_coverage`.
        """
        if stage == "fit":
            _ = self.preprocessing, self.alignment
            warn_of_script(self.split("train").texts, self.tokenizer)
            warn_of_damage(self.split("train").texts)

    @property
    def arguments(self) -> DataArguments:
        """The arguments."""
        return self.text.arguments

    # --- Splits and their tokens ---

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
        if is_new and split is not None and known is not None and name in ("val", "test") and not self.text.files[name]:
            # It is taken from the train file, and must contain no text that the model was trained on.
            seen, trained_on = getattr(self._model, "seen_texts", None), getattr(self._model, "trained_on", {})
            self.tokens("train")
            self.text.check_unseen(name, known.vocabulary, seen, trained_on.get("classes"))
        return split

    def has_split(self, name: str) -> bool:
        """Return whether there is a split."""
        return self._read(name) is not None

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation split."""
        return self.has_split("val")

    def tokens(self, name: str) -> TokenizedTexts:
        """Return the tokens of a split, from the cache if possible."""
        self.split(name)
        return self.text.tokens(name)

    def encoded(self, name: str) -> EncodedTexts:
        """Return a split as word ids; words outside the vocabulary may have vectors, except in `train`."""
        preprocessing = self.preprocessing
        if name not in self._encoded or self._encoded[name][0] is not preprocessing:
            tokens, split, train = self.tokens(name), self.split(name), name == "train"
            encoded = preprocessing.encode(
                tokens,
                split.labels,
                split.relative_weights if train else None,
                open_vocabulary=preprocessing.open_vocabulary and not train,
                cache=self.arguments.cache_folder,
            )
            self._encoded[name] = preprocessing, encoded
        return self._encoded[name][1]

    def folds(self) -> list[Self]:
        """Return a copy for each fold of the training texts, with the fold as its validation split; none without `val_folds`.

        Raises:
            ConfigError: There are validation texts, or fewer than two training texts for each fold.
        """
        self.tokens("train")
        return [self._with_text(text) for text in self.text.folds()]

    def with_train_size(self, train_size: int | None) -> Self:
        """Return a copy with another maximum number of training texts (None for all), without reading or tokenizing again.

        Raises:
            ConfigError: The size is below the number of classes, or this data module has a `train_size` itself.
        """
        self.tokens("train")
        return self._with_text(self.text.with_train_size(train_size))

    def with_rows(self, rows: Mapping[str, Rows]) -> Self:
        """Return a copy with splits that are rows of the train split, by name, without reading or tokenizing again."""
        self.tokens("train")
        return self._with_text(self.text.with_rows(rows))

    def _with_text(self, text: LabelledText) -> Self:
        view = copy.copy(self)
        view.text, view._preprocessing, view._alignment, view._encoded = text, None, None, {}
        return view

    # --- Vocabulary, classes and vectors ---

    @property
    def preprocessing(self) -> Preprocessing:
        """Preprocessing of the trainer's model if it has one; otherwise that of the train split."""
        known = self._known
        if known is None:
            self.tokens("train")
            assert self.text.task is not None  # of the train split
            known = self._preprocessing = self._with(self.text.vocabulary(), self.text.task)
        return known

    @property
    def _known(self) -> Preprocessing | None:
        """Preprocessing of the trainer's model, or else that of this data module; None if there is neither."""
        return getattr(self._model, "preprocessing", None) or self._preprocessing

    @property
    def _model(self) -> LightningModule | None:
        return None if self.trainer is None else self.trainer.lightning_module

    def _with(self, vocabulary: Vocabulary, task: Task) -> Preprocessing:
        return Preprocessing(vocabulary, task, self.tokenizer, self.arguments.max_length, self.vectors)

    def check(self, preprocessing: Preprocessing) -> None:
        """Check that the preprocessing of a model matches these data.

        Raises:
            CheckpointError: The tokenizer or the labels differ from those of the model.
        """
        preprocessing.check(self._with(preprocessing.vocabulary, self.text.task or preprocessing.task))

    @property
    def vocabulary(self) -> Vocabulary:
        """Vocabulary of the train split."""
        return self.preprocessing.vocabulary

    @property
    def task(self) -> Task:
        """Task with the class names."""
        return self.preprocessing.task

    @property
    def labels(self) -> list[str]:
        """Class names by index."""
        return self.preprocessing.labels

    @property
    def class_counts(self) -> list[int] | None:
        """Number of training texts of each class, in the order of `labels`."""
        targets = self.split("train").labels
        return None if targets is None else self.task.counts(targets).tolist()

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
            alignment = align(vocabulary, self.vectors, seed=self.arguments.seed, cache=self.arguments.cache_folder)
            check_coverage(alignment.coverage, self.vectors, self.arguments.min_coverage)
            self._alignment = vocabulary, alignment
        return self._alignment[1]

    # --- Batches ---

    def sampler(self, name: str) -> LengthBucketSampler:
        """Return the batch sampler of a split for this process; that of `train` shuffles in each epoch."""
        place = Placement.of(self.trainer)
        return make_sampler(
            self.encoded(name).lengths,
            self.batch_size,
            shuffle=name == "train" and not place.overfits,
            max_tokens=self.arguments.max_tokens,
            seed=global_seed(),
            num_replicas=place.num_replicas,
            rank=place.rank,
        )

    def _loader(self, name: str) -> TextLoader:
        workers, on_gpu = self.arguments.num_workers, Placement.of(self.trainer).on_gpu
        return make_loader(self.encoded(name), self.sampler(name), num_workers=workers, pin_memory=on_gpu)

    def train_dataloader(self) -> TextLoader:
        """Return the loader of the train split."""
        return self._loader("train")

    def val_dataloader(self) -> TextLoader | list[TextLoader]:
        """Return the loader of the validation split, or an empty list without one."""
        training = self.trainer is not None and self.trainer.state.fn == "fit"
        return [] if training and not self.has_validation else self._loader("val")

    def test_dataloader(self) -> TextLoader:
        """Return the loader of the test split."""
        return self._loader("test")

    def predict_dataloader(self) -> TextLoader:
        """Return the loader of the texts to classify."""
        return self._loader("predict")

    # --- Descriptions of the data for a run, a checkpoint and the model card ---

    def settings(self) -> dict[str, object]:
        """Return the settings that determine the texts of each step, for resuming from a checkpoint."""
        # Writing a checkpoint needs these settings, so they must not cause the train split to be read.
        read = {"training texts": len(self.text.splits["train"])} if "train" in self.text.splits else {}
        processes = 1 if self.trainer is None else self.trainer.world_size
        compared = self.arguments.compared()["data"] | {"batch_size": self.batch_size}
        return {**read, **compared, "processes": processes}

    def reading_arguments(self) -> dict[str, object]:
        """Return the arguments that describe how texts are read; checkpoints store them for the command line."""
        return self.arguments.stored() | {"tokenizer": self.tokenizer}

    def metadata(self) -> dict[str, object]:
        """Return a description of the training data as plain values, for the model card."""
        return text_metadata(self.split("train"), self.preprocessing, self.alignment)

    def describe(self) -> list[tuple[str, str]]:
        """Return a summary of the data before training, as pairs of name and value."""
        return describe_text(self.text, self.preprocessing, self.alignment, self.sampler("train"))
