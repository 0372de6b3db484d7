"""Sentence vectors of a teacher: a file, or a pretrained sentence encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lit_transfer.encoders.stored_vectors import cached_vectors, read_rows
from lit_transfer.errors import DataError
from lit_transfer.files import expanded
from lit_transfer.pretraining.unlabelled.store import SentenceStore

_ROLE = "distill"


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
        return _read(expanded(path), store)
    return cached_vectors(path, store.texts(), store.digest, _ROLE, None if cache is None else cache / "pretraining")


def _read(path: Path, store: SentenceStore) -> np.ndarray:
    of = "sentences of the text, in the order of PretrainingDataModule.store.texts()"
    vectors = read_rows(path, store.num_sentences, _ROLE, of)
    beside = path.with_suffix(".sha256")
    if beside.exists() and (digest := beside.read_text(encoding="utf-8").strip()) != store.digest:
        raise DataError(
            f"{_ROLE}: {path} was computed for other sentences: {beside.name} has the digest {digest[:12]}..., but the text has "
            f"{store.digest[:12]}.... Compute the vectors again for this text and these arguments of the data module."
        )
    return vectors
