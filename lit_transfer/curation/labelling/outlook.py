"""Value of the labels so far: the accuracy with its interval, its extrapolation to more labels, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lit_transfer.compare.evidence.curve import NORMAL, Outlook, extend
from lit_transfer.curation.labelling.choice import EVERY
from lit_transfer.curation.labelling.regression import fit
from lit_transfer.tasks import Task
from lit_transfer.tasks.bounds import accuracy_bound, accuracy_interval

# Error probability of the interval of the accuracy: 2.5 % on either side.
ERROR = 0.05
# Numbers of random texts at which the wanted accuracy may be shown.
FIRST_LOOK, LOOK_GROWTH = 20, 1.5
# Numbers of further labels for which the accuracy is extrapolated.
FURTHER = (50, 100, 200)
# Shares of the labels on which the curve is measured, and on how many samples each.
SHARES, DRAWS = (0.25, 0.5, 0.75, 1.0), 5
# Least standard error of a point of the curve. That of the random texts is common to all points, and is added to the band.
LEAST_ERROR = 0.02
# Fewest random texts, and fewest texts to train on, for an extrapolation.
FEWEST_TESTED, FEWEST_TRAINED = 10, 20
# Agreement (kappa) of models with successive numbers of labels, each larger by `GROWTH`, from which further labels hardly change
# the answers; averaged over `STEPS` (Bloodgood and Vijay-Shanker 2009, who stop at 0.99 of models a few labels apart).
AGREEMENT, GROWTH, STEPS = 0.95, 1.15, 3
# Folds, and fewest random texts, for comparing chosen texts with random ones.
FOLDS, FEWEST_TO_COMPARE = 5, 20
# Fewest labels for a judgement on stopping.
FEWEST_TO_STOP = 100


@dataclass(frozen=True)
class Accuracy:
    """The accuracy on random texts, and its exact interval (Clopper and Pearson 1934).

    Attributes:
        correct: Number of texts for which the model predicts the label.
        count: Number of texts.
        low: Lower end of the 95 % interval, 0 to 1.
        high: Upper end, 0 to 1.
    """

    correct: int
    count: int
    low: float
    high: float


def accuracy_of(correct: np.ndarray, error: float = ERROR) -> Accuracy:
    """Return the accuracy and its interval.

    Args:
        correct: Whether the model predicts the label of each random text. *Shape:* `(texts,)`, bool.
        error: Error probability of the interval.
    """
    count, right = len(correct), int(correct.sum())
    if count == 0:
        return Accuracy(0, 0, 0.0, 1.0)
    return Accuracy(right, count, *accuracy_interval(right, count, error))


def is_shown(correct: np.ndarray, wanted: float) -> bool:
    """Return whether an accuracy is shown, with an error probability of 5 % for any number of looks.

    Looks are at 20, 30, 45, ... random texts, and the look k has the part 1 / (k (k + 1)) of the error probability.

    Args:
        correct: Whether the model predicts the label of each random text, in the order of the answers. *Shape:* `(texts,)`.
        wanted: The accuracy, 0 to 1.
    """
    texts, look = FIRST_LOOK, 1
    while round(texts * LOOK_GROWTH) <= len(correct):
        texts, look = round(texts * LOOK_GROWTH), look + 1
    if len(correct) < texts:
        return False
    wrong = int((~correct[:texts]).sum())
    return accuracy_bound(wrong, texts, ERROR / (look * (look + 1))) >= wanted


def expect(
    task: Task,
    states: np.ndarray,
    targets: np.ndarray,
    tested_states: np.ndarray,
    tested_targets: np.ndarray,
    further: Sequence[int] = FURTHER,
    seed: int = 0,
) -> list[Outlook]:
    """Extrapolate the accuracy to more labels.

    The curve is measured on samples of the labels so far, with the random texts as test texts. Its band has the error of the
    extrapolation and that of the random texts, which are few.

    Args:
        task: The task.
        states: States of the texts to train on. *Shape:* `(texts, state_size)`.
        targets: Their targets.
        tested_states: States of the random texts. *Shape:* `(tested, state_size)`.
        tested_targets: Their targets.
        further: Numbers of further labels, a fifth of which are random.
        seed: Seed of the samples.

    Returns:
        The expected accuracy for each number; empty if the texts are too few.
    """
    count = len(states)
    if len(tested_states) < FEWEST_TESTED or count < FEWEST_TRAINED:
        return []
    rng = np.random.default_rng(seed)
    sizes, scores, errors = [], [], []
    for share in SHARES:
        size = round(share * count)
        draws = [
            _score(task, states, targets, rng.permutation(count)[:size], tested_states, tested_targets)
            for _ in range(DRAWS if share < 1 else 1)
        ]
        sizes.append(size)
        scores.append(float(np.mean(draws)))
        errors.append(max(LEAST_ERROR, float(np.std(draws) / np.sqrt(len(draws)))))
    level = np.sqrt(max(scores[-1] * (1 - scores[-1]), 0.01) / len(tested_states))
    found = extend(sizes, scores, errors, [count + round(more * (1 - 1 / EVERY)) for more in further])
    return [_widened(each, NORMAL * level) for each in found]


def _score(
    task: Task,
    states: np.ndarray,
    targets: np.ndarray,
    rows: np.ndarray,
    tested_states: np.ndarray,
    tested_targets: np.ndarray,
) -> float:
    model = fit(states[rows], targets[rows], task.num_classes)
    if model is None:  # all labels are the same
        decisions = np.repeat(targets[rows[:1]], len(tested_targets), axis=0)
    else:
        decisions = task.decide(task.probabilities(model.logits(tested_states)))
    return float(task.correct(decisions, tested_targets).mean())


def _widened(outlook: Outlook, by: float) -> Outlook:
    down, up = (float(np.hypot(end - outlook.middle, by)) for end in (outlook.low, outlook.high))
    return outlook._replace(low=max(outlook.middle - down, 0.0), high=min(outlook.middle + up, 1.0))


def agreement(task: Task, states: np.ndarray, targets: np.ndarray, unlabelled: np.ndarray) -> float | None:
    """Return the agreement of models trained on increasing numbers of labels: the mean of the last kappas.

    Args:
        task: The task.
        states: States of the texts to train on, in the order of their answers. *Shape:* `(texts, state_size)`.
        targets: Their targets.
        unlabelled: States of texts on which the models are compared. *Shape:* `(others, state_size)`.

    Returns:
        The agreement, at most 1; None with fewer than `FEWEST_TO_STOP` texts.
    """
    if len(states) < FEWEST_TO_STOP:
        return None
    found = []
    for step in range(STEPS + 1):
        size = round(len(states) / GROWTH**step)
        model = fit(states[:size], targets[:size], task.num_classes)
        if model is None:
            return None
        found.append(task.decide(task.probabilities(model.logits(unlabelled))))
    return mean_kappa(found)


def mean_kappa(decisions: Sequence[np.ndarray]) -> float:
    """Return the mean kappa of successive models' decisions."""
    return float(np.mean([kappa(*pair) for pair in pairwise(decisions)]))


@dataclass(frozen=True)
class Choosing:
    """Accuracy of models trained on equal numbers of chosen and of random texts.

    Attributes:
        chosen: Accuracy of models of chosen texts, 0 to 1.
        random: Accuracy of models of random texts.
        low: Lower end of the 95 % interval of the difference, chosen minus random.
        high: Upper end.
        count: Number of texts on which they were tested.
    """

    chosen: float
    random: float
    low: float
    high: float
    count: int


def does_choosing_help(
    task: Task,
    states: np.ndarray,
    targets: np.ndarray,
    random_states: np.ndarray,
    random_targets: np.ndarray,
    seed: int = 0,
) -> Choosing | None:
    """Compare models trained on chosen texts with models trained on random ones.

    In each of `FOLDS` folds, a model of the other random texts and one of the first chosen texts, as many, are tested on the
    random texts of the fold.

    Args:
        task: The task.
        states: States of the chosen texts, in the order of their answers. *Shape:* `(texts, state_size)`.
        targets: Their targets.
        random_states: States of the random texts. *Shape:* `(random, state_size)`.
        random_targets: Their targets.
        seed: Seed of the folds.

    Returns:
        The comparison; None with fewer than `FEWEST_TO_COMPARE` random texts, or chosen ones.
    """
    count = len(random_states)
    if count < FEWEST_TO_COMPARE or len(states) < count:
        return None
    fold = np.random.default_rng(seed).permutation(count) % FOLDS
    right = np.zeros((2, count))
    for number in range(FOLDS):
        out = fold == number
        first = slice(0, int((~out).sum()))
        parts = ((states[first], targets[first]), (random_states[~out], random_targets[~out]))
        for way, (known, said) in enumerate(parts):
            model = fit(known, said, task.num_classes)
            if model is None:
                return None
            decisions = task.decide(task.probabilities(model.logits(random_states[out])))
            right[way, out] = task.correct(decisions, random_targets[out])
    difference = right[0] - right[1]
    half = 1.96 * float(difference.std(ddof=1)) / count**0.5
    chosen, random = right.mean(axis=1).tolist()
    return Choosing(chosen, random, chosen - random - half, chosen - random + half, count)


def kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Return Cohen's kappa of two columns of targets: 1 for full agreement, 0 for that of chance.

    Several labels of a text count as one decision for each class. *Shape:* `(texts,)`, or `(texts, num_classes)`.
    """
    from sklearn.metrics import cohen_kappa_score

    first, second = first.ravel(), second.ravel()
    if (first == second).all():
        return 1.0
    return float(cohen_kappa_score(first, second))
