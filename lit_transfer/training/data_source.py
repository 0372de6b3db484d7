"""What the classifier reads from the data module of its trainer, and what a new model starts from."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, cast

from lightning.pytorch import LightningModule
from torch import Tensor

from lit_transfer.checkpoints.warm_start import WarmStart, read_warm_start
from lit_transfer.data.alignment import Alignment
from lit_transfer.data.arguments import DataArguments
from lit_transfer.data.corpus import SPLITS, Split
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.texts import SeenTexts
from lit_transfer.data.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError
from lit_transfer.training.arguments import ClassifierArguments
from lit_transfer.training.optimization.class_weights import compute_class_weights
from lit_transfer.transfer import starting_table
from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.packed import PackedVectors

# Attributes that a data module must have in addition to its loaders.
OFFERED = {
    "preprocessing": "the conversion of texts to ids, a Preprocessing",
    "alignment": "the vectors of the vocabulary, an Alignment, or None",
    "class_counts": "the number of training texts of each class, or None",
    "check": "a method that compares its preprocessing with the model's",
    "settings": "a method that returns the settings that determine the texts of each step",
    "reading_arguments": "a method that returns the arguments for reading texts",
}


class DataSource(Protocol):
    """The part of `TextDataModule` that the classifier reads."""

    arguments: DataArguments
    preprocessing: Preprocessing
    alignment: Alignment | None
    class_counts: Sequence[int] | None
    vectors: VectorSource | None

    def check(self, preprocessing: Preprocessing) -> None:
        """Check that the preprocessing of a model matches these data."""

    def settings(self) -> dict[str, Any]:
        """Return the settings that determine the texts of each step."""

    def reading_arguments(self) -> dict[str, Any]:
        """Return the arguments for reading texts."""

    def metadata(self) -> dict[str, Any]:
        """Return a description of the training data."""

    def split(self, name: str) -> Split:
        """Return the texts and labels of a split."""

    def has_split(self, name: str) -> bool:
        """Return whether there is a split."""

    def tokens(self, name: str) -> TokenizedTexts:
        """Return the tokens of a split."""


def data_of(module: LightningModule) -> DataSource | None:
    """Return the data module of a module's trainer; None without a trainer or a data module."""
    trainer = module._trainer  # `module.trainer` raises an error without one
    return cast("DataSource | None", getattr(trainer, "datamodule", None))


def required_data(module: LightningModule) -> DataSource:
    """Return the data module of a module's trainer.

    Raises:
        ConfigError: There is no data module, or it lacks an attribute that the classifier reads.
    """
    data = data_of(module)
    if data is None:
        raise ConfigError(
            "The model has no vocabulary yet. Give the trainer a TextDataModule (datamodule=...), or load a checkpoint."
        )
    missing = [name for name in OFFERED if inspect.getattr_static(data, name, None) is None and not hasattr(data, name)]
    if missing:
        raise ConfigError(
            f"{type(data).__name__} has no {', no '.join(missing)}. Derive it from lit_transfer.TextDataModule; the model "
            f"reads {'; '.join(f'{name} ({what})' for name, what in OFFERED.items())}, and batches of "
            "lit_transfer.data.batching.Batch."
        )
    return data


class StartingPoint(NamedTuple):
    """What a new model starts from, and what its checkpoints say about its data.

    Attributes:
        preprocessing: Conversion of texts to ids, and the task.
        embedding_dim: Number of values per word.
        weight: Initial vectors; None for random values. *Shape:* `(vocab_size, embedding_dim)`.
        found: Whether each word has a pretrained vector; None without vectors. *Shape:* `(vocab_size,)`.
        class_weights: Weight of each class in the loss; None for equal weights. *Shape:* `(num_classes,)`.
        warm_start: The weights of `init_from`, if given.
        seen_texts: Hashes of the training texts, with those of the run that the model starts from.
    """

    preprocessing: Preprocessing
    embedding_dim: int
    weight: Tensor | None
    found: Tensor | None
    class_weights: Tensor | None
    warm_start: WarmStart | None
    seen_texts: SeenTexts

    @classmethod
    def of(cls, data: DataSource, arguments: ClassifierArguments) -> StartingPoint:
        """Return the starting point for data and the arguments of the classifier.

        Raises:
            ConfigError: The vectors are missing or of another dimension, or the class weights are invalid.
            CheckpointError: The checkpoint of `init_from` is missing or damaged.
        """
        warm_start = None if arguments.init_from is None else read_warm_start(arguments.init_from)
        alignment, seen = data.alignment, SeenTexts.of(data.split("train").texts)
        dim, weight = starting_table(
            arguments.transfer, alignment, arguments.embedding_dim, warm_start and warm_start.embedding_dim
        )
        vectors = data.preprocessing.vectors if alignment is None else alignment.source
        known = dataclasses.replace(
            data.preprocessing,
            vectors=vectors,
            open_vocabulary=arguments.knows_unseen_words and vectors is not None,
        )
        inherited = None
        if warm_start is not None and warm_start.is_pretrained:
            inherited = warm_start.words_outside(known.vocabulary)
        elif warm_start is not None:
            seen = warm_start.seen_texts.union(seen)
        weights = None
        if arguments.class_weight is not None:
            size = len(data.split("train"))
            weights = compute_class_weights(arguments.class_weight, known.task, data.class_counts, size)
        known = _with_stored_vectors(known, data, arguments, inherited)
        return cls(known, dim, weight, None if alignment is None else alignment.found, weights, warm_start, seen)


def _with_stored_vectors(
    preprocessing: Preprocessing, data: DataSource, arguments: ClassifierArguments, inherited: PackedVectors | None
) -> Preprocessing:
    """Return the preprocessing with the vectors of words outside the vocabulary that checkpoints are to contain.

    Those of a pretrained network (`inherited`) take precedence over those of the file.
    """
    packed = None
    if preprocessing.open_vocabulary and (arguments.checkpoint_vectors != "path" or inherited is not None):
        assert data.vectors is not None
        words = None if arguments.checkpoint_vectors == "all" else _words_outside(preprocessing.vocabulary, data)
        packed = PackedVectors.of(data.vectors, words, data.arguments.cache_folder)
    if inherited is not None and arguments.knows_unseen_words:
        packed = inherited if packed is None else inherited.union(packed)
    if packed is None:
        return preprocessing
    packed = packed.as_precision(arguments.checkpoint_vectors_precision)
    return dataclasses.replace(preprocessing, open_vocabulary=True, stored_vectors=packed)


def _words_outside(vocabulary: Vocabulary, data: DataSource) -> list[str]:
    """Return the words of the validation and test splits that the vocabulary lacks."""
    words = [word for name in SPLITS[1:] if data.has_split(name) for word in data.tokens(name).words]
    return [word for word in dict.fromkeys(words) if word not in vocabulary and word != NO_WORD]
