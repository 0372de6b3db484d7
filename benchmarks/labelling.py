"""Does choosing the texts help? Simulated labellers answer as in `lightning label`, by ways of choosing the next text.

    python -m benchmarks.labelling --shared ../shared

Every fifth answer is a random text, on which the accuracy is measured, and the other four are chosen by: ours (a varied batch,
then the smallest margin), random, entropy, and strategies of small-text 1.4, if it is installed (pip install --no-deps small-text
dill), which start with random texts. The model is that of `lightning label`, trained again after each ten answers. States are
mean GloVe vectors beside the words of the texts themselves (word vectors of reviews for NSMC). A labeller with 5 % errors answers
so many texts with a random other class, on GoEmotions with the emotions of another text. Accuracy is that on held-out texts with
their true labels; on GoEmotions, that of the whole set of emotions.

Other encoders, without wrong answers, for our choice and random:

    python -m benchmarks.labelling --data mr --encoder "adapted vectors" --path adapted.vec
    python -m benchmarks.labelling --data mr --encoder "pretrained network" --path pretrained.ckpt
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

from benchmarks.corpora import ROOT, SHARED
from benchmarks.labelling_sessions import (
    SEEDS,
    Choose,
    Run,
    World,
    at_random,
    by_entropy,
    by_small_text,
    label,
    ours,
    read_world,
    stop,
)
from lit_transfer.curation.labelling.outlook import FURTHER
from lit_transfer.files import atomic_write

REPORT = ROOT / "benchmarks" / "results" / "labelling.md"
NAMES = ("mr", "sst2", "trec", "nsmc", "rare", "goemotions")
ERRORS = (0.0, 0.05, 0.1)
SHOWN = (50, 100, 200, 300, 400)
# First of the seeds of the further sessions, in which only our choice and random are simulated, without wrong answers.
FURTHER_SEEDS = 1_000
# Numbers of answers of random at whose accuracy the ways are compared.
REFERENCES = (100, 200, 400)


class Store:
    """Finished simulations in a file of JSON lines, so that a run that was interrupted goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._found = {tuple(key): value for key, value in map(json.loads, lines)}

    def __contains__(self, key: tuple[Any, ...]) -> bool:
        return key in self._found

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


@dataclass
class Summary:
    """What the last section says of a data set.

    Attributes:
        name: Name of the data set.
        shares: Part of random's 400 answers that ours needs for the same accuracy, by share of wrong answers; None for more.
        lags: Largest lag behind random and its standard error, by share of wrong answers.
        sessions: Whether the interval contained the accuracy, for each look of each session.
        stops: Labels, lost accuracy and its standard error of sessions that went on until the page says to stop.
    """

    name: str
    shares: dict[float, float | None] = field(default_factory=dict)
    lags: dict[float, tuple[float, float]] = field(default_factory=dict)
    sessions: list[list[bool]] = field(default_factory=list)
    stops: list[tuple[int, float, float]] = field(default_factory=list)


def report(world: World, given: argparse.Namespace, store: Store) -> tuple[list[str], Summary]:
    """Run all ways on a data set; return its section of the report, and its summary.

    Args:
        world: The texts.
        given: The arguments. With another encoder, only our choice and random are run, without wrong answers.
        store: Finished simulations.
    """
    ways: dict[str, tuple[Choose | None, str]] = {
        "ours": (ours, "varied"),
        "random": (at_random, "random"),
        "entropy": (by_entropy, "random"),
        "small-text BreakingTies": (by_small_text("BreakingTies"), "random"),
    }
    usual, several = given.encoder is None, world.task.several
    shares = world.task.counts(world.truth) / len(world.truth)
    lines = [
        f"## {world.name}",
        "",
        f"{len(world.truth):,} texts, {len(shares)} classes, the smallest {100 * shares.min():.1f} %, {given.seeds} seeds"
        f"{f' and {given.sessions} further ones of ours and random without wrong answers' if usual and given.sessions else ''}. "
        f"{'Accuracy of the whole set of labels' if several else 'Accuracy'}, with macro-F1 in brackets:",
        "",
        f"| wrong answers | way | {' | '.join(f'{count} answers' for count in SHOWN)} |",
        f"|---|---|{'--:|' * len(SHOWN)}",
    ]
    summary, bands = Summary(world.name), _Bands()
    facts: list[str] = []

    def run(name: str, errors: float, seed: int) -> Run:
        choose, start = ways[name]
        assert choose is not None
        return run_of(
            store.get((world.name, name, errors, seed), lambda: vars(label(world, choose, errors, seed, start)))
        )

    for errors in ERRORS if usual else ERRORS[:1]:
        found: dict[str, list[Run]] = {}
        for name, (choose, _) in ways.items():
            if ((errors or not usual) and name not in ("ours", "random")) or choose is None:
                continue
            if several and name.startswith("small-text"):
                continue  # its strategies have one label for each text
            more = given.sessions if usual and not errors and name in ("ours", "random") else 0
            seeds = [*range(given.seeds), *range(FURTHER_SEEDS, FURTHER_SEEDS + more)]
            found[name] = [run(name, errors, seed) for seed in seeds]
            curve, macro = mean_curve(found[name]), mean_curve(found[name], macro=True)
            cells = [f"{100 * curve[count]:.1f} ({100 * macro[count]:.1f})" for count in SHOWN]
            lines.append(f"| {100 * errors:.0f} % | {name} | {' | '.join(cells)} |")
            print(world.name, lines[-1], flush=True)
        summary.sessions += [each.inside for each in found["ours"]]
        for macro_f1 in (False, True):
            needs, (lag, error) = _needs(found, macro_f1), _lag(found, macro_f1)
            if not macro_f1:
                summary.shares[errors], summary.lags[errors] = needs[-1], (lag, error)
            facts.append(
                f"- {100 * errors:.0f} % wrong answers, {'macro-F1' if macro_f1 else 'accuracy'}: what random reaches with "
                f"{', '.join(map(str, REFERENCES))} answers, ours reaches with {', '.join(map(_share, needs))} of them; largest "
                f"lag behind random {100 * lag:.1f} points (standard error {100 * error:.1f})."
            )
            print(world.name, facts[-1], flush=True)
    for seed in range(given.sessions if usual else 0):
        bands.add(run("ours", 0.0, FURTHER_SEEDS + seed))
    for seed in range(given.stops if usual and not several else 0):
        count, lost, error = store.get((world.name, "stop", 0.0, seed), lambda seed=seed: stop(world, seed))
        summary.stops.append((count, lost, error))
    facts.append(
        "- The 95 % interval of the accuracy contained the accuracy on held-out texts (by the same labeller) in "
        f"{_coverage(summary.sessions)}."
    )
    facts += [bands.fact()] if bands.inside else []
    if summary.stops:
        facts.append(
            "- Stopping by agreement, labels and points below all labels (standard error of each about "
            f"{100 * np.mean([error for *_, error in summary.stops]):.1f}): "
            + ", ".join(f"{count:,} ({100 * lost:+.1f})" for count, lost, _ in summary.stops)
            + f"; on average {100 * np.mean([lost for _, lost, _ in summary.stops]):+.1f}."
        )
    print("\n".join(facts), flush=True)
    return [*lines, "", *facts, ""], summary


class _Bands:
    """How often the band of the expected accuracy contained what was reached, by number of further labels."""

    def __init__(self) -> None:
        self.inside: dict[int, list[bool]] = {}
        self._widths: list[float] = []

    def add(self, run: Run) -> None:
        for (count, low, _, high), more in zip(run.expected, FURTHER * 99, strict=False):
            if count in run.accuracy:
                self.inside.setdefault(more, []).append(low <= run.accuracy[count] <= high)
                self._widths.append(high - low)

    def fact(self) -> str:
        shares = [
            f"{more} more labels {100 * np.mean(found):.0f} % of {len(found)}" for more, found in self.inside.items()
        ]
        return (
            f"- The band of the expected accuracy contained what was reached: {', '.join(shares)} (mean width "
            f"{100 * np.mean(self._widths):.0f} points)."
        )


def _needs(found: dict[str, list[Run]], macro: bool) -> list[float | None]:
    random, choice = mean_curve(found["random"], macro), mean_curve(found["ours"], macro)
    reached = [needed(choice, random[reference]) for reference in REFERENCES]
    return [None if each is None else each / reference for each, reference in zip(reached, REFERENCES, strict=True)]


def _share(needs: float | None) -> str:
    return "more" if needs is None else f"{needs:.2f}"


def _lag(found: dict[str, list[Run]], macro: bool) -> tuple[float, float]:
    """Return the largest mean lag behind random, at least 0, and the standard error of that mean."""
    by_way = [[each.macro if macro else each.accuracy for each in found[way]] for way in ("random", "ours")]
    lags = {
        count: [random.get(count, 0.0) - choice.get(count, 0.0) for random, choice in zip(*by_way, strict=True)]
        for count in by_way[1][0]
    }
    worst = max(lags.values(), key=lambda values: float(np.mean(values)))
    return max(float(np.mean(worst)), 0.0), float(np.std(worst) / max(len(worst) - 1, 1) ** 0.5)


def _coverage(sessions: Sequence[Sequence[bool]]) -> str:
    shares = [float(np.mean(each)) for each in sessions if each]
    error = float(np.std(shares) / max(len(shares) - 1, 1) ** 0.5)
    looks = sum(map(len, sessions))
    return (
        f"{100 * np.mean([one for each in sessions for one in each]):.1f} % of {looks:,} looks in {len(shares)} sessions "
        f"(standard error {100 * error:.1f}; the looks of a session share their texts)"
    )


def together(summaries: Sequence[Summary]) -> list[str]:
    """Return the section that compares the data sets with what was wanted."""
    lines = ["## Together", ""]
    for errors in ERRORS:
        having = [each for each in summaries if errors in each.shares]
        if having:
            needs = ", ".join(f"{each.name} {_share(each.shares[errors])}" for each in having)
            lines.append(
                f"- {100 * errors:.0f} % wrong answers: of 400 random answers, ours needs {needs}. Largest lag behind random: "
                + ", ".join(f"{each.name} {100 * each.lags[errors][0]:.1f}" for each in having)
                + " points."
            )
    sessions = [one for each in summaries for one in each.sessions]
    lines.append(f"- The 95 % interval contained the accuracy on held-out texts in {_coverage(sessions)}.")
    lost = [one for each in summaries for _, one, _ in each.stops]
    if lost:
        lines.append(
            f"- Where it stopped, the accuracy was within a point of that of all labels of the pool in "
            f"{sum(one <= 0.01 for one in lost)} of {len(lost)} sessions; the largest loss was {100 * max(lost):.1f} points."
        )
    return [*lines, ""]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the simulations, and write the report."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.labelling", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--sessions", type=int, default=100, help="further sessions of ours and random without errors")
    parser.add_argument("--stops", type=int, default=5, help="sessions that go on until the page says to stop")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--encoder", help="name of another encoder")
    parser.add_argument("--path", help="its file: word vectors, or a checkpoint")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--runs", type=Path, default=Path("runs", "labelling.jsonl"), help="finished simulations")
    given = parser.parse_args(arguments)
    sections, summaries = [], []
    for name in given.data:
        world = read_world(name, given.shared.resolve(), given.encoder, given.path)
        section, summary = report(world, given, Store(given.runs))
        sections += section
        summaries.append(summary)
        with atomic_write(given.out) as file:
            head = ["# Labelling by choice", "", "Written by `python -m benchmarks.labelling`.", ""]
            file.write("\n".join([*head, *sections, *together(summaries)]))


if __name__ == "__main__":
    main()
