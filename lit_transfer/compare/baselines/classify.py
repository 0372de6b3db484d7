"""Training and prediction of a baseline by name."""

from __future__ import annotations

from collections.abc import Mapping

from lit_transfer.compare.baselines.classical import majority, mean, tfidf
from lit_transfer.compare.baselines.encoders import TextVectors, classify_vectors
from lit_transfer.compare.baselines.fasttext import fasttext_classifier, library
from lit_transfer.compare.baselines.fitted import Fitted
from lit_transfer.compare.plan import BY_FASTTEXT, FASTTEXT_SUBWORDS, MAJORITY, MEAN, TFIDF, TFIDF_CHARACTERS, Way
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
        data: Data module with the same texts and tokens as for the networks.
        seed: Seed, if the baseline depends on one.
        source: The pretrained vectors, if the baseline uses them.
        encoded: Vectors of all texts, by kind of baseline.

    Returns:
        The fitted baseline.
    """
    if way.kind == MAJORITY:
        return majority(data)
    if way.kind in (TFIDF, TFIDF_CHARACTERS):
        return tfidf(data, characters=way.kind == TFIDF_CHARACTERS)
    if way.kind == MEAN:
        assert source is not None
        return mean(data, source)
    if way.kind in BY_FASTTEXT:
        return fasttext_classifier(data, source, seed, subwords=way.kind == FASTTEXT_SUBWORDS)
    assert encoded is not None
    return classify_vectors(data, encoded[way.kind])


def check_installed(kind: str) -> None:
    """Check that the library of a baseline is installed.

    Raises:
        ConfigError: The library is not installed.
    """
    if kind in BY_FASTTEXT:
        library()
