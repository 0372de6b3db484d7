"""A baseline by its name."""

from __future__ import annotations

from collections.abc import Mapping

from lit_transfer.compare.baselines.classical import majority, mean, tfidf
from lit_transfer.compare.baselines.encoders import TextVectors, classify_vectors
from lit_transfer.compare.baselines.fasttext import fasttext_classifier, library
from lit_transfer.compare.baselines.fitted import Fitted
from lit_transfer.compare.plan import FASTTEXT, FASTTEXT_VECTORS, MAJORITY, MEAN, TFIDF, Way
from lit_transfer.datamodule import TextDataModule
from lit_transfer.vectors.lookup import VectorSource


def classify(
    way: Way,
    data: TextDataModule,
    seed: int,
    source: VectorSource | None = None,
    encoded: Mapping[str, TextVectors] | None = None,
) -> Fitted:
    """Train a baseline on the train split and classify the test split.

    Args:
        way: The baseline.
        data: The same rows that the networks get, and the same words of them.
        seed: Where the baseline depends on one.
        source: The pretrained vectors, where it uses them.
        encoded: The vectors of all texts, by the baseline's kind.
    """
    if way.kind == MAJORITY:
        return majority(data)
    if way.kind == TFIDF:
        return tfidf(data)
    if way.kind == MEAN:
        assert source is not None
        return mean(data, source)
    if way.kind in (FASTTEXT, FASTTEXT_VECTORS):
        return fasttext_classifier(data, source, seed)
    assert encoded is not None
    return classify_vectors(data, encoded[way.kind])


def check_installed(kind: str) -> None:
    """Check a baseline's library before anything is trained.

    Raises:
        ConfigError: It is not installed.
    """
    if kind in (FASTTEXT, FASTTEXT_VECTORS):
        library()
