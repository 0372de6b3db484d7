"""Arguments of the classifier: ranges, invalid combinations, and those that a resumed run must keep."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any, get_args

from lit_transfer.errors import ConfigError
from lit_transfer.ranges import check_range
from lit_transfer.training.resume import Settings
from lit_transfer.transfer import get_mode
from lit_transfer.vectors.packed import Precision

# The layers that `frozen_layers` may name.
LAYERS = ("embedding", "lstm")
# Minimum and maximum of arguments.
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
# Arguments recorded in checkpoints, in addition to those of the optimizer and the data, by group of `resume.Settings`.
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
    """Check the arguments, and warn about those that the mode does not use.

    Args:
        given: Arguments of `TextClassifier` by name; other names are ignored.

    Raises:
        ConfigError: An argument is out of range, or incompatible with the mode.
    """
    transfer, mode = given["transfer"], get_mode(given["transfer"])
    if given["embedding_lr"] is not None and not mode.own_lr:
        warnings.warn(
            f"embedding_lr is {given['embedding_lr']:g}, but transfer: {transfer} does not use it; only transfer: slow does.",
            stacklevel=3,
        )
    if given["embedding_unfreeze_epoch"] and not mode.learns:
        raise ConfigError(
            f"embedding_unfreeze_epoch is {given['embedding_unfreeze_epoch']}, but with transfer: {transfer} the embedding "
            "is not trained. Choose slow (trained at embedding_lr) or init (trained at lr)."
        )
    if given["checkpoint_embedding"] == "reference" and (mode.learns or given["init_from"] is not None):
        raise ConfigError(
            "checkpoint_embedding: reference is for tables in the vectors file, with transfer: frozen and without init_from; "
            f"transfer is {transfer}. Choose full."
        )
    if given["checkpoint_vectors"] not in ("path", "words", "all"):
        raise ConfigError(f"checkpoint_vectors is {given['checkpoint_vectors']!r}; expected path, words or all.")
    precision = given["checkpoint_vectors_precision"]
    if precision not in get_args(Precision):
        raise ConfigError(f"Expected checkpoint_vectors_precision float16 or int8, got {precision!r}.")
    if given["softmax_start"] not in ("random", "regression"):
        raise ConfigError(f"softmax_start is {given['softmax_start']!r}; expected random or regression.")
    frozen = given["frozen_layers"] or []
    if unknown := sorted(set(frozen) - set(LAYERS)):
        raise ConfigError(f"frozen_layers has {unknown[0]}; expected some of {', '.join(LAYERS)}.")
    for layer in LAYERS:
        if layer in frozen and given[f"{layer}_unfreeze_epoch"]:
            raise ConfigError(
                f"frozen_layers has {layer}, which {layer}_unfreeze_epoch would unfreeze. Give one of them."
            )
    if frozen and given["init_from"] is None and (not mode.pretrained or "lstm" in frozen):
        warnings.warn(
            f"frozen_layers is {frozen} without init_from: these layers keep random weights. Give --model.init_from a "
            "checkpoint, such as that of `lightning pretrain`.",
            stacklevel=3,
        )
    for name, bounds in RANGES.items():
        check_range(*bounds, **{name: given[name]})


def recorded(given: Mapping[str, Any]) -> Settings:
    """Return the arguments that are compared when a run is resumed."""
    return {group: {name: given[name] for name in names} for group, names in RECORDED.items()}


def argument_names(cls: type, base: type) -> set[str]:
    """Return the arguments of a class and its base classes, up to `base`."""
    return {name for each in cls.__mro__ if issubclass(each, base) for name in inspect.signature(each).parameters}


# Attributes that a data module must have in addition to its loaders.
OFFERED = {
    "preprocessing": "the conversion of texts to ids, a Preprocessing",
    "alignment": "the vectors of the vocabulary, an Alignment, or None",
    "class_counts": "the number of training texts of each class, or None",
    "check": "a method that compares its preprocessing with the model's",
    "settings": "a method that returns the settings that determine the texts of each step",
    "reading_arguments": "a method that returns the arguments for reading texts",
}


def check_data_module(data: Any) -> None:
    """Check that the classifier can be built from a data module.

    Raises:
        ConfigError: The data module lacks an attribute that the classifier reads.
    """
    missing = [name for name in OFFERED if inspect.getattr_static(data, name, None) is None and not hasattr(data, name)]
    if missing:
        raise ConfigError(
            f"{type(data).__name__} has no {', no '.join(missing)}. Derive it from lit_transfer.TextDataModule; the model "
            f"reads {'; '.join(f'{name} ({what})' for name, what in OFFERED.items())}, and batches of "
            "lit_transfer.data.batching.Batch."
        )
