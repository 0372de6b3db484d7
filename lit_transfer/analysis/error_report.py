"""Error report of a model on labelled texts, as an HTML page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from lit_transfer.analysis.views import NO_LABEL, SHADES, as_marks, headline, note
from lit_transfer.html import render
from lit_transfer.prediction.explain import UNKNOWN, explain
from lit_transfer.prediction.formats import label_field
from lit_transfer.prediction.loading import Loaded

# Number of errors to show, and number of texts for the word list of each class.
NUM_MISTAKES = 20
NUM_CONFUSED = 10
NUM_WEIGHED = 300
# Number of pairs of classes to show for several labels.
NUM_PAIRS = 20
WORDS_PER_CLASS = 20
# Minimum number of texts that contain a listed word.
LEAST_TEXTS = 3


def make_report(predictor: Loaded, texts: Sequence[str], labels: np.ndarray, source: str, model: str) -> str:
    """Return an error report as a self-contained HTML page.

    It has the confusion matrix, errors, reliability, accuracy by length and unknown words, and top words. `labels` are the
    targets of the texts; `source` and `model` name the texts and the model.
    """
    classes = predictor.classes_
    probabilities = predictor.predict_proba(texts)
    task = predictor.task
    decisions = task.decide_all(probabilities, predictor.threshold)
    correct = task.correct(decisions, labels)
    pairs, counts = task.confusions(decisions, labels)
    confusion = np.zeros((len(classes), len(classes)), dtype=int)
    confusion[tuple(pairs.T)] = counts
    hits = task.count_hits(decisions, labels)
    reliability = task.reliability(probabilities, labels)
    lengths, unknown = predictor.lengths_and_unknown(texts)
    values = {
        "source": source,
        "model": model,
        "count": len(texts),
        "accuracy": float(correct.mean()),
        "classes": classes,
        "several": task.several,
        "scores": task.figures(hits) | task.text_figures(decisions, labels),
        "by_class": list(
            zip(classes, *(part.tolist() for part in (hits.true, hits.precision, hits.recall, hits.f1)), strict=True)
        ),
        "confusion": [] if task.several else _shares(confusion),
        "confused": [] if task.several else _confused(confusion, classes),
        "taken": _pairs(classes, pairs, counts) if task.several else [],
        "mistakes": _mistakes(predictor, texts, labels, probabilities, correct),
        "num_wrong": int((~correct).sum()),
        "bins": [
            {
                "low": i / len(reliability.counts),
                "count": int(count),
                "confidence": float(sure),
                "accuracy": float(right),
            }
            for i, (count, sure, right) in enumerate(zip(*reliability, strict=True))
        ],
        "error": reliability.error,
        "by_length": _by_group(lengths, correct, _length_bounds(lengths), _name_length),
        "by_unknown": _by_group(unknown, correct, [0, 1e-9, 0.1, 0.25, 0.5, 1.0001], _name_share),
        "words": _words(predictor, texts, labels),
        "num_weighed": min(len(texts), NUM_WEIGHED),
        "shades": SHADES,
    }
    return render("analysis/error_report.html.j2", **values)


def _pairs(classes: Sequence[str], pairs: np.ndarray, counts: np.ndarray) -> list[dict[str, Any]]:
    """Return the most frequent pairs of a missed class and a class that was decided instead."""
    order = np.argsort(-counts, kind="stable").tolist()[:NUM_PAIRS]
    return [{"true": classes[pairs[i][0]], "instead": classes[pairs[i][1]], "count": int(counts[i])} for i in order]


def _shares(confusion: np.ndarray) -> list[list[dict[str, Any]]]:
    totals = confusion.sum(axis=1, keepdims=True).clip(min=1)
    return [
        [{"count": int(count), "share": float(share)} for count, share in zip(row, shares, strict=True)]
        for row, shares in zip(confusion, confusion / totals, strict=True)
    ]


def _confused(confusion: np.ndarray, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the pairs of classes that are confused most often."""
    wrong = confusion * ~np.eye(len(confusion), dtype=bool)
    order = np.argsort(-wrong, axis=None, kind="stable")[:NUM_CONFUSED]
    pairs = [divmod(int(place), len(confusion)) for place in order]
    return [
        {
            "true": classes[true],
            "predicted": classes[predicted],
            "count": int(wrong[true, predicted]),
            "of": int(confusion[true].sum()),
        }
        for true, predicted in pairs
        if wrong[true, predicted]
    ]


def _mistakes(
    predictor: Loaded, texts: Sequence[str], labels: np.ndarray, probabilities: np.ndarray, correct: np.ndarray
) -> list[dict[str, Any]]:
    """Return the errors with the highest confidence."""
    task = predictor.task
    order = [row for row in np.argsort(-task.confidence(probabilities), kind="stable").tolist() if not correct[row]]
    found = []
    for row in order[:NUM_MISTAKES]:
        one = explain(predictor, texts[row])
        found.append(
            {
                "row": row + 1,
                "label": label_field(task.decode(labels[[row]])[0]) or NO_LABEL,
                "headline": headline(one),
                "labels": label_field(one.prediction.labels) if task.several else "",
                "marks": as_marks(one),
                "note": note(one),
            }
        )
    return found


def _length_bounds(lengths: np.ndarray) -> list[float]:
    """Return the bounds of five groups with about equally many texts."""
    bounds = np.unique(np.quantile(lengths, [0, 0.2, 0.4, 0.6, 0.8], method="lower"))
    return [*bounds.tolist(), float(lengths.max()) + 1]


def _by_group(
    values: np.ndarray, correct: np.ndarray, bounds: Sequence[float], name: Callable[[float, float], str]
) -> list[dict[str, Any]]:
    groups = []
    for low, high in pairwise(bounds):
        inside = (values >= low) & (values < high)
        if inside.any():
            shown = name(values[inside].min(), values[inside].max())
            groups.append({"name": shown, "count": int(inside.sum()), "accuracy": float(correct[inside].mean())})
    return groups


def _name_length(low: float, high: float) -> str:
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"


def _name_share(low: float, high: float) -> str:
    return f"{low:.0%}" if f"{low:.0%}" == f"{high:.0%}" else f"{low:.0%} to {high:.0%}"


def _words(predictor: Loaded, texts: Sequence[str], labels: np.ndarray) -> list[dict[str, Any]]:
    """Return the words with the largest contributions to each class, on average over the texts that contain them."""
    rows = np.linspace(0, len(texts) - 1, min(len(texts), NUM_WEIGHED)).round().astype(int)
    weights: dict[str, list[np.ndarray]] = defaultdict(list)
    for row in rows.tolist():
        one = explain(predictor, texts[row])
        for word in dict.fromkeys(one.words):
            weights[word].append(one.weights[one.words.index(word)])
    frequent = [word for word, found in weights.items() if len(found) >= LEAST_TEXTS]
    status = dict(zip(frequent, predictor.word_status(frequent), strict=True))
    means = {word: np.mean(weights[word], axis=0) for word in frequent if status[word] != UNKNOWN}
    lists = []
    for number, name in enumerate(predictor.classes_):
        best = sorted(means, key=lambda word, number=number: -means[word][number])[:WORDS_PER_CLASS]  # type: ignore[misc]
        shown = [(word, float(means[word][number])) for word in best if means[word][number] > 0]
        lists.append({"name": name, "words": [{"word": word, "weight": weight} for word, weight in shown]})
    return lists
