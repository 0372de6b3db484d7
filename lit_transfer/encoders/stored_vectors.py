"""Vectors of a teacher in a file, or cached on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from lit_transfer.cache import Entry, identity, load_or_make
from lit_transfer.encoders.sentence_encoder import find_encoder, load_encoder
from lit_transfer.errors import ConfigError, DataError

_AT_ONCE = 4096
# Version of the cached vectors.
_VERSION = 1


def cached_vectors(path: str, texts: Iterable[str], digest: str, role: str, cache: Path | None = None) -> np.ndarray:
    """Return the vectors of many texts, memory-mapped, encoded once and then read from the cache.

    Args:
        path: Path of an encoder, without a prefix; see `lit_transfer.encoders.sentence_encoder.load_encoder`.
        texts: The texts, read only if they are not in the cache.
        digest: A hash of the texts.
        role: What the vectors are used for, for error messages.
        cache: Cache folder, or None.

    Returns:
        *Shape:* `(texts, dim)`, float16.

    Raises:
        ConfigError: The model does not exist, or its library is not installed.
    """
    folder, _ = find_encoder(path, role)
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    key = {"teacher": identity(files), "text": digest, "version": _VERSION}

    def make() -> Entry:
        encoder = load_encoder(path, role)
        return {"vectors": np.concatenate([encoder.encode(some).astype(np.float16) for some in _chunks(texts)])}

    vectors: np.ndarray = load_or_make(cache, key, make)["vectors"]
    return vectors


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def read_rows(path: Path, count: int, what: str, of: str) -> np.ndarray:
    """Memory-map an `.npy` file of floating-point numbers, and check its number of rows.

    Messages name the argument (`what`), and what there is a row for (`of`).

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
