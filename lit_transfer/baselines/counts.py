"""Baselines on counted words: the majority class, TF-IDF, and NBSVM."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import Self

from lit_transfer.baselines.baseline import Baseline, Inputs, Settings
from lit_transfer.baselines.regression import CANDIDATES, STRENGTH, RegressionBaseline, size_of
from lit_transfer.baselines.saved_parts import read_parts, write_parts
from lit_transfer.data.tokenized import TokenizedTexts
from lit_transfer.tasks import Task
from lit_transfer.tokenizers.normalization import normalize

# Added to the count of each feature in each class (Wang and Manning 2012, section 2.1).
_SMOOTHING = 1.0


def as_it_is(words: Sequence[str]) -> Sequence[str]:
    """Return tokenized words unchanged."""
    return words


# Arguments of scikit-learn's vectorizers for tokenized texts.
UNIGRAMS_AND_BIGRAMS: dict[str, Any] = {
    "ngram_range": (1, 2),
    "tokenizer": as_it_is,
    "lowercase": False,
    "token_pattern": None,
}


class Majority(Baseline):
    """The class frequencies of the training texts as the probabilities of every text."""

    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Count the classes."""
        self.shares = task.counts(train.labels) / len(train)
        self.size = size_of(self.shares)
        return self

    def predict_proba(self, inputs: Inputs) -> np.ndarray:
        """Return the class frequencies for each text. *Shape:* `(texts, num_classes)`."""
        return np.tile(self.shares, (len(inputs), 1))

    def knows(self, words: Sequence[str]) -> list[bool]:
        """Return False: no word has an influence."""
        return [False] * len(words)

    def save(self, folder: Path) -> None:
        """Write the class frequencies."""
        write_parts(folder, shares=self.shares)

    def load(self, folder: Path, task: Task) -> Self:
        """Read the class frequencies."""
        self.shares = read_parts(folder)["shares"]
        return self


class Tfidf(RegressionBaseline):
    """Logistic regression on TF-IDF features: unigrams and bigrams of words, or n-grams of 1 to 3 characters."""

    def __init__(self, name: str, settings: Settings | None = None) -> None:
        super().__init__(name, settings)
        self.characters = name == "tfidf:characters"

    def fit_features(self, train: Inputs) -> Any:
        """Fit the vectorizer, and return the TF-IDF features. *Shape:* `(texts, features)`."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        if self.characters:
            self.vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), preprocessor=composed)
        else:
            self.vectorizer = TfidfVectorizer(**UNIGRAMS_AND_BIGRAMS)
        return self.vectorizer.fit_transform(self._read(train))

    def features(self, inputs: Inputs) -> Any:
        """Return the TF-IDF features. *Shape:* `(texts, features)`."""
        return self.vectorizer.transform(self._read(inputs))

    def fitted(self, model: Any, task: Task, settings: Settings | None = None) -> Self:
        """Set the regression."""
        super().fitted(model, task, settings)
        self.size += size_of(self.vectorizer)
        return self

    def _read(self, inputs: Inputs) -> Sequence[Any]:
        return inputs.texts if self.characters else words_of(inputs.tokens)

    def knows(self, words: Sequence[str]) -> list[bool]:
        """Return whether each word is a feature."""
        return [self.characters or word in self.vectorizer.vocabulary_ for word in words]

    def save(self, folder: Path) -> None:
        """Write the vectorizer and the regression."""
        write_parts(folder, vectorizer=self.vectorizer, model=self.model)

    def load(self, folder: Path, task: Task) -> Self:
        """Read the vectorizer and the regression."""
        parts = read_parts(folder)
        self.vectorizer = parts["vectorizer"]
        return self.fitted(parts["model"], task)


class TfidfOfCharacters(Tfidf):
    """`Tfidf` with n-grams of characters, which reads the texts rather than their words."""

    reads_words = False


class NBSVM(Baseline):
    """Logistic regression on log-count ratios of unigrams and bigrams, one class against the others.

    Source: Wang and Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification". A feature is
    whether an n-gram occurs in the text, multiplied by the logarithm of the ratio of its smoothed frequencies in the class and
    in the other classes. Logistic regression takes the place of the support vector machine, so that there are probabilities.
    """

    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Fit the ratios and the regressions."""
        from sklearn.feature_extraction.text import CountVectorizer

        self.vectorizer = CountVectorizer(**UNIGRAMS_AND_BIGRAMS, binary=True)
        features = self.vectorizer.fit_transform(words_of(train.tokens)).astype(np.float64)
        counts = task.counts(train.labels)
        known = np.flatnonzero(counts)
        self.classes, self.others = known, known[:0]
        if task.several:
            self.classes = np.flatnonzero((counts > 0) & (counts < len(train)))
        elif len(known) == 2:  # the second class against the first
            self.classes, self.others = known[1:], known[:1]
        # For a class of all training texts, or of none.
        self.constant = (counts == len(train)).astype(np.float64)
        ratios = [log_count_ratio(features, task.members(train.labels, number)) for number in self.classes.tolist()]
        val_features = None if val is None else self.vectorizer.transform(words_of(val.tokens))

        def fit(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
            models = [
                _fit_one(features, ratio, task.members(train.labels, number), settings[STRENGTH])
                for number, ratio in zip(self.classes.tolist(), ratios, strict=True)
            ]
            coefficients = np.array([ratio * model.coef_[0] for ratio, model in zip(ratios, models, strict=True)])
            return coefficients, np.array([float(model.intercept_[0]) for model in models])

        self.coefficients, self.intercepts = self.select(
            CANDIDATES, fit, lambda fitted: self._probabilities(task, val_features, *fitted), val, task
        )
        return self._fitted(task)

    def _fitted(self, task: Task) -> Self:
        self.task = task
        self.trainable = int(self.coefficients.size + self.intercepts.size)
        self.size = size_of(self.vectorizer, self.coefficients, self.intercepts)
        return self

    def _probabilities(self, task: Task, features: Any, coefficients: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
        from scipy.special import expit

        each = expit(features @ coefficients.T + intercepts)  # (texts, classes)
        if task.several:
            probabilities = np.tile(self.constant, (features.shape[0], 1))
            probabilities[:, self.classes] = each
            return probabilities
        probabilities = np.zeros((features.shape[0], task.num_classes))
        if len(self.others):
            each = np.concatenate([1 - each, each], axis=1)
        probabilities[:, [*self.others, *self.classes]] = each / each.sum(axis=1, keepdims=True).clip(min=1e-300)
        return probabilities

    def predict_proba(self, inputs: Inputs) -> np.ndarray:
        """Return class probabilities. *Shape:* `(texts, num_classes)`."""
        features = self.vectorizer.transform(words_of(inputs.tokens))
        return self._probabilities(self.task, features, self.coefficients, self.intercepts)

    def knows(self, words: Sequence[str]) -> list[bool]:
        """Return whether each word is a feature."""
        return [word in self.vectorizer.vocabulary_ for word in words]

    def save(self, folder: Path) -> None:
        """Write the vectorizer and the coefficients."""
        names = ("vectorizer", "coefficients", "intercepts", "classes", "others", "constant", "settings")
        write_parts(folder, **{name: getattr(self, name) for name in names})

    def load(self, folder: Path, task: Task) -> Self:
        """Read the vectorizer and the coefficients."""
        for name, part in read_parts(folder).items():
            setattr(self, name, part)
        return self._fitted(task)


def log_count_ratio(features: Any, positive: np.ndarray) -> np.ndarray:
    """Return the logarithm of the ratio of smoothed feature frequencies in a class and in the others. *Shape:* `(features,)`.

    The features are a sparse matrix, *shape* `(texts, features)`; `positive` says which texts are of the class, *shape*
    `(texts,)`, bool.
    """
    inside, outside = (_SMOOTHING + np.asarray(features[rows].sum(axis=0)).ravel() for rows in (positive, ~positive))
    return np.log(inside / inside.sum()) - np.log(outside / outside.sum())


def _fit_one(features: Any, ratio: np.ndarray, positive: np.ndarray, strength: float) -> Any:
    """Fit the regression of one class on features multiplied by their ratios."""
    from scipy.sparse import diags_array
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about convergence, as in `logistic_regression`
        return LogisticRegression(C=strength, max_iter=1000).fit(features @ diags_array(ratio), positive)


def words_of(texts: TokenizedTexts) -> list[list[str]]:
    """Return the words of each text; a text without words is one empty word."""
    words = np.asarray(texts.words, dtype=object)[texts.numbers].tolist()
    bounds = texts.offsets.tolist()
    return [words[a:b] for a, b in pairwise(bounds)]


def composed(text: str) -> str:
    """Return a text as the tokenizers read it: normalized, in lower case."""
    return normalize(text).lower()
