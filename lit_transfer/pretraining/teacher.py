"""Sentence vectors of a teacher: a file, or a pretrained sentence encoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.cache import Entry, identity, load_or_make
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.files import PACKAGE_SCHEME, locate
from lit_transfer.pretraining.unlabelled.store import SentenceStore

# Files by which the folder of a sentence-transformers or model2vec model is recognized.
SENTENCE_MARKER, STATIC_MARKER = "modules.json", "config.json"
_AT_ONCE = 4096
# Version of the cached vectors.
_VERSION = 1


def teacher_vectors(path: str, store: SentenceStore, cache: Path | None = None) -> np.ndarray:
    """Return the teacher's vector of each sentence.

    Args:
        path: `.npy` file with a row for each of `store.texts()`, in this order; or the folder of a sentence-transformers or
            model2vec model (`package:NAME/FOLDER` for a folder in an installed package), whose vectors are cached. If there
            is a file `NAME.sha256` beside `NAME.npy`, it must contain `store.digest`.
        store: The sentences.
        cache: Cache folder.

    Returns:
        The vectors, memory-mapped. *Shape:* `(num_sentences, dim)`.

    Raises:
        ConfigError: The teacher does not exist, or its library is not installed.
        DataError: The rows of the file do not match the sentences.
    """
    if path.endswith(".npy"):
        return _read(Path(path).expanduser(), store)
    folder, is_static = _find(path)
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    key = {"teacher": identity(files), "text": store.digest, "version": _VERSION}

    def make() -> Entry:
        model = load_static(path, str(folder)) if is_static else load_sentence(path, str(folder))
        texts, parts = store.texts(), []
        while some := list(islice(texts, _AT_ONCE)):
            parts.append(_encode(model, is_static, some).astype(np.float16))
        return {"vectors": np.concatenate(parts)}

    vectors: np.ndarray = load_or_make(None if cache is None else cache / "pretraining", key, make)["vectors"]
    return vectors


def _encode(model: Any, is_static: bool, texts: Sequence[str]) -> np.ndarray:
    """Compute normalized vectors, which do not exceed the range of float16."""
    vectors = model.encode(texts) if is_static else model.encode(texts, show_progress_bar=False, convert_to_numpy=True)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12)


def read_rows(path: Path, count: int, what: str, of: str) -> np.ndarray:
    """Memory-map an `.npy` file of floating-point numbers, and check its number of rows.

    Args:
        path: Path of the file.
        count: Expected number of rows.
        what: Name of the argument, for error messages.
        of: Description of the rows, for error messages.

    Raises:
        ConfigError: The file does not exist.
        DataError: The file cannot be read, or has another number of rows.
    """
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{what}: there is no file {path}. Expected an .npy file, or the folder of a model."
        ) from error
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{what}: {path} cannot be read as an .npy file of numbers: {error}.") from error
    if found.ndim != 2 or not np.issubdtype(found.dtype, np.floating) or len(found) != count:
        raise DataError(
            f"{what}: {path} has {found.dtype} values of shape {found.shape}; expected floating-point numbers with a row for "
            f"each of {count:,} {of}."
        )
    rows: np.ndarray = found
    return rows


def _read(path: Path, store: SentenceStore) -> np.ndarray:
    of = "sentences of the text, in the order of PretrainingDataModule.store.texts()"
    vectors = read_rows(path, store.num_sentences, "distill", of)
    beside = path.with_suffix(".sha256")
    if beside.exists() and (digest := beside.read_text(encoding="utf-8").strip()) != store.digest:
        raise DataError(
            f"distill: {path} was computed for other sentences: {beside.name} has the digest {digest[:12]}..., but the text has "
            f"{store.digest[:12]}.... Compute the vectors again for this text and these arguments of the data module."
        )
    return vectors


def _find(path: str) -> tuple[Path, bool]:
    """Return the folder of a model, and whether it is a model2vec model; newer ones have both marker files.

    Raises:
        ConfigError: The model does not exist.
    """
    modules, config = _file(path, SENTENCE_MARKER), _file(path, STATIC_MARKER)
    if modules is not None and (config is None or b"StaticEmbedding" not in modules.read_bytes()):
        return modules.parent, False
    if config is not None:
        return config.parent, True
    raise ConfigError(
        f"distill: there is no teacher at {path}. Expected an .npy file, the folder of a sentence-transformers model (with "
        f"{SENTENCE_MARKER}) or a model2vec model (with {STATIC_MARKER}), or {PACKAGE_SCHEME}NAME/FOLDER."
    )


def _file(path: str, name: str) -> Path | None:
    """Return a file in the folder of a model, or None if it does not exist."""
    try:
        found = locate(f"{path}/{name}")
    except DataError:
        return None
    return found if found.is_file() else None


def load_sentence(name: str, path: str) -> Any:
    """Load a sentence-transformers model.

    Raises:
        ConfigError: The library is not installed, or cannot load the model.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError(f'{name} needs sentence-transformers: pip install "lit_transfer[sentence]".') from error
    try:
        return SentenceTransformer(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name}: sentence-transformers cannot load this model: {error}") from error


def load_static(name: str, path: str) -> Any:
    """Load a model2vec model.

    Raises:
        ConfigError: The library is not installed, or cannot load the model.
    """
    try:
        from model2vec import StaticModel
    except ImportError as error:
        raise ConfigError(f'{name} needs model2vec: pip install "lit_transfer[static]".') from error
    try:
        return StaticModel.from_pretrained(path)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{name}: model2vec cannot load this model: {error}") from error
