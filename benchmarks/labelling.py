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


def report(world: World, seeds: int, num_stops: int, store: Store, usual: bool = True) -> list[str]:
    """Run all ways on a data set, and return its section of the report.

    Args:
        world: The texts.
        seeds: Number of seeds.
        num_stops: Number of sessions that go on until the page says that one may stop.
        store: Finished simulations.
        usual: Whether the encoder is the usual one; otherwise only our choice and random are run, without wrong answers.
    """
    ways: dict[str, tuple[Choose | None, str]] = {
        "ours": (ours, "varied"),
        "random": (at_random, "random"),
        "entropy": (by_entropy, "random"),
        "small-text BreakingTies": (by_small_text("BreakingTies"), "random"),
    }
    lines = [f"## {world.name}", ""]
    shares = world.task.counts(world.truth) / len(world.truth)
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
    for errors in ERRORS if usual else ERRORS[:1]:
        curves: dict[str, dict[int, float]] = {}
        macros: dict[str, dict[int, float]] = {}
        for name, (choose, start) in ways.items():
            if (errors or not usual) and name not in ("ours", "random"):
                continue
            if choose is None and any((world.name, name, errors, seed) not in store for seed in range(seeds)):
                continue  # small-text is not installed
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
        store.get((world.name, "stop with enough texts of each class", 0.0, seed), lambda seed=seed: stop(world, seed))
        for seed in range(num_stops)
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
    if stops:
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
    parser.add_argument("--stops", type=int, default=3, help="sessions that go on until the page says to stop")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--encoder", help="name of another encoder")
    parser.add_argument("--path", help="its file: word vectors, or a checkpoint")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--runs", type=Path, default=Path("runs", "labelling.jsonl"), help="finished simulations")
    given = parser.parse_args(arguments)
    sections = []
    head = ["# Labelling by choice", "", f"Written by `python -m benchmarks.labelling`, {given.seeds} seeds.", ""]
    for name in given.data:
        world = read_world(name, given.shared.resolve(), given.encoder, given.path)
        sections += report(world, given.seeds, given.stops, Store(given.runs), usual=given.encoder is None)
        with atomic_write(given.out) as file:
            file.write("\n".join([*head, *sections]))


if __name__ == "__main__":
    main()
