"""Value of the labels so far: the accuracy with its interval, its extrapolation to more labels, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lit_transfer.compare.evidence.curve import NORMAL, Outlook, extend
from lit_transfer.curation.labelling.choice import EVERY
from lit_transfer.curation.labelling.regression import Examples, fit
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


def accuracy_of(correct: np.ndarray) -> Accuracy:
    """Return the accuracy, given whether the model predicts the label of each random text. *Shape:* `(texts,)`, bool."""
    count, right = len(correct), int(correct.sum())
    if count == 0:
        return Accuracy(0, 0, 0.0, 1.0)
    return Accuracy(right, count, *accuracy_interval(right, count, ERROR))


def is_shown(correct: np.ndarray, wanted: float) -> bool:
    """Return whether an accuracy is shown, with an error probability of 5 % for any number of looks.

    Looks are at 20, 30, 45, ... random texts, and the look k has the part 1 / (k (k + 1)) of the error probability. `correct`
    is in the order of the answers, *shape* `(texts,)`; the wanted accuracy is 0 to 1.
    """
    texts, look = FIRST_LOOK, 1
    while round(texts * LOOK_GROWTH) <= len(correct):
        texts, look = round(texts * LOOK_GROWTH), look + 1
    if len(correct) < texts:
        return False
    wrong = int((~correct[:texts]).sum())
    return accuracy_bound(wrong, texts, ERROR / (look * (look + 1))) >= wanted


def expect(task: Task, train: Examples, tested: Examples, seed: int = 0) -> list[Outlook]:
    """Extrapolate the accuracy to `FURTHER` labels, a fifth of which are random; empty if the texts are too few.

    The curve is measured on samples of the labels so far, with the random texts as test texts. Its band has the error of the
    extrapolation and that of the random texts, which are few.
    """
    count = len(train.states)
    if len(tested.states) < FEWEST_TESTED or count < FEWEST_TRAINED:
        return []
    rng = np.random.default_rng(seed)
    sizes, scores, errors = [], [], []
    for share in SHARES:
        size = round(share * count)
        draws = [
            _score(task, train.take(rng.permutation(count)[:size]), tested) for _ in range(DRAWS if share < 1 else 1)
        ]
        sizes.append(size)
        scores.append(float(np.mean(draws)))
        errors.append(max(LEAST_ERROR, float(np.std(draws) / np.sqrt(len(draws)))))
    level = np.sqrt(max(scores[-1] * (1 - scores[-1]), 0.01) / len(tested.states))
    found = extend(sizes, scores, errors, [count + round(more * (1 - 1 / EVERY)) for more in FURTHER])
    return [_widened(each, NORMAL * level) for each in found]


def _score(task: Task, train: Examples, tested: Examples) -> float:
    model = fit(*train, task.num_classes)
    if model is None:  # all labels are the same
        decisions = np.repeat(train.targets[:1], len(tested.targets), axis=0)
    else:
        decisions = model.decide(task, tested.states)
    return float(task.correct(decisions, tested.targets).mean())


def _widened(outlook: Outlook, by: float) -> Outlook:
    down, up = (float(np.hypot(end - outlook.middle, by)) for end in (outlook.low, outlook.high))
    return outlook._replace(low=max(outlook.middle - down, 0.0), high=min(outlook.middle + up, 1.0))


def agreement(task: Task, train: Examples, unlabelled: np.ndarray) -> float | None:
    """Return the agreement of models trained on increasing numbers of labels: the mean of the last kappas, at most 1.

    The models are compared on the states of unlabelled texts, *shape* `(others, state_size)`. None with fewer labels than
    `FEWEST_TO_STOP`, which are in the order of the answers.
    """
    if len(train.states) < FEWEST_TO_STOP:
        return None
    found = []
    for step in range(STEPS + 1):
        model = fit(*train.take(slice(round(len(train.states) / GROWTH**step))), task.num_classes)
        if model is None:
            return None
        found.append(model.decide(task, unlabelled))
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


def does_choosing_help(task: Task, chosen: Examples, at_random: Examples, seed: int = 0) -> Choosing | None:
    """Compare models trained on chosen texts, in the order of their answers, with models trained on random ones.

    In each of `FOLDS` folds, a model of the other random texts and one of the first chosen texts, as many, are tested on the
    random texts of the fold. None with fewer than `FEWEST_TO_COMPARE` random texts, or chosen ones.
    """
    count = len(at_random.states)
    if count < FEWEST_TO_COMPARE or len(chosen.states) < count:
        return None
    fold = np.random.default_rng(seed).permutation(count) % FOLDS
    right = np.zeros((2, count))
    for number in range(FOLDS):
        out = fold == number
        for way, train in enumerate((chosen.take(slice(int((~out).sum()))), at_random.take(~out))):
            model = fit(*train, task.num_classes)
            if model is None:
                return None
            tested = at_random.take(out)
            right[way, out] = task.correct(model.decide(task, tested.states), tested.targets)
    difference = right[0] - right[1]
    half = 1.96 * float(difference.std(ddof=1)) / count**0.5
    of_chosen, of_random = right.mean(axis=1).tolist()
    mean = of_chosen - of_random
    return Choosing(of_chosen, of_random, mean - half, mean + half, count)


def kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Return Cohen's kappa of two columns of targets: 1 for full agreement, 0 for that of chance.

    Several labels of a text count as one decision for each class. *Shape:* `(texts,)`, or `(texts, num_classes)`.
    """
    from sklearn.metrics import cohen_kappa_score

    first, second = first.ravel(), second.ravel()
    if (first == second).all():
        return 1.0
    return float(cohen_kappa_score(first, second))
