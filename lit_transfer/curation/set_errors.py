"""Detection of probably wrong sets of labels, for texts that may have several.

Thyagarajan et al. 2022, "Identifying Incorrect Annotations in Multi-Label Classification Data", implemented in cleanlab.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from lit_transfer.baselines.counts import words_of
from lit_transfer.baselines.mean_vectors import average
from lit_transfer.curation.label_errors import STRENGTH, counted, find_issues, import_cleanlab
from lit_transfer.data.tokenized import TokenizedTexts
from lit_transfer.errors import DataError
from lit_transfer.tasks import Task
from lit_transfer.tasks.iterative import distribute
from lit_transfer.vectors.lookup import VectorSource


def out_of_fold_sets(
    texts: TokenizedTexts, targets: np.ndarray, source: VectorSource | None, folds: int, seed: int
) -> np.ndarray:
    """Return out-of-fold class probabilities; as `out_of_fold`, with logistic regressions for each class.

    Args:
        texts: Tokenized texts.
        targets: Indicators of the labels. *Shape:* `(texts, num_classes)`, bool.
        source: Pretrained vectors, or None.
        folds: Number of folds, drawn by iterative stratification.
        seed: Seed of the folds.

    Returns:
        Class probabilities, independent of each other. *Shape:* `(texts, num_classes)`.

    Raises:
        DataError: No class has at least two texts inside and two outside.
    """
    from sklearn.linear_model import LogisticRegression

    count = targets.sum(axis=0)
    if not ((count > 1) & (count < len(targets) - 1)).any():
        raise DataError(
            f"Expected a class with at least two texts inside and outside, got {len(targets)} texts in total. Give more "
            "labelled texts."
        )
    words = words_of(texts)
    averages = None if source is None else average(texts, source)
    fold_of = distribute(targets, [1 / folds] * folds, seed)
    probabilities = np.zeros(targets.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about convergence
        for fold in range(folds):
            train, rest = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
            if not len(rest):
                continue
            parts = [counted([words[i] for i in train], [words[i] for i in rest])]
            if averages is not None:
                parts.append((averages[train], averages[rest]))
            for number, of_class in enumerate(targets[train].T):
                if of_class.all() or not of_class.any():
                    probabilities[rest, number] = of_class.mean()
                    continue
                for known, unknown in parts:
                    model: Any = LogisticRegression(C=STRENGTH, max_iter=1000).fit(known, of_class)
                    probabilities[rest, number] += model.predict_proba(unknown)[:, 1] / len(parts)
    return probabilities


def find_rows(task: Task, targets: np.ndarray, probabilities: np.ndarray) -> list[int]:
    """Return the rows of the texts whose labels are probably wrong, by confident learning, the least probable first.

    Args:
        task: The task.
        targets: Targets of the texts.
        probabilities: Out-of-fold class probabilities. *Shape:* `(texts, num_classes)`.

    Raises:
        ConfigError: Cleanlab is not installed.
    """
    if task.several:
        return find_set_issues(targets, probabilities)
    return [issue.row for issue in find_issues(targets, probabilities)]


def find_set_issues(targets: np.ndarray, probabilities: np.ndarray) -> list[int]:
    """Return the rows of the texts whose labels are probably wrong, the least probable first.

    Args:
        targets: Indicators of the labels. *Shape:* `(texts, num_classes)`, bool.
        probabilities: Out-of-fold class probabilities. *Shape:* `(texts, num_classes)`.

    Raises:
        ConfigError: Cleanlab is not installed.
    """
    find_label_issues = import_cleanlab("multilabel_classification.filter").find_label_issues
    used = np.flatnonzero(targets.any(axis=0) & ~targets.all(axis=0))  # cleanlab requires texts inside and outside
    labels = [np.flatnonzero(row).tolist() for row in targets[:, used]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = find_label_issues(labels, probabilities[:, used], return_indices_ranked_by="self_confidence", n_jobs=1)
    return [int(row) for row in rows]
