"""Does choosing the texts help? Simulated labellers answer as in `lightning label`, by ways of choosing the next text.

    python -m benchmarks.labelling --shared ../shared

Every fifth answer is a random text, on which the accuracy is measured, and the other four are chosen by: ours (a varied batch,
then the smallest margin), random, entropy, and strategies of small-text 1.4, if it is installed (pip install --no-deps small-text
dill), which start with random texts. The model is that of `lightning label`, trained again after each ten answers. States are
mean GloVe vectors beside the words of the texts themselves (word vectors of reviews for NSMC). A labeller with 5 % errors answers
so many texts with a random other class. Accuracy is that on held-out texts with their true labels.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpora import ROOT, SHARED, TOKENIZERS
from lit_transfer.cache import default_folder
from lit_transfer.curation.labelling.choice import APART, EVERY, is_random, least_certain, places, varied
from lit_transfer.curation.labelling.outlook import (
    AGREEMENT,
    FEWEST_TO_STOP,
    FURTHER,
    GROWTH,
    accuracy_of,
    agreement,
    expect,
)
from lit_transfer.curation.labelling.regression import Regression, fit
from lit_transfer.curation.labelling.states import TextStates
from lit_transfer.data.corpus import read_corpus
from lit_transfer.files import atomic_write
from lit_transfer.tasks import SingleLabel, Task
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.vectors.lookup import VectorSource

REPORT = ROOT / "benchmarks" / "results" / "labelling.md"
NAMES = ("mr", "sst2", "trec", "nsmc", "rare")
ERRORS = (0.0, 0.05, 0.1)
SEEDS, BUDGET, FIRST = 10, 400, 20
HELD_OUT, POOL = 2_000, 8_000
# Intents of clinc150 that are classes of the imbalanced set: each 3 % of the texts, and the rest is one class.
RARE = ("lost_luggage", "report_fraud", "freeze_account", "replacement_card_duration")
# Numbers of answers at which the accuracy with more labels is extrapolated.
EXPECTED_AT = (100, 200)
SHOWN = (50, 100, 200, 300, 400)
# Numbers of answers of random at whose accuracy the ways are compared.
REFERENCES = (100, 200, 400)


@dataclass(frozen=True)
class World:
    """Texts of a data set, as states.

    Attributes:
        name: Name of the data set.
        states: States of all texts. *Shape:* `(texts, state_size)`.
        truth: True classes. *Shape:* `(texts,)`.
        places: Place of each text for the random fifth. *Shape:* `(texts,)`.
        task: The task.
    """

    name: str
    states: np.ndarray
    truth: np.ndarray
    places: np.ndarray
    task: Task


@dataclass
class Run:
    """What a labelling session gave, by number of answers."""

    accuracy: dict[int, float] = field(default_factory=dict)
    macro: dict[int, float] = field(default_factory=dict)
    inside: list[bool] = field(default_factory=list)
    expected: list[tuple[int, float, float, float]] = field(default_factory=list)


class Store:
    """Finished simulations in a file of JSON lines, so that a run that was interrupted goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._found = {tuple(key): value for key, value in map(json.loads, lines)}

    def get(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Return the result of a key, computed and stored if it is new."""
        if key not in self._found:
            self._found[key] = json.loads(json.dumps(make()))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, self._found[key]]) + "\n")
        return self._found[key]


def run_of(values: dict[str, Any]) -> Run:
    """Return a run from its JSON values."""
    by_count = [{int(count): share for count, share in values[name].items()} for name in ("accuracy", "macro")]
    return Run(*by_count, values["inside"], [tuple(each) for each in values["expected"]])


Choose = Callable[..., list[int]]


def read_world(name: str, shared: Path, own_words: bool = True) -> World:
    """Read a data set and compute its states."""
    folder = shared / "data" / ("clinc150" if name == "rare" else name)
    file = folder / ("all.tsv" if name == "mr" else "train.tsv")
    corpus = read_corpus(train_file=str(file), val_fraction=0)
    split = corpus.splits["train"]
    assert split.labels is not None
    rows = np.random.RandomState(0).permutation(len(split))[: HELD_OUT + POOL]
    texts, labels = [split.texts[row] for row in rows], split.labels[rows]
    names = corpus.label_names
    if name == "rare":
        texts, labels, names = _thinned(texts, labels, names)
    vectors = "ko.reviews.100d.pruned.vec.gz" if name == "nsmc" else "glove.6B.100d.pruned.txt.gz"
    found = TextStates(
        texts,
        get_tokenizer(TOKENIZERS.get(name, "basic_english")),
        vectors=VectorSource(str(shared / "vectors" / vectors)),
        cache=default_folder(),
    )
    states = np.array(found.states)
    if not own_words:
        states = states[:, -100:]
    return World(name, states, labels, places(texts), SingleLabel(tuple(names)))


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
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(world.truth))
    held_out, rest = order[: min(HELD_OUT, len(order) // 3)], order[min(HELD_OUT, len(order) // 3) :]
    wrong = rng.random(len(order)) < errors
    other = (world.truth + rng.integers(1, world.task.num_classes, len(order))) % world.task.num_classes
    said = np.where(wrong, other, world.truth)
    place = (world.places + seed / SEEDS) % 1.0
    apart = rest[place[rest] < APART]
    apart = apart[np.argsort(place[apart])]
    left = np.setdiff1d(rest, apart)
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
    return run


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
        found = expect(
            task, world.states[trained], said[trained], world.states[tested], said[tested], further=FURTHER, seed=count
        )
        run.expected += [
            (count + more, each.low, each.middle, each.high) for more, each in zip(FURTHER, found, strict=False)
        ]


def stop(world: World, seed: int) -> tuple[int, float]:
    """Return at how many labels the agreement stops, and the accuracy lost against all labels of the pool."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(world.truth))
    held_out, rest = np.split(order, [min(HELD_OUT, len(order) // 3)])
    apart = rest[: round(APART * len(rest))]
    left = rest[len(apart) :]
    task = world.task
    full = _accuracy(world, left, held_out)
    trained = varied(world.states, left, FIRST, seed)
    while True:
        left = np.setdiff1d(left, trained)
        targets = world.truth[trained]
        if len(trained) >= FEWEST_TO_STOP:
            agreed = agreement(task, world.states[trained], targets, world.states[apart])
            if len(left) == 0 or (agreed is not None and agreed >= AGREEMENT):
                return len(trained), full - _accuracy(world, np.array(trained), held_out)
        model = fit(world.states[trained], targets, task.num_classes)
        count = min(max(round(len(trained) * (GROWTH - 1)), 5), len(left))
        way = at_random if model is None else ours
        trained += way(world, model, left, count, rng)


def _accuracy(world: World, rows: np.ndarray, held_out: np.ndarray) -> float:
    model = fit(world.states[rows], world.truth[rows], world.task.num_classes)
    assert model is not None
    decisions = world.task.decide(_probabilities(world, model, held_out))
    return float(world.task.correct(decisions, world.truth[held_out]).mean())


def needed(curve: dict[int, float], level: float) -> float | None:
    """Return the number of answers at which a curve reaches a level, by linear interpolation."""
    numbers = sorted(curve)
    for before, after in pairwise(numbers):
        if curve[before] <= level <= curve[after] and curve[after] > curve[before]:
            return before + (after - before) * (level - curve[before]) / (curve[after] - curve[before])
    return float(numbers[0]) if curve[numbers[0]] >= level else None


def mean_curve(runs: Sequence[Run], macro: bool = False) -> dict[int, float]:
    """Return the mean accuracy, or macro-F1, by number of answers."""
    parts = [run.macro if macro else run.accuracy for run in runs]
    return {count: float(np.mean([part.get(count, 0.0) for part in parts])) for count in parts[0]}


def report(world: World, seeds: int, store: Store) -> list[str]:
    """Run all ways on a data set, and return its section of the report."""
    ways: dict[str, tuple[Choose | None, str]] = {
        "ours": (ours, "varied"),
        "random": (at_random, "random"),
        "entropy": (by_entropy, "random"),
        "small-text BreakingTies": (by_small_text("BreakingTies"), "random"),
    }
    lines = [f"## {world.name}", ""]
    shares = np.bincount(world.truth) / len(world.truth)
    lines += [
        f"{len(world.truth):,} texts, {len(shares)} classes, the smallest {100 * shares.min():.1f} %. Accuracy, with macro-F1 in "
        "brackets:",
        "",
        f"| wrong answers | way | {' | '.join(f'{count} answers' for count in SHOWN)} |",
        f"|---|---|{'--:|' * len(SHOWN)}",
    ]
    inside: list[bool] = []
    bands: dict[int, list[bool]] = {more: [] for more in FURTHER}
    widths: dict[int, list[float]] = {more: [] for more in FURTHER}
    facts = []
    for errors in ERRORS:
        curves: dict[str, dict[int, float]] = {}
        macros: dict[str, dict[int, float]] = {}
        for name, (choose, start) in ways.items():
            if choose is None or (errors and name not in ("ours", "random")):
                continue
            runs = [
                run_of(
                    store.get(
                        (world.name, name, errors, seed),
                        lambda choose=choose, errors=errors, seed=seed, start=start: vars(
                            label(world, choose, errors, seed, start)
                        ),
                    )
                )
                for seed in range(seeds)
            ]
            curves[name], macros[name] = mean_curve(runs), mean_curve(runs, macro=True)
            cells = [f"{100 * curves[name][count]:.1f} ({100 * macros[name][count]:.1f})" for count in SHOWN]
            lines.append(f"| {100 * errors:.0f} % | {name} | {' | '.join(cells)} |")
            print(world.name, lines[-1], flush=True)
            if name == "ours":
                for run in runs:
                    inside += run.inside
                    for (count, low, _, high), more in zip(run.expected, FURTHER * 99, strict=False):
                        if count in run.accuracy and errors == 0:
                            bands[more].append(low <= run.accuracy[count] <= high)
                            widths[more].append(high - low)
        for kind, found in (("accuracy", curves), ("macro-F1", macros)):
            ratios = []
            for reference in REFERENCES:
                reached = needed(found["ours"], found["random"][reference])
                ratios.append("more" if reached is None else f"{reached / reference:.2f}")
            behind = max(found["random"][count] - found["ours"][count] for count in found["ours"])
            facts.append(
                f"- {100 * errors:.0f} % wrong answers, {kind}: what random reaches with "
                f"{', '.join(map(str, REFERENCES))} answers, ours reaches with {', '.join(ratios)} of them; largest lag behind "
                f"random {100 * max(behind, 0):.1f} points."
            )
            print(world.name, facts[-1], flush=True)
    stops = [
        store.get((world.name, "stop", 0.0, seed), lambda seed=seed: stop(world, seed)) for seed in range(min(seeds, 3))
    ]
    lines += ["", *facts]
    lines.append(
        f"- The 95 % interval of the accuracy contained the accuracy on held-out texts (by the same labeller) in "
        f"{100 * np.mean(inside):.1f} % of {len(inside)} cases."
    )
    lines.append(
        "- The band of the expected accuracy contained what was reached: "
        + ", ".join(
            f"{more} more labels {100 * np.mean(bands[more]):.0f} % of {len(bands[more])} (mean width "
            f"{100 * np.mean(widths[more]):.0f} points)"
            for more in FURTHER
        )
        + "."
    )
    lines.append(
        "- Stopping by agreement: "
        + ", ".join(f"{count:,} labels ({100 * lost:+.1f} points below all labels)" for count, lost in stops)
        + "."
    )
    print("\n".join(lines[-3:]), flush=True)
    return [*lines, ""]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulations, and write the report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.labelling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--runs", type=Path, default=Path("runs", "labelling.jsonl"), help="finished simulations")
    given = parser.parse_args(arguments)
    sections = []
    head = ["# Labelling by choice", "", f"Written by `python -m benchmarks.labelling`, {given.seeds} seeds.", ""]
    for name in given.data:
        sections += report(read_world(name, given.shared.resolve()), given.seeds, Store(given.runs))
        with atomic_write(given.out) as file:
            file.write("\n".join([*head, *sections]))


if __name__ == "__main__":
    main()
