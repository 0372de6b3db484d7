"""Data shared by the runs of a comparison: tokenized texts and vectors, each read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.plan import RunSpec
from lit_transfer.datamodule import TextDataModule
from lit_transfer.encoders.sentence_encoder import SENTENCE, STATIC, EncodedTexts, encode_once
from lit_transfer.errors import LitTransferError
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
        texts: All texts, tokenized.
        vectors: Vectors of the words of these texts, by file.
        encoded: Vectors of whole texts, by kind of baseline.
    """

    config: Configuration
    texts: ComparedTexts
    vectors: dict[str, KnownVectors]
    encoded: Mapping[str, EncodedTexts]

    def data_of(self, run: RunSpec) -> TextDataModule:
        """Return the data module of a run; the sample of training texts depends on `seed_everything`."""
        view = self.texts.of(run)
        view.vectors = None if run.method.vectors is None else self.vectors[run.method.vectors]
        return view


def share(config: Configuration, texts: ComparedTexts, runs: Sequence[RunSpec]) -> Shared:
    """Read the vectors that the runs need, and encode texts for sentence encoders.

    Raises:
        LitTransferError: Vectors or a model cannot be read, or a library of a baseline is not installed.
    """
    kinds = list(dict.fromkeys(run.method.kind for run in runs if run.method.is_baseline))
    for kind in kinds:
        make_baseline(kind).check_installed()
    data, words = texts.data, texts.words()
    wanted = dict.fromkeys(run.method.vectors for run in runs if run.method.vectors is not None)
    vectors = {file: KnownVectors(source_of(data, file), words, data.cache) for file in wanted}
    models = [kind for kind in kinds if kind.startswith((SENTENCE, STATIC))]
    return Shared(config, texts, vectors, {model: encode_once(model, list(texts.texts())) for model in models})


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
