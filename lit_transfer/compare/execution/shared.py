"""Data shared by the runs of a comparison: tokenized texts and vectors, each read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.execution.texts import ComparedTexts
from lit_transfer.compare.plan import RunSpec
from lit_transfer.datamodule import TextDataModule
from lit_transfer.encoders.sentence_encoder import SENTENCE, STATIC, EncodedTexts, encode_once
from lit_transfer.errors import LitTransferError
from lit_transfer.vectors.lookup import VectorSource


@dataclass
class Shared:
    """Data and configuration needed to execute any run.

    Attributes:
        config: Configuration of the comparison.
        texts: All texts, tokenized.
        vectors: Vectors of the words of these texts, by file.
        encoded: Vectors of whole texts, by kind of baseline.
        others: The same texts for methods with other data arguments, by those arguments.
    """

    config: Configuration
    texts: ComparedTexts
    vectors: dict[str, VectorSource]
    encoded: Mapping[str, EncodedTexts]
    others: Mapping[str, ComparedTexts]

    def data_of(self, run: RunSpec) -> TextDataModule:
        """Return the data module of a run; the sample of training texts depends on `seed_everything`."""
        view = self.others.get(run.method.data, self.texts).of(run)
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
    own = dict.fromkeys(run.method for run in runs if run.method.data)
    others = {method.data: ComparedTexts.read(config.with_data(**method.data_arguments)) for method in own}
    data = texts.data
    words = list(dict.fromkeys(word for each in (texts, *others.values()) for word in each.words()))
    wanted = dict.fromkeys(run.method.vectors for run in runs if run.method.vectors is not None)
    vectors = {file: source_of(data, file).in_memory(words, data.arguments.cache_folder) for file in wanted}
    models = [kind for kind in kinds if kind.startswith((SENTENCE, STATIC))]
    encoded = {model: encode_once(model, list(texts.texts())) for model in models}
    return Shared(config, texts, vectors, encoded, others)


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
