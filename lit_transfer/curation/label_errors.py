"""Detection of probably wrong labels: confident learning on out-of-fold probabilities, and texts with two labels.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", and for several labels of a text
Thyagarajan et al. 2022, "Identifying Incorrect Annotations in Multi-Label Classification Data", implemented in cleanlab.
"""

from __future__ import annotations

import importlib
import warnings
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from lit_transfer.baselines.counts import UNIGRAMS_AND_BIGRAMS, words_of
from lit_transfer.baselines.mean_vectors import average
from lit_transfer.baselines.regression import all_classes, logistic_regression
from lit_transfer.data.tokenized import TokenizedTexts
from lit_transfer.errors import ConfigError, DataError, missing_package
from lit_transfer.tasks import Task
from lit_transfer.tasks.iterative import distribute
from lit_transfer.vectors.lookup import VectorSource

# Inverse regularization strength of the classifiers.
STRENGTH = 10.0


def out_of_fold(
    task: Task, texts: TokenizedTexts, targets: np.ndarray, source: VectorSource | None, folds: int, seed: int
) -> np.ndarray:
    """Return out-of-fold class probabilities. *Shape:* `(texts, num_classes)`.

    They are the average of two logistic regressions: on unigrams and bigrams (TF-IDF) and, with vectors, on the mean word
    vector of a text. With several labels, there is a regression for each class.

    Args:
        task: The task.
        texts: Tokenized texts.
        targets: Targets of the texts.
        source: Pretrained vectors, or None.
        folds: Number of folds; with one label, reduced to the size of the smallest class, but at least 2.
        seed: Seed of the folds.

    Raises:
        DataError: There are too few texts of the classes.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = words_of(texts)
    averages = None if source is None else average(texts, source)
    probabilities = np.zeros((len(targets), task.num_classes))
    for rest in _folds(task, targets, folds, seed):
        train = np.setdiff1d(np.arange(len(targets)), rest)
        vectorizer = TfidfVectorizer(**UNIGRAMS_AND_BIGRAMS)
        parts: list[tuple[Any, Any]] = [
            (vectorizer.fit_transform([words[i] for i in train]), vectorizer.transform([words[i] for i in rest]))
        ]
        if averages is not None:
            parts.append((averages[train], averages[rest]))
        for known, unknown in parts:
            model = logistic_regression(task, known, targets[train], STRENGTH)
            probabilities[rest] += all_classes(model, unknown, task.num_classes) / len(parts)
    return probabilities


def _folds(task: Task, targets: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """Return the rows of each fold; unlike those of `Task.folds`, a class with one text does not matter."""
    from sklearn.model_selection import StratifiedKFold

    counts = task.counts(targets)
    if task.several:
        if not ((counts > 1) & (counts < len(targets) - 1)).any():
            raise DataError(
                f"Expected a class with at least two texts inside and outside, got {len(targets)} texts in total. Give more "
                "labelled texts."
            )
        fold_of = distribute(targets, [1 / folds] * folds, seed)
        return [rows for fold in range(folds) if len(rows := np.flatnonzero(fold_of == fold))]
    if (counts > 1).sum() < 2:
        raise DataError(
            f"Expected at least two classes with at least two texts each, got {counts.max()} texts of the largest class "
            f"and {len(targets)} in total. Give more labelled texts."
        )
    splitter = StratifiedKFold(max(2, min(folds, int(counts[counts > 1].min()))), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about small classes
        return [rest for _, rest in splitter.split(targets, targets)]


def find_issues(task: Task, targets: np.ndarray, probabilities: np.ndarray) -> list[int]:
    """Return the rows of the texts whose labels are probably wrong, by confident learning, the least probable first.

    The probabilities are out-of-fold. *Shape:* `(texts, num_classes)`.

    Raises:
        ConfigError: Cleanlab is not installed.
    """
    try:
        module = importlib.import_module(
            "cleanlab." + ("multilabel_classification.filter" if task.several else "filter")
        )
    except ImportError as error:
        raise ConfigError(missing_package("The search for wrong labels", "cleanlab", "audit", error)) from error
    labels: Any
    if task.several:
        used = np.flatnonzero(targets.any(axis=0) & ~targets.all(axis=0))  # cleanlab requires texts inside and outside
        labels, kept = [np.flatnonzero(row).tolist() for row in targets[:, used]], probabilities[:, used]
    else:
        used, labels = np.unique(targets, return_inverse=True)  # cleanlab requires a text of each class
        kept = probabilities[:, used]
        kept = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = module.find_label_issues(labels, kept, return_indices_ranked_by="self_confidence", n_jobs=1)
    return [int(row) for row in rows]


def contradicting(texts: Sequence[str], labels: np.ndarray) -> list[list[int]]:
    """Return groups of rows with the same text, ignoring case and white space, but different labels."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        rows[" ".join(text.casefold().split())].append(row)
    return [group for key, group in rows.items() if key and len({int(labels[row]) for row in group}) > 1]
