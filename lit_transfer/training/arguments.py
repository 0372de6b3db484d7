"""The classifier's arguments: what they may be, what does not go together, and which of them a resumed run must keep."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any, get_args

from lit_transfer.errors import ConfigError
from lit_transfer.training.resume import Settings
from lit_transfer.transfer import get_mode
from lit_transfer.vectors.packed import Precision

# What a configuration without a `class_path` means.
DEFAULT_CLASSES: dict[str, Any] = {
    "model": {"class_path": "lit_transfer.TextClassifier"},
    "data": {"class_path": "lit_transfer.TextDataModule"},
}
# The layers that `frozen_layers` may name.
LAYERS = ("embedding", "lstm")
# The least and the most that an argument may be.
RANGES: dict[str, tuple[float, float | None]] = {
    "lr": (0, None),
    "embedding_lr": (0, None),
    "embedding_unfreeze_epoch": (0, None),
    "lstm_unfreeze_epoch": (0, None),
    "lr_decay_per_layer": (1, None),
    "embedding_dim": (1, None),
    "hidden_size": (1, None),
    "num_layers": (1, None),
    "dropout": (0, 1),
    "embedding_dropout": (0, 1),
    "label_smoothing": (0, 1),
}
# The arguments that a checkpoint records beside the optimizer's and the data's, by their group of `resume.Settings`.
RECORDED = {
    "network": ("transfer", "hidden_size", "num_layers", "bidirectional", "pooling", "class_weight", "frozen_layers"),
    "model": (
        "dropout",
        "embedding_dropout",
        "label_smoothing",
        "embedding_unfreeze_epoch",
        "lstm_unfreeze_epoch",
        "teacher",
    ),
}


def check_arguments(given: Mapping[str, Any]) -> None:
    """Refuse what cannot be used, and warn of what the mode does not use.

    Args:
        given: The arguments of `TextClassifier` by name; other names do not matter.

    Raises:
        ConfigError: A value is out of its range, or does not go with the mode.
    """
    transfer, mode = given["transfer"], get_mode(given["transfer"])
    if given["embedding_lr"] is not None and not mode.own_lr:
        warnings.warn(
            f"embedding_lr is {given['embedding_lr']:g}, but transfer: {transfer} does not use it; transfer: slow does.",
            stacklevel=3,
        )
    if given["embedding_unfreeze_epoch"] and not mode.learns:
        raise ConfigError(
            f"embedding_unfreeze_epoch is {given['embedding_unfreeze_epoch']}, but with transfer: {transfer} the embedding "
            "never learns. Choose slow (it then learns at embedding_lr) or init (at lr)."
        )
    if given["checkpoint_embedding"] == "reference" and (mode.learns or given["init_from"] is not None):
        raise ConfigError(
            "checkpoint_embedding: reference is for tables that are in the file of vectors: with transfer: frozen, and "
            f"without init_from. Here transfer is {transfer}; choose full."
        )
    if given["checkpoint_vectors"] not in ("path", "words", "all"):
        raise ConfigError(f"checkpoint_vectors is {given['checkpoint_vectors']!r}; it can be path, words or all.")
    precision = given["checkpoint_vectors_precision"]
    if precision not in get_args(Precision):
        raise ConfigError(f"Expected checkpoint_vectors_precision float16 or int8, got {precision!r}.")
    if given["softmax_start"] not in ("random", "regression"):
        raise ConfigError(f"softmax_start is {given['softmax_start']!r}; it can be random or regression.")
    frozen = given["frozen_layers"] or []
    if unknown := sorted(set(frozen) - set(LAYERS)):
        raise ConfigError(f"frozen_layers is {frozen}, but {unknown[0]} is none of the layers {', '.join(LAYERS)}.")
    for layer in LAYERS:
        if layer in frozen and given[f"{layer}_unfreeze_epoch"]:
            raise ConfigError(
                f"frozen_layers has the {layer}, and {layer}_unfreeze_epoch lets it learn. Choose one of them."
            )
    if frozen and given["init_from"] is None and (not mode.pretrained or "lstm" in frozen):
        warnings.warn(
            f"frozen_layers is {frozen} without init_from: what is frozen stays random. Give --model.init_from a checkpoint, "
            "such as that of `lightning pretrain`.",
            stacklevel=3,
        )
    for name, (least, most) in RANGES.items():
        value = given[name]
        if value is not None and (value < least or (most is not None and value > most)):
            wanted = f"at least {least}" if most is None else f"{least} to {most}"
            raise ConfigError(f"{name} is {value}, but it must be {wanted}.")


def recorded(given: Mapping[str, Any]) -> Settings:
    """Return those of the arguments that a run which resumes from a checkpoint is compared by."""
    return {group: {name: given[name] for name in names} for group, names in RECORDED.items()}


def argument_names(cls: type, base: type) -> set[str]:
    """Return the arguments of a class and of those that it is derived from, up to `base`."""
    return {name for each in cls.__mro__ if issubclass(each, base) for name in inspect.signature(each).parameters}


# What a data module must offer beside its loaders, and what each is.
OFFERED = {
    "preprocessing": "what turns texts into ids, a Preprocessing",
    "alignment": "the vocabulary's vectors, an Alignment, or None",
    "class_counts": "the number of training texts of each class, or None",
    "check": "a method that compares its preprocessing with the model's",
    "settings": "a method that gives what decides which texts a step sees",
    "reading_arguments": "a method that gives the arguments by which texts are read",
}


def check_data_module(data: Any) -> None:
    """Check that the classifier can be built from a data module.

    Raises:
        ConfigError: It does not offer what the classifier reads.
    """
    missing = [name for name in OFFERED if inspect.getattr_static(data, name, None) is None and not hasattr(data, name)]
    if missing:
        raise ConfigError(
            f"{type(data).__name__} has no {', no '.join(missing)}. Derive it from lit_transfer.TextDataModule; what the "
            f"model reads of it is {'; '.join(f'{name} ({what})' for name, what in OFFERED.items())}, and batches of "
            "lit_transfer.data.batching.Batch."
        )
