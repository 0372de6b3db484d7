"""Detection of probably wrong labels: confident learning on out-of-fold probabilities, and texts with two labels.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", implemented in cleanlab.
"""

from __future__ import annotations

import importlib
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lit_transfer.baselines.counts import as_it_is, words_of
from lit_transfer.baselines.mean_vectors import average
from lit_transfer.baselines.regression import all_classes
from lit_transfer.data.tokenized import TokenizedTexts
from lit_transfer.errors import ConfigError, DataError, missing_package
from lit_transfer.vectors.lookup import VectorSource

# Inverse regularization strength of the classifiers.
STRENGTH = 10.0


@dataclass(frozen=True)
class Issue:
    """A text whose label is probably wrong.

    Attributes:
        row: Row number of the text.
        given: Given label.
        suggested: Most probable label, from out-of-fold probabilities.
        quality: Probability of the given label, 0 to 1; issues are sorted by it.
        confidence: Probability of the suggested label, 0 to 1.
    """

    row: int
    given: int
    suggested: int
    quality: float
    confidence: float


def out_of_fold(
    texts: TokenizedTexts, labels: np.ndarray, num_classes: int, source: VectorSource | None, folds: int, seed: int
) -> np.ndarray:
    """Return out-of-fold class probabilities.

    They are the average of two logistic regressions: on unigrams and bigrams (TF-IDF) and, with vectors, on the mean word
    vector of a text.

    Args:
        texts: Tokenized texts.
        labels: Class indices. *Shape:* `(texts,)`.
        num_classes: Number of classes.
        source: Pretrained vectors, or None.
        folds: Number of folds; reduced to the size of the smallest class, but at least 2.
        seed: Seed of the folds.

    Returns:
        Class probabilities. *Shape:* `(texts, num_classes)`.

    Raises:
        DataError: Fewer than two classes have at least two texts.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    counts = np.bincount(labels, minlength=num_classes)
    if (counts > 1).sum() < 2:
        raise DataError(
            f"Expected at least two classes with at least two texts each, got {counts.max()} texts of the largest class "
            f"and {len(labels)} in total. Give more labelled texts."
        )
    words = words_of(texts)
    averages = None if source is None else average(texts, source)
    folds = max(2, min(folds, int(counts[counts > 1].min())))
    probabilities = np.zeros((len(labels), num_classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about small classes, and about convergence
        for train, rest in StratifiedKFold(folds, shuffle=True, random_state=seed).split(words, labels):
            parts = [counted([words[i] for i in train], [words[i] for i in rest])]
            if averages is not None:
                parts.append((averages[train], averages[rest]))
            for known, unknown in parts:
                model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(known, labels[train])
                probabilities[rest] += all_classes(model, unknown, num_classes) / len(parts)
    return probabilities


def counted(train: list[list[str]], rest: list[list[str]]) -> tuple[Any, Any]:
    """Return TF-IDF features of unigrams and bigrams of two lists of tokenized texts, fitted to the first."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), tokenizer=as_it_is, lowercase=False, token_pattern=None)
    return vectorizer.fit_transform(train), vectorizer.transform(rest)


def import_cleanlab(module: str) -> Any:
    """Import a module of cleanlab.

    Raises:
        ConfigError: Cleanlab is not installed.
    """
    try:
        return importlib.import_module(f"cleanlab.{module}")
    except ImportError as error:
        raise ConfigError(missing_package("The search for wrong labels", "cleanlab", "audit", error)) from error


def find_issues(labels: np.ndarray, probabilities: np.ndarray) -> list[Issue]:
    """Return the texts whose label is probably wrong, sorted by quality.

    Args:
        labels: Given class indices. *Shape:* `(texts,)`.
        probabilities: Out-of-fold class probabilities. *Shape:* `(texts, num_classes)`.

    Raises:
        ConfigError: Cleanlab is not installed.
    """
    find_label_issues = import_cleanlab("filter").find_label_issues
    used = np.unique(labels)  # cleanlab requires a text of each class
    place = np.searchsorted(used, labels)
    kept = probabilities[:, used]
    kept = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = find_label_issues(place, kept, return_indices_ranked_by="self_confidence", n_jobs=1)
    suggested = kept.argmax(axis=1)
    return [
        Issue(
            int(row), int(labels[row]), int(used[suggested[row]]), float(kept[row, place[row]]), float(kept[row].max())
        )
        for row in rows
    ]


def contradicting(texts: Sequence[str], labels: np.ndarray) -> list[list[int]]:
    """Return groups of rows with the same text, ignoring case and white space, but different labels."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        rows[" ".join(text.casefold().split())].append(row)
    return [group for key, group in rows.items() if key and len({int(labels[row]) for row in group}) > 1]
