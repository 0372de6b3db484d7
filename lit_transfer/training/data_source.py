"""The data that the classifier reads from the data module of its trainer."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any, Protocol, cast, runtime_checkable

from lightning.pytorch import LightningModule

from lit_transfer.checkpoints.warm_start import WarmStart
from lit_transfer.data.alignment import Alignment
from lit_transfer.data.corpus import Split
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.texts import SeenTexts
from lit_transfer.errors import ConfigError
from lit_transfer.training.arguments import ClassifierArguments
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


@runtime_checkable
class DataSource(Protocol):
    """The part of `TextDataModule` that the classifier reads."""

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

    def pack_vectors(self, words: list[str] | None) -> PackedVectors:
        """Return the vectors of words, or all vectors of the file."""

    def words_outside(self, preprocessing: Preprocessing) -> list[str]:
        """Return the words of the validation and test splits that the vocabulary lacks."""


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


def training_texts(data: DataSource, warm_start: WarmStart | None) -> SeenTexts:
    """Return the hashes of the texts that a model is trained on, with those of the run that it starts from."""
    seen = SeenTexts.of(data.split("train").texts)
    if warm_start is None or warm_start.is_pretrained:
        return seen
    return warm_start.seen_texts.union(seen)


def with_stored_vectors(
    preprocessing: Preprocessing, data: DataSource, arguments: ClassifierArguments, inherited: PackedVectors | None
) -> Preprocessing:
    """Return the preprocessing with the vectors of words outside the vocabulary that checkpoints are to contain.

    Args:
        preprocessing: Preprocessing of the model.
        data: The data module.
        arguments: Arguments of the classifier, for the location and the precision of the vectors.
        inherited: Vectors of a pretrained network, which take precedence over those of the file.
    """
    packed = None
    if preprocessing.open_vocabulary and (arguments.checkpoint_vectors != "path" or inherited is not None):
        words = None if arguments.checkpoint_vectors == "all" else data.words_outside(preprocessing)
        packed = data.pack_vectors(words)
    if inherited is not None and arguments.knows_unseen_words:
        packed = inherited if packed is None else inherited.union(packed)
    if packed is None:
        return preprocessing
    packed = packed.as_precision(arguments.checkpoint_vectors_precision)
    return dataclasses.replace(preprocessing, open_vocabulary=True, stored_vectors=packed)
