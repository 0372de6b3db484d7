"""Simulated labelling sessions, for `benchmarks.labelling`: the texts, the ways of choosing the next ones, and the labeller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpora import TOKENIZERS
from lit_transfer.cache import default_folder
from lit_transfer.curation.labelling.choice import APART, EVERY, is_random, least_certain, varied
from lit_transfer.curation.labelling.outlook import (
    AGREEMENT,
    FEWEST_TO_STOP,
    FURTHER,
    GROWTH,
    STEPS,
    accuracy_of,
    does_choosing_help,
    expect,
    mean_kappa,
)
from lit_transfer.curation.labelling.regression import Examples, Regression, fit
from lit_transfer.curation.labelling.session import FEW_TEXTS
from lit_transfer.curation.labelling.states import TextStates
from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.tasks import Task, make_task
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.vectors.lookup import VectorSource

# Number of seeds; answers of a session; and first texts.
SEEDS, BUDGET, FIRST = 10, 400, 20
HELD_OUT, POOL = 2_000, 8_000
# First of the seeds of the further sessions, in which only our choice and random are simulated, without wrong answers.
FURTHER_SEEDS = 1_000
# Intents of clinc150 that are classes of the imbalanced set: each 3 % of the texts, and the rest is one class.
RARE = ("lost_luggage", "report_fraud", "freeze_account", "replacement_card_duration")
# Numbers of answers at which the accuracy with more labels is extrapolated.
EXPECTED_AT = (100, 200)


@dataclass(frozen=True)
class World:
    """Texts of a data set, as states.

    Attributes:
        name: Name of the data set, and of the encoder if it is not the usual one.
        states: States of all texts. *Shape:* `(texts, state_size)`.
        truth: True classes, or a column of 0 and 1 for each. *Shape:* `(texts,)`, or `(texts, num_classes)`.
        task: The task.
    """

    name: str
    states: np.ndarray
    truth: np.ndarray
    task: Task


@dataclass
class Run:
    """What a labelling session gave, by number of answers.

    Attributes:
        accuracy: Accuracy on held-out texts.
        macro: Their macro-F1.
        inside: Whether the interval of each look contained the accuracy.
        expected: Number of answers, and the expected accuracy with its band.
        choosing: Interval of what choosing gains, as the page has it at the end; None if it says nothing.
    """

    accuracy: dict[int, float] = field(default_factory=dict)
    macro: dict[int, float] = field(default_factory=dict)
    inside: list[bool] = field(default_factory=list)
    expected: list[tuple[int, float, float, float]] = field(default_factory=list)
    choosing: tuple[float, float] | None = None


Choose = Callable[..., list[int]]


def read_world(name: str, shared: Path, encoder: str | None = None, path: str | None = None) -> World:
    """Read a data set and compute its states.

    Args:
        name: Name of the data set.
        shared: Folder with the data sets and the vectors.
        encoder: Name of another encoder than the usual word vectors.
        path: Its file: word vectors, or the checkpoint of a network (`.ckpt`).
    """
    folder = shared / "data" / ("clinc150" if name == "rare" else name)
    file = folder / ("all.tsv" if name == "mr" else "train.tsv")
    several = name == "goemotions"
    reading = ReadingOptions(label_separator="|") if several else ReadingOptions()
    corpus = read_corpus(train_file=str(file), val_fraction=0, reading=reading)
    split = corpus.splits["train"]
    assert split.labels is not None
    rows = np.random.RandomState(0).permutation(len(split))[: HELD_OUT + POOL]
    texts, labels = [split.texts[row] for row in rows], split.labels[rows]
    names = corpus.label_names
    if name == "rare":
        texts, labels, names = _thinned(texts, labels, names)
    usual = "ko.reviews.100d.pruned.vec.gz" if name == "nsmc" else "glove.6B.100d.pruned.txt.gz"
    has_network = path is not None and path.endswith(".ckpt")
    found = TextStates(
        texts,
        get_tokenizer(TOKENIZERS.get(name, "basic_english")),
        vectors=None if has_network else VectorSource(path or str(shared / "vectors" / usual)),
        init_from=path if has_network else None,
        cache=default_folder(),
    )
    task = make_task(names, "multi_label" if several else "single_label")
    return World(f"{name}, {encoder}" if encoder else name, np.array(found.states), labels, task)


def _thinned(texts: list[str], labels: np.ndarray, names: list[str]) -> tuple[list[str], np.ndarray, list[str]]:
    """Return texts of clinc150 in which each of `RARE` has 3 % and all other intents are one class."""
    numbers = [names.index(each) for each in RARE]
    classes = np.array([numbers.index(label) + 1 if label in numbers else 0 for label in labels])
    per_class = min(np.bincount(classes)[1:])
    others = np.flatnonzero(classes == 0)[: round(per_class / 0.03 * (1 - 0.03 * len(RARE)))]
    rare = [np.flatnonzero(classes == number)[:per_class] for number in range(1, len(RARE) + 1)]
    kept = np.sort(np.concatenate([others, *rare]))
    return [texts[row] for row in kept], classes[kept], ["other", *RARE]


def ours(world: World, model: Regression | None, left: np.ndarray, count: int, *_: Any) -> list[int]:
    """Choose the texts with the smallest margin."""
    assert model is not None
    return least_certain(world.task.margin(_probabilities(world, model, left)), left, count)


def by_entropy(world: World, model: Regression | None, left: np.ndarray, count: int, *_: Any) -> list[int]:
    """Choose the texts with the largest entropy."""
    assert model is not None
    shares = _probabilities(world, model, left)
    if world.task.several:  # the sum of those of the classes
        shares = np.concatenate([shares, 1 - shares], axis=1)
    return least_certain((shares * np.log(shares + 1e-12)).sum(axis=1), left, count)


def at_random(
    world: World, model: Regression | None, left: np.ndarray, count: int, rng: np.random.Generator, *_: Any
) -> list[int]:
    """Choose random texts."""
    chosen: list[int] = rng.choice(left, count, replace=False).tolist()
    return chosen


def by_small_text(strategy: str) -> Choose | None:
    """Return a strategy of small-text by the name of its class; None if it is not installed."""
    try:
        import small_text
    except ImportError:
        return None
    made = getattr(small_text, strategy)()

    def choose(
        world: World,
        model: Regression | None,
        left: np.ndarray,
        count: int,
        rng: np.random.Generator,
        labelled: np.ndarray,
        targets: np.ndarray,
    ) -> list[int]:
        np.random.seed(int(rng.integers(2**31)))
        found: list[int] = made.query(_Model(world, model), world.states, left, labelled, targets, n=count).tolist()
        return found

    return choose


class _Model:
    """A regression with the interface of small-text's classifiers."""

    def __init__(self, world: World, model: Regression | None) -> None:
        self._world, self._model = world, model

    def predict_proba(self, states: np.ndarray) -> np.ndarray:
        assert self._model is not None
        return self._world.task.probabilities(self._model.logits(states))

    def embed(self, states: np.ndarray, return_proba: bool = False, **_: Any) -> Any:
        return (states, self.predict_proba(states)) if return_proba else states


def _probabilities(world: World, model: Regression, rows: np.ndarray) -> np.ndarray:
    return world.task.probabilities(model.logits(world.states[rows]))


def label(world: World, choose: Choose, errors: float, seed: int, start: str = "random") -> Run:
    """Simulate a labelling session.

    Args:
        world: The texts.
        choose: Way of choosing texts once there is a model.
        errors: Share of wrong answers.
        seed: Seed of the held-out texts, of the random texts and of the labeller.
        start: First texts: `varied` or `random`.
    """
    rng = np.random.default_rng([seed, round(100 * errors)])
    order = rng.permutation(len(world.truth))
    held_out, apart, left = _parts(order)
    wrong = rng.random(len(order)) < errors
    if world.task.several:
        said = np.where(wrong[:, None], world.truth[rng.permutation(len(order))], world.truth)
    else:
        other = (world.truth + rng.integers(1, world.task.num_classes, len(order))) % world.task.num_classes
        said = np.where(wrong, other, world.truth)
    first = (
        varied(world.states, left, FIRST, seed)
        if start == "varied"
        else rng.choice(left, FIRST, replace=False).tolist()
    )
    trained: list[int] = []
    tested: list[int] = []
    run, model = Run(), None
    for number in range(BUDGET):
        if is_random(number, seed):
            tested.append(int(apart[len(tested)]))
        else:
            if not first:
                targets = said[trained]
                model = fit(world.states[trained], targets, world.task.num_classes)
                way = at_random if model is None else choose
                first = way(world, model, left, 2 * (EVERY - 1), rng, np.array(trained), targets)
            row = first.pop(0)
            trained.append(row)
            left = left[left != row]
        if (number + 1) % 50 == 0:
            _look(run, number + 1, world, said, trained, tested, held_out, expecting=choose is ours and errors == 0)
    if choose is ours:
        chosen, at_hand = (Examples(world.states[rows], said[rows]) for rows in (trained, tested))
        found = does_choosing_help(world.task, chosen, at_hand, seed)
        run.choosing = None if found is None else (found.low, found.high)
    return run


def _parts(order: np.ndarray) -> list[np.ndarray]:
    """Return texts to measure the accuracy, the texts that are set apart for the random fifth, and the others (sorted)."""
    held_out, rest = np.split(order, [min(HELD_OUT, len(order) // 3)])
    apart, left = np.split(rest, [round(APART * len(rest))])
    return [held_out, apart, np.sort(left)]


def _look(
    run: Run,
    count: int,
    world: World,
    said: np.ndarray,
    trained: list[int],
    tested: list[int],
    held_out: np.ndarray,
    expecting: bool,
) -> None:
    task = world.task
    model = fit(world.states[trained], said[trained], task.num_classes)
    if model is None:
        assert not task.several
        run.accuracy[count] = float((world.truth[held_out] == said[trained[0]]).mean())
        return
    decisions = task.decide(_probabilities(world, model, held_out))
    correct = task.correct(decisions, world.truth[held_out])
    run.accuracy[count] = float(correct.mean())
    run.macro[count] = task.figures(task.count_hits(decisions, world.truth[held_out]))["f1"]
    right = task.correct(task.decide(_probabilities(world, model, np.array(tested))), said[tested])
    interval = accuracy_of(right)
    # The random texts have the answers of the labeller, so the same is asked of the held-out texts.
    by_labeller = float(task.correct(decisions, said[held_out]).mean())
    run.inside.append(interval.low <= by_labeller <= interval.high)
    if expecting and count in EXPECTED_AT:
        train, test = (Examples(world.states[rows], said[rows]) for rows in (trained, tested))
        found = expect(task, train, test, seed=count)
        run.expected += [
            (count + more, each.low, each.middle, each.high) for more, each in zip(FURTHER, found, strict=False)
        ]


def stop(world: World, seed: int) -> tuple[int, float, float]:
    """Return at how many labels the agreement stops, the accuracy lost against all labels of the pool, and its standard error."""
    rng = np.random.default_rng([seed, 1_000])
    held_out, apart, left = _parts(rng.permutation(len(world.truth)))
    task = world.task
    full = _correct(world, fit(world.states[left], world.truth[left], task.num_classes), held_out)
    trained = varied(world.states, left, FIRST, seed)
    decisions: list[np.ndarray] = []
    while True:
        left = np.setdiff1d(left, trained)
        targets = world.truth[trained]
        model = fit(world.states[trained], targets, task.num_classes)
        if model is not None:
            decisions.append(task.decide(_probabilities(world, model, apart)))
        if model is not None and len(trained) >= FEWEST_TO_STOP:
            agrees = len(decisions) > STEPS and mean_kappa(decisions[-STEPS - 1 :]) >= AGREEMENT
            if len(left) == 0 or (agrees and task.counts(targets).min() >= FEW_TEXTS):
                lost = full - _correct(world, model, held_out)
                return len(trained), float(lost.mean()), float(lost.std() / len(lost) ** 0.5)
        count = min(max(round(len(trained) * (GROWTH - 1)), 5), len(left))
        way = at_random if model is None else ours
        trained += way(world, model, left, count, rng)


def _correct(world: World, model: Regression | None, rows: np.ndarray) -> np.ndarray:
    assert model is not None
    decisions = world.task.decide(_probabilities(world, model, rows))
    return world.task.correct(decisions, world.truth[rows]).astype(float)
