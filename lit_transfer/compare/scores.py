"""Metrics to compare, as means over the texts: of one label, and of several labels.

The tests of a comparison need scores that are means over the texts. Accuracy is one. The others (F1, average precision) are
functions of all texts, and are represented by pseudo-values: the metric plus the influence of the text, which is its derivative
by the weight of the text (the infinitesimal jackknife; Efron 1982, chapter 6). Their mean is the metric, and their variance over
the texts is that of drawing the texts anew, without resampling. `python -m benchmarks.several_power` checks the false claims.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lit_transfer.tasks import MultiLabel, SingleLabel, Task

# Share of the largest class above which accuracy is uninformative, since it is the accuracy of a majority classifier.
UNEVEN = 0.8


def _accuracy(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (predicted == labels).astype(np.float64)


def _balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the contributions of the texts to balanced accuracy, the mean recall over classes."""
    classes, counts = np.unique(labels, return_counts=True)
    weight = len(labels) / (len(classes) * counts[np.searchsorted(classes, labels)])
    return (predicted == labels) * weight


def _f1(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the contributions to macro F1, the mean over the classes that occur."""
    scores = np.zeros(predicted.shape)
    classes = np.unique(labels)
    for one in classes:
        scores += _f1_of_class(predicted == one, labels == one) / len(classes)
    return scores


def _f1_of_class(chosen: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the contributions to the F1 of a class, 2 hits / (predicted + true). *Shape:* `(seeds, texts)`."""
    both = chosen.mean(axis=1, keepdims=True) + true.mean()
    f1 = 2 * (chosen & true).mean(axis=1, keepdims=True) / np.maximum(both, 1e-12)
    influence = (2.0 * (chosen & true) - f1 * (chosen.astype(float) + true)) / np.maximum(both, 1e-12)
    return f1 + influence


def _exact_match(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.all(predicted == targets, axis=-1).astype(np.float64)


def _f1_of_sets(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the contributions to macro F1, the mean over all classes."""
    scores = np.zeros(predicted.shape[:2])
    for number, true in enumerate(targets.T):
        scores += _f1_of_class(predicted[:, :, number], true) / targets.shape[1]
    return scores


def _micro_f1(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the contributions to micro F1, 2 hits / (predicted + true) of all classes."""
    hits = (predicted & targets).sum(axis=2)
    both = predicted.sum(axis=2) + targets.sum(axis=1)
    mean = np.maximum(both.mean(axis=1, keepdims=True), 1e-12)
    f1 = 2 * hits.mean(axis=1, keepdims=True) / mean
    return f1 + (2 * hits - f1 * both) / mean


def _average_precision(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the contributions to the mean average precision of the classes; 0 for a class without texts."""
    scores = np.zeros(probabilities.shape[:2])
    for number, true in enumerate(targets.T):
        if true.any():
            scores += np.stack([_ranked(column, true) for column in probabilities[:, :, number]]) / targets.shape[1]
    return scores


def _ranked(probabilities: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the contributions to the average precision of a class; equal probabilities share a rank. *Shape:* `(texts,)`.

    The average precision is the mean over the texts of the class of hits / rank. The weight of a text changes its own term, if
    it is of the class, and hits and rank of all texts below it. As a mean over n texts has n - 1 degrees of freedom, the
    influence is larger by the root of n / (n - 1), without which the variance is too small for a class with few texts.
    """
    order = np.argsort(-probabilities, kind="stable")
    ranked, positive = probabilities[order], true[order]
    starts = np.append(True, np.diff(ranked) != 0)
    group = starts.cumsum() - 1
    ends = np.append(np.flatnonzero(starts)[1:], len(order))
    rank, hits = ends.astype(float), positive.cumsum()[ends - 1].astype(float)
    inside, total = np.diff(hits, prepend=0), hits[-1]
    score = (inside * hits / rank).sum() / total
    of_hits, of_rank = ((inside / rank)[::-1].cumsum()[::-1], (inside * hits / rank**2)[::-1].cumsum()[::-1])
    derivative = positive * ((hits / rank)[group] - score + of_hits[group]) - of_rank[group]
    contributions = np.empty(len(order))
    contributions[order] = score + len(order) * derivative / total * (total / max(total - 1, 1)) ** 0.5
    return contributions


Contributions = Callable[[np.ndarray, np.ndarray], np.ndarray]
_OF_TASK: dict[str, dict[str, Contributions]] = {
    SingleLabel.name: {"accuracy": _accuracy, "f1": _f1, "balanced_accuracy": _balanced_accuracy},
    MultiLabel.name: {
        "f1": _f1_of_sets,
        "f1_micro": _micro_f1,
        "accuracy": _exact_match,
        "average_precision": _average_precision,
    },
}
METRICS = tuple(dict.fromkeys(name for metrics in _OF_TASK.values() for name in metrics))
# Metrics of probabilities rather than decisions.
OF_PROBABILITIES = ("average_precision",)
NAMES = {
    "accuracy": "accuracy",
    "f1": "macro F1",
    "balanced_accuracy": "balanced accuracy",
    "f1_micro": "micro F1",
    "average_precision": "average precision",
}


def metrics_of(task: Task) -> list[str]:
    """Return the names of the metrics of a task."""
    return list(_OF_TASK[task.name])


def scores_of(task: Task, metric: str, answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the contribution of each text to a metric, such that the mean over the texts is the metric.

    The answers are decisions; probabilities for metrics in `OF_PROBABILITIES`. *Shape:* `(seeds, texts, ...)`, and of the
    contributions `(seeds, texts)`.
    """
    return _OF_TASK[task.name][metric](answers, targets)


def choose_metric(task: Task, targets: np.ndarray) -> str:
    """Return the main score of the task; `f1` in place of accuracy if one class has more than 80 % of the texts."""
    uneven = task.main_score == "accuracy" and task.counts(targets).max() > UNEVEN * len(targets)
    return "f1" if uneven else task.main_score
