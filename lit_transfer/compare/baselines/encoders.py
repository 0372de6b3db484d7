"""Pretrained sentence encoders (model2vec, sentence-transformers) with logistic regression."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from lit_transfer.compare.baselines.fitted import (
    Fitted,
    all_classes,
    fit_regression,
    parameters_of,
    size_of,
    timed,
)
from lit_transfer.compare.plan import SENTENCE, STATIC
from lit_transfer.data.corpus import SPLITS
from lit_transfer.datamodule import TextDataModule
from lit_transfer.files import PACKAGE_SCHEME, locate
from lit_transfer.pretraining.teacher import SENTENCE_MARKER, STATIC_MARKER, load_sentence, load_static

# File that a model folder of each kind contains.
MARKERS = {SENTENCE: SENTENCE_MARKER, STATIC: STATIC_MARKER}


@dataclass(frozen=True)
class Encoder:
    """A pretrained sentence encoder.

    Attributes:
        encode: Function from texts to their vectors, *Shape:* `(texts, dim)`.
        size: Size of the model's parameters in bytes.
    """

    encode: Callable[[Sequence[str]], np.ndarray]
    size: int


@dataclass(frozen=True)
class TextVectors:
    """Vectors of texts from a sentence encoder; each text is encoded once for all runs.

    Attributes:
        vectors: Vector of each text.
        seconds: Mean time to encode a text, in seconds.
        size: Size of the model's parameters in bytes.
    """

    vectors: Mapping[str, np.ndarray]
    seconds: float
    size: int = 0


def classify_vectors(data: TextDataModule, encoded: TextVectors) -> Fitted:
    """Fit a logistic regression on the vectors of the texts.

    Args:
        data: Data module with the texts.
        encoded: Vectors of all texts.
    """
    train, val, test = (np.stack([encoded.vectors[text] for text in data.split(part).texts]) for part in SPLITS)
    model = fit_regression(train, data.split("train").labels, val, data.split("val").labels)
    probabilities, seconds = timed(lambda: all_classes(model, test, len(data.labels)))
    seconds += encoded.seconds * len(test)
    return Fitted(probabilities, parameters_of(model), encoded.size + size_of(model), seconds)


def load_encoder(name: str, role: str = "baseline") -> Encoder:
    """Load a sentence encoder.

    Args:
        name: `static:PATH` or `sentence:PATH`, where PATH is the folder of a model, `package:NAME/FOLDER` for a folder in
            an installed package, or the name of a model on the hub.
        role: What the encoder is used for, for error messages.

    Raises:
        ConfigError: The library is not installed or cannot load the model.
        DataError: The package is not installed or the folder does not contain a model.
    """
    kind = SENTENCE if name.startswith(SENTENCE) else STATIC
    path = name.removeprefix(kind)
    folder = locate(f"{path}/{MARKERS[kind]}").parent if path.startswith(PACKAGE_SCHEME) else Path(path)
    given = str(folder) if folder.exists() else path
    if kind == STATIC:
        static = load_static(f"The {role} {name}", given)
        return Encoder(static.encode, static.embedding.nbytes)
    model = load_sentence(f"The {role} {name}", given)
    options = {"show_progress_bar": False, "convert_to_numpy": True, "normalize_embeddings": True}
    return Encoder(partial(model.encode, **options), sum(4 * parameter.numel() for parameter in model.parameters()))


def encode(name: str, texts: Sequence[str]) -> TextVectors:
    """Encode texts; duplicate texts are encoded once.

    Args:
        name: Name of the encoder; see `load_encoder`.
        texts: Texts to encode.

    Raises:
        LitTransferError: As in `load_encoder`.
    """
    encoder = load_encoder(name)
    different = list(dict.fromkeys(texts))
    start = time.perf_counter()
    vectors = encoder.encode(different)
    seconds = (time.perf_counter() - start) / len(different)
    return TextVectors(dict(zip(different, vectors, strict=True)), seconds, encoder.size)
