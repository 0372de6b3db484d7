"""Which labels are probably wrong: out-of-fold probabilities, judged by confident learning, and texts with two labels.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", as the library cleanlab has it.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lit_transfer.compare.baselines.classical import as_it_is, average, words_of
from lit_transfer.compare.baselines.fitted import all_classes
from lit_transfer.data.tokenized import TokenizedTexts
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.vectors.lookup import VectorSource

# Inverse strength of the classifiers' penalty.
STRENGTH = 10.0


@dataclass(frozen=True)
class Issue:
    """A text whose label is probably wrong.

    Attributes:
        row: Number of the text.
        given: Its label.
        suggested: The most probable label, by classifiers that did not see this text.
        quality: Probability of the given label, 0 to 1; the lowest come first.
        confidence: Probability of the suggested one.
    """

    row: int
    given: int
    suggested: int
    quality: float
    confidence: float


def out_of_fold(
    texts: TokenizedTexts, labels: np.ndarray, num_classes: int, source: VectorSource | None, folds: int, seed: int
) -> np.ndarray:
    """Return the probabilities of each text's classes by classifiers that were not trained on it.

    The average of two logistic regressions: on words and pairs of words (TF-IDF) and, if there are vectors, on the average of
    the words' vectors.

    Args:
        texts: The texts' words.
        labels: Their labels. *Shape:* `(texts,)`.
        num_classes: Number of classes.
        source: Pretrained vectors, or None.
        folds: Parts that take turns being left out; fewer where a class has fewer texts, but never fewer than 2.
        seed: Of how the texts are dealt out.

    Returns:
        *Shape:* `(texts, num_classes)`.

    Raises:
        DataError: There are not at least two texts of two classes.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    counts = np.bincount(labels, minlength=num_classes)
    if (counts > 1).sum() < 2:
        raise DataError(
            f"To audit labels takes two classes with at least two texts each, got {counts.max()} texts of the largest class "
            f"and {len(labels)} in all."
        )
    words = words_of(texts)
    averages = None if source is None else average(texts, source)
    folds = max(2, min(folds, int(counts[counts > 1].min())))
    probabilities = np.zeros((len(labels), num_classes))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with fewer texts than folds, and of weak penalties
        for train, rest in StratifiedKFold(folds, shuffle=True, random_state=seed).split(words, labels):
            parts = [_counted([words[i] for i in train], [words[i] for i in rest])]
            if averages is not None:
                parts.append((averages[train], averages[rest]))
            for known, unknown in parts:
                model = LogisticRegression(C=STRENGTH, max_iter=1000).fit(known, labels[train])
                probabilities[rest] += all_classes(model, unknown, num_classes) / len(parts)
    return probabilities


def _counted(train: list[list[str]], rest: list[list[str]]) -> tuple[Any, Any]:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), tokenizer=as_it_is, lowercase=False, token_pattern=None)
    return vectorizer.fit_transform(train), vectorizer.transform(rest)


def find_issues(labels: np.ndarray, probabilities: np.ndarray) -> list[Issue]:
    """Return the texts whose label is probably wrong, the least credible first.

    Args:
        labels: The given labels. *Shape:* `(texts,)`.
        probabilities: out-of-fold. *Shape:* `(texts, num_classes)`.

    Raises:
        ConfigError: Cleanlab is not installed.
    """
    try:
        from cleanlab.filter import find_label_issues
    except ImportError as error:
        raise ConfigError('`lightning audit` needs cleanlab: pip install "lit_transfer[audit]".') from error
    used = np.unique(labels)  # cleanlab wants each class to have a text
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
    """Return groups of rows whose text is the same, but for case and spaces, and whose labels differ."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        rows[" ".join(text.casefold().split())].append(row)
    return [group for key, group in rows.items() if key and len({int(labels[row]) for row in group}) > 1]
