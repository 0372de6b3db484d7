"""Data shared by the runs of a comparison: tokenized texts and vectors, each read once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.plan import RunSpec
from lit_transfer.config.fit import build
from lit_transfer.data.corpus import SPLITS
from lit_transfer.data.tokenized import NO_WORD
from lit_transfer.datamodule import TextDataModule
from lit_transfer.encoders.sentence_encoder import SENTENCE, STATIC, EncodedTexts, encode_once
from lit_transfer.errors import ConfigError, LitTransferError
from lit_transfer.vectors.lookup import VectorSource


class KnownVectors(VectorSource):
    """Vectors of a fixed set of words, looked up once and kept in memory.

    Args:
        source: Source of the vectors.
        words: Words to look up; only these can be looked up later.
        cache: Folder of the cache, or None.
    """

    def __init__(self, source: VectorSource, words: Sequence[str], cache: Path | None) -> None:
        super().__init__(**{field.name: getattr(source, field.name) for field in fields(source)})
        matrix, form = source.lookup(words, cache)
        object.__setattr__(self, "_known", (matrix, form, {word: row for row, word in enumerate(words)}))

    def lookup(self, words: Sequence[str], cache: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Look up vectors as `VectorSource.lookup` does, but in memory."""
        matrix, form, row_of = self._known  # type: ignore[attr-defined]
        rows = [row_of[word] for word in words]
        return matrix[rows], form[rows]


@dataclass
class Shared:
    """Data and configuration needed to execute any run.

    Attributes:
        config: Configuration of the comparison.
        data: Data module with all texts, tokenized.
        vectors: Vectors of the words of these texts, by file.
        encoded: Vectors of whole texts, by kind of baseline.
    """

    config: Configuration
    data: TextDataModule
    vectors: dict[str, KnownVectors]
    encoded: Mapping[str, EncodedTexts]

    def data_of(self, run: RunSpec) -> TextDataModule:
        """Return the data module of a run; the sample of training texts depends on `seed_everything`."""
        view = self.data.with_train_size(run.train_size)
        view.vectors = None if run.method.vectors is None else self.vectors[run.method.vectors]
        return view


def read_data(config: Configuration) -> TextDataModule:
    """Return the data module with all splits read and tokenized.

    Raises:
        LitTransferError: A split is missing or invalid.
    """
    # The lookup settings are the same for all files.
    files = [*config.vectors, *(method.vectors for method in config.methods if method.vectors is not None)]
    data = config.data.plain(vectors=files[0] if files else None)
    _, module, _ = build({"model": config.model.plain(), "data": data, "trainer": config.trainer})
    if module.train_size is not None:
        raise ConfigError(
            f"data.train_size is {module.train_size}, but a comparison uses compare.train_sizes. Remove it."
        )
    for part in SPLITS:
        module.tokens(part)
    return module


def digest_of(data: TextDataModule) -> str:
    """Return a hash of all texts and labels, to detect changes."""
    digest = hashlib.sha256()
    for part in SPLITS:
        split = data.split(part)
        assert split.labels is not None
        digest.update(split.labels.tobytes())
        for text in split.texts:
            digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:16]


def share(config: Configuration, data: TextDataModule, runs: Sequence[RunSpec]) -> Shared:
    """Read the vectors that the runs need, and encode texts for sentence encoders.

    Raises:
        LitTransferError: Vectors or a model cannot be read, or a library of a baseline is not installed.
    """
    kinds = list(dict.fromkeys(run.method.kind for run in runs if run.method.is_baseline))
    for kind in kinds:
        make_baseline(kind).check_installed()
    words = list(dict.fromkeys(word for part in SPLITS for word in data.tokens(part).words if word != NO_WORD))
    wanted = dict.fromkeys(run.method.vectors for run in runs if run.method.vectors is not None)
    vectors = {file: KnownVectors(source_of(data, file), words, data.cache) for file in wanted}
    models = [kind for kind in kinds if kind.startswith((SENTENCE, STATIC))]
    texts = [text for part in SPLITS for text in data.split(part).texts] if models else []
    return Shared(config, data, vectors, {model: encode_once(model, texts) for model in models})


def source_of(data: TextDataModule, file: str) -> VectorSource:
    """Return a source of the vectors of a file, with the lookup settings of the data module."""
    assert data.vectors is not None
    return replace(data.vectors, path=file)


def content_of(data: TextDataModule, file: str) -> str:
    """Return a key that identifies the contents of a vectors file; empty if it cannot be read, which the run reports."""
    try:
        return source_of(data, file).open().digest()[:16]
    except LitTransferError:
        return ""
