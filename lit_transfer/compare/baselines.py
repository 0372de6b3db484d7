"""What one would do without a network: guess the most frequent class, or put a logistic regression on counted words."""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from lit_transfer.compare.plan import MAJORITY, SENTENCE, TFIDF
from lit_transfer.data.corpus import SPLITS
from lit_transfer.data.tokenized import TokenizedTexts
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.files import PACKAGE_SCHEME, locate

# Inverse strengths of the logistic regression's penalty; the validation split chooses.
STRENGTHS = (0.1, 1.0, 10.0, 100.0)

# The file that every folder of a sentence-transformers model has.
MODULES = "modules.json"


@dataclass(frozen=True)
class SentenceVectors:
    """What a sentence-transformers model makes of texts; it reads each once for all runs.

    Attributes:
        vectors: by text, of length 1.
        seconds: that it took to read a text, in the mean.
    """

    vectors: Mapping[str, np.ndarray]
    seconds: float


def classify(name: str, data: TextDataModule, sentences: SentenceVectors | None = None) -> np.ndarray:
    """Trains a baseline on the train split and classifies the test split.

    Args:
        name: `majority`, `tfidf` or `sentence:PATH`.
        data: the same rows that the network gets, and the same words of them.
        sentences: vectors of all texts, for `sentence:PATH`.

    Returns:
        The classes' probabilities. *Shape:* `(texts, num_classes)`.
    """
    if name == MAJORITY:
        counts = np.array(data.class_counts, dtype=float)
        return np.tile(counts / counts.sum(), (len(data.split("test")), 1))
    if name.startswith(SENTENCE):
        assert sentences is not None
        features = [np.stack([sentences.vectors[text] for text in data.split(part).texts]) for part in SPLITS]
    else:
        features = _tfidf([words_of(data.tokens(part)) for part in SPLITS])
    labels = [data.split(part).labels for part in SPLITS]
    return _regression(features, labels[0], labels[1], len(data.labels))


def check_installed(name: str) -> None:
    """Whether a baseline's library is there, before anything is trained.

    Raises:
        ConfigError: it is not.
    """
    if name == TFIDF or name.startswith(SENTENCE):
        _sklearn("linear_model")


def words_of(texts: TokenizedTexts) -> list[list[str]]:
    """The words of each text."""
    words = np.asarray(texts.words, dtype=object)[texts.numbers].tolist()
    bounds = texts.offsets.tolist()
    return [words[a:b] for a, b in pairwise(bounds)]


def _tfidf(parts: Sequence[list[list[str]]]) -> list[Any]:
    """Words and pairs of words, weighted by their rareness in the train split."""
    text = _sklearn("feature_extraction.text")
    vectorizer = text.TfidfVectorizer(ngram_range=(1, 2), tokenizer=_as_it_is, lowercase=False, token_pattern=None)
    return [vectorizer.fit_transform(parts[0]), *(vectorizer.transform(part) for part in parts[1:])]


def _as_it_is(words: list[str]) -> list[str]:
    return words


def _regression(features: Sequence[Any], train: Any, val: Any, num_classes: int) -> np.ndarray:
    """Logistic regression whose penalty the validation split chooses, the strongest of equals."""
    linear_model = _sklearn("linear_model")
    best_score, best = -1.0, None
    for strength in STRENGTHS:
        model = linear_model.LogisticRegression(C=strength, max_iter=1000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a weak penalty that has not converged is simply not chosen
            model.fit(features[0], train)
        score = model.score(features[1], val)
        if score > best_score:
            best_score, best = score, model
    assert best is not None
    probabilities = np.zeros((features[2].shape[0], num_classes))
    probabilities[:, best.classes_] = best.predict_proba(features[2])
    return probabilities


def sentence_vectors(path: str, texts: Sequence[str]) -> SentenceVectors:
    """What a frozen sentence-transformers model makes of texts; each text is computed once.

    Args:
        path: a model's folder, `package:NAME/FOLDER` for one inside an installed package, or its name on the hub.
        texts: the texts.

    Raises:
        ConfigError: sentence-transformers is not installed, or cannot load the model.
        DataError: the package is not installed or has no model in that folder.
    """
    folder = locate(f"{path}/{MODULES}").parent if path.startswith(PACKAGE_SCHEME) else path
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ConfigError(
            f"The baseline {SENTENCE}{path} needs sentence-transformers: pip install 'lit_transfer[sentence]'."
        ) from error
    try:
        model = SentenceTransformer(str(folder))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{SENTENCE}{path}: sentence-transformers cannot load this model: {error}") from error
    different = list(dict.fromkeys(texts))
    start = time.perf_counter()
    vectors = model.encode(different, show_progress_bar=False, convert_to_numpy=True, normalize_embeddings=True)
    seconds = (time.perf_counter() - start) / len(different)
    return SentenceVectors(dict(zip(different, vectors, strict=True)), seconds)


def _sklearn(module: str) -> Any:
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ConfigError(
            "The baselines need scikit-learn: pip install 'lit_transfer[compare]', or set --compare.baselines '[majority]'."
        ) from error
