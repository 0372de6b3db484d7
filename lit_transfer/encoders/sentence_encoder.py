"""Pretrained encoders of sentences, by one name for baselines, teachers and pretraining objectives."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from lit_transfer.encoders.quiet import quietly
from lit_transfer.errors import ConfigError, DataError, missing_package
from lit_transfer.files import PACKAGE_SCHEME, expanded, locate

# Prefixes of a name: a model2vec model, and a sentence-transformers model.
STATIC, SENTENCE = "static:", "sentence:"
# Files by which the folder of a sentence-transformers model, and that of a model2vec or transformers model, is recognized.
MODULES, CONFIG = "modules.json", "config.json"


class Saveable(Protocol):
    """A model that is written to a folder in the format of its library."""

    def save_pretrained(self, path: str, /) -> object:
        """Write the model into a folder."""


class Encoder(Protocol):
    """Vectors of texts."""

    @property
    def size(self) -> int:
        """Size of the model's parameters in bytes."""

    @property
    def seconds_per_text(self) -> float:
        """Time to encode a text besides that of `encode`, in seconds."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return a vector of length 1 of each text. *Shape:* `(texts, dim)`, float32."""

    def save(self, folder: Path) -> None:
        """Write the model into an existing folder."""


@dataclass(frozen=True)
class SentenceEncoder:
    """A pretrained sentence encoder.

    Attributes:
        model: The model2vec or sentence-transformers model.
        compute: Function from a list of texts to their vectors.
        size: Size of the model's parameters in bytes.
        seconds_per_text: 0.
    """

    model: Saveable
    compute: Callable[[list[str]], np.ndarray]
    size: int
    seconds_per_text: float = 0.0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return vectors of length 1; a text without a known word has the zero vector. *Shape:* `(texts, dim)`, float32."""
        vectors = np.asarray(self.compute(list(texts)), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)

    def save(self, folder: Path) -> None:
        """Write the model into an existing folder, in the format of its library, for `load_encoder`."""
        with quietly():
            self.model.save_pretrained(str(folder))


@dataclass(frozen=True)
class EncodedTexts:
    """Vectors of texts that were encoded once, for many runs.

    Attributes:
        name: Name of the encoder.
        vectors: Vector of each text.
        size: Size of the model's parameters in bytes.
        seconds_per_text: Mean time to encode a text, in seconds.
    """

    name: str
    vectors: Mapping[str, np.ndarray]
    size: int = 0
    seconds_per_text: float = 0.0

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the vectors of texts. *Shape:* `(texts, dim)`, float32."""
        return np.stack([self.vectors[text] for text in texts])

    def save(self, folder: Path) -> None:
        """Write the model into an existing folder; see `SentenceEncoder.save`."""
        load_encoder(self.name).save(folder)


def encode_once(name: str, texts: Sequence[str]) -> EncodedTexts:
    """Encode texts by the encoder of a name; duplicate texts are encoded once. Errors are those of `load_encoder`."""
    encoder = load_encoder(name)
    different = list(dict.fromkeys(texts))
    start = time.perf_counter()
    vectors = encoder.encode(different)
    seconds = (time.perf_counter() - start) / len(different)
    return EncodedTexts(name, dict(zip(different, vectors, strict=True)), encoder.size, seconds)


def load_encoder(name: str, role: str = "baseline") -> SentenceEncoder:
    """Load a sentence encoder.

    Args:
        name: `static:PATH` for a model2vec model, `sentence:PATH` for a sentence-transformers model, or PATH, whose files
            tell which of both it is. PATH is a folder, `package:NAME/FOLDER` for a folder in an installed package, or (with
            a prefix) the name of a model on the hub.
        role: What the encoder is used for, for error messages.

    Raises:
        ConfigError: The model does not exist, or its library is not installed or cannot load it.
        DataError: The package is not installed or the folder does not contain a model.
    """
    prefix = next((each for each in (STATIC, SENTENCE) if name.startswith(each)), None)
    path = name.removeprefix(prefix or "")
    if prefix is None:
        folder, is_static = find_encoder(path, role)
        given = str(folder)
    else:
        given, is_static = located(path), prefix == STATIC
    description = f"The {role} {name}"
    if is_static:
        static = load_static(description, given)
        return SentenceEncoder(static, static.encode, static.embedding.nbytes)
    return of_sentence_transformer(load_sentence(description, given))


def of_sentence_transformer(model: Any) -> SentenceEncoder:
    """Return a sentence-transformers model as an encoder."""

    def compute(texts: list[str]) -> np.ndarray:
        vectors: np.ndarray = model.encode(texts, show_progress_bar=False, convert_to_numpy=True)
        return vectors

    return SentenceEncoder(model, compute, sum(4 * parameter.numel() for parameter in model.parameters()))


def located(path: str) -> str:
    """Return the folder of a model as its library takes it: a path, or a name on the hub unchanged.

    Raises:
        DataError: The package of a `package:` path is not installed, or its folder does not contain a model.
    """
    if path.startswith(PACKAGE_SCHEME):
        return str((_file(path, MODULES) or locate(f"{path}/{CONFIG}")).parent)
    folder = expanded(path)
    return str(folder) if folder.exists() else path


def find_encoder(path: str, role: str) -> tuple[Path, bool]:
    """Return the folder of a model, and whether it is a model2vec model; newer ones have the files of both kinds.

    Raises:
        ConfigError: The model does not exist.
    """
    modules, config = _file(path, MODULES), _file(path, CONFIG)
    if modules is not None and (config is None or b"StaticEmbedding" not in modules.read_bytes()):
        return modules.parent, False
    if config is not None:
        return config.parent, modules is not None or _model_type(config) in (None, "model2vec")
    raise ConfigError(
        f"{role}: there is no model at {path}. Expected the folder of a sentence-transformers model (with {MODULES}) or of a "
        f"model2vec model (with {CONFIG}), or {PACKAGE_SCHEME}NAME/FOLDER."
    )


def _model_type(config: Path) -> str | None:
    try:
        values = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values.get("model_type") if isinstance(values, dict) else None


def _file(path: str, name: str) -> Path | None:
    """Return a file in the folder of a model, or None if it does not exist."""
    try:
        found = locate(f"{path}/{name}")
    except DataError:
        return None
    return found if found.is_file() else None


def load_sentence(description: str, path: str) -> Any:
    """Load a sentence-transformers model from a folder, or by its name on the hub; the description is for error messages.

    Raises:
        ConfigError: The library is not installed, or cannot load the model.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError(missing_package(description, "sentence-transformers", "sentence", error)) from error
    try:
        with quietly():
            return SentenceTransformer(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{description}: sentence-transformers cannot load this model: {error}") from error


def load_static(description: str, path: str) -> Any:
    """Load a model2vec model; see `load_sentence` for arguments and errors."""
    try:
        from model2vec import StaticModel
    except ImportError as error:
        raise ConfigError(missing_package(description, "model2vec", "static", error)) from error
    try:
        return StaticModel.from_pretrained(path)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{description}: model2vec cannot load this model: {error}") from error
