"""Classical baselines: majority class, TF-IDF, and mean word vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from lit_transfer.compare.baselines.fitted import (
    Fitted,
    all_classes,
    fit_regression,
    parameters_of,
    size_of,
    timed,
)
from lit_transfer.data.corpus import SPLITS
from lit_transfer.data.tokenized import NO_WORD, TokenizedTexts
from lit_transfer.datamodule import TextDataModule
from lit_transfer.tokenizers.normalization import normalize
from lit_transfer.vectors.lookup import VectorSource


def majority(data: TextDataModule) -> Fitted:
    """Predict the class frequencies of the train split for every text."""
    counts = np.array(data.class_counts, dtype=float)
    shares = counts / counts.sum()
    probabilities, seconds = timed(lambda: np.tile(shares, (len(data.split("test")), 1)))
    return Fitted(probabilities, 0, size_of(shares), seconds)


def tfidf(data: TextDataModule, characters: bool = False) -> Fitted:
    """Fit a logistic regression on TF-IDF features.

    Args:
        data: Data module with the texts.
        characters: Whether the features are n-grams of 1 to 3 characters, rather than unigrams and bigrams of words.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts: Iterator[Sequence[Any]]
    if characters:
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), preprocessor=composed)
        texts = (data.split(part).texts for part in SPLITS)
    else:
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), tokenizer=as_it_is, lowercase=False, token_pattern=None)
        texts = (words_of(data.tokens(part)) for part in SPLITS)
    train, val, test = texts
    features = vectorizer.fit_transform(train)
    model = fit_regression(features, data.split("train").labels, vectorizer.transform(val), data.split("val").labels)
    probabilities, seconds = timed(lambda: all_classes(model, vectorizer.transform(test), len(data.labels)))
    return Fitted(probabilities, parameters_of(model), size_of(vectorizer, model), seconds)


def mean(data: TextDataModule, source: VectorSource) -> Fitted:
    """Fit a logistic regression on the mean word vector of each text.

    Words without a vector are ignored; a text without vectors has the zero vector. Words outside the train split are
    included if they have a vector.

    Args:
        data: Data module with the texts.
        source: The pretrained vectors.
    """
    train, val, test = (data.tokens(part) for part in SPLITS)
    features = average(train, source)
    model = fit_regression(features, data.split("train").labels, average(val, source), data.split("val").labels)
    probabilities, seconds = timed(lambda: all_classes(model, average(test, source), len(data.labels)))
    vectors = (
        4 * features.shape[1] * len(np.unique(train.numbers))
    )  # bytes of the vectors of the train split's words, in float32
    return Fitted(probabilities, parameters_of(model), size_of(model) + vectors, seconds)


def average(texts: TokenizedTexts, source: VectorSource) -> np.ndarray:
    """Return the mean vector of each text, over words with a vector. *Shape:* `(texts, embedding_dim)`."""
    words = [word for word in texts.words if word != NO_WORD]
    matrix, form = source.lookup(words)
    row_of = {word: row for row, word in enumerate(words)}
    rows = np.array([row_of.get(word, len(words)) for word in texts.words])
    matrix = np.concatenate([matrix, np.zeros((1, matrix.shape[1]), dtype=np.float32)])
    found = np.append(np.asarray(form) >= 0, False)
    numbers = rows[texts.numbers]
    vectors = np.where(found[numbers][:, None], matrix[numbers], 0.0)
    sums = np.add.reduceat(vectors, texts.offsets[:-1], axis=0, dtype=np.float64)
    counts = np.add.reduceat(found[numbers].astype(np.int64), texts.offsets[:-1])
    return sums / np.maximum(counts, 1)[:, None]


def words_of(texts: TokenizedTexts) -> list[list[str]]:
    """Return the words of each text."""
    words = np.asarray(texts.words, dtype=object)[texts.numbers].tolist()
    bounds = texts.offsets.tolist()
    return [words[a:b] for a, b in pairwise(bounds)]


def composed(text: str) -> str:
    """Return a text as the tokenizers read it: normalized, in lower case."""
    return normalize(text).lower()


def as_it_is(words: Sequence[str]) -> Sequence[str]:
    """Return tokenized words unchanged."""
    return words
