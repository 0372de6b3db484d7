"""The report of `benchmarks.labelling`, from the simulations that are stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.labelling_sessions import FURTHER_SEEDS, Run
from lit_transfer.curation.labelling.outlook import AGREEMENT, FURTHER

NAMES = ("mr", "sst2", "trec", "nsmc", "rare", "goemotions")
ERRORS = (0.0, 0.05, 0.1)
SHOWN = (50, 100, 200, 300, 400)
# Numbers of answers of random at whose accuracy the ways are compared.
REFERENCES = (100, 200, 400)
# What is stored beside the sessions of the ways.
OTHERS = ("texts", "stop", "choosing")
HEAD = """# Labelling by choice

Written by `python -m benchmarks.labelling` from all simulations that it has stored. Those of another encoder are run by
`--encoder NAME --path FILE`: for films, GloVe vectors adapted to 25,000 unlabelled IMDb reviews (5 epochs) and the network
pretrained on them (2 epochs, hidden size 200); for TREC, the same from its own questions
(`lightning pretrain TEXTS --target CONFIG --budget 4m`). Each is one pretraining run.
"""


class Key(NamedTuple):
    """What was simulated.

    Attributes:
        world: Name of the data set, and of the encoder if it is another one.
        what: A way of choosing texts, `stop`, `choosing` for what the page says of choosing, or `texts` for the facts of the data
            set.
        share: Share of wrong answers; for `stop`, the agreement.
        seed: Seed.
    """

    world: str
    what: str
    share: float = 0.0
    seed: int = 0


class Store:
    """Simulations in a file of JSON lines, so that a run that was interrupted goes on.

    Args:
        path: The file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._found: dict[Key, Any] = {Key(*key): value for key, value in map(json.loads, lines)}

    def __iter__(self) -> Iterator[Key]:
        return iter(self._found)

    def __getitem__(self, key: Key) -> Any:
        return self._found[key]

    def add(self, key: Key, make: Callable[[], Any]) -> None:
        """Compute and store what a key stands for, if it is new."""
        if key not in self._found:
            self._found[key] = json.loads(json.dumps(make()))
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, self._found[key]]) + "\n")

    def runs(self, world: str, way: str, errors: float) -> dict[int, Run]:
        """Return the sessions of a way of choosing texts, by seed."""
        keys = sorted(key for key in self if (key.world, key.what, key.share) == (world, way, errors))
        return {key.seed: _run_of(self[key]) for key in keys}


def _run_of(values: dict[str, Any]) -> Run:
    by_count = [{int(count): share for count, share in values[name].items()} for name in ("accuracy", "macro")]
    return Run(*by_count, values["inside"], [tuple(each) for each in values["expected"]])


def needed(curve: dict[int, float], level: float) -> float | None:
    """Return the number of answers from which on a curve is at a level or above, by linear interpolation; None for more.

    A curve that falls below the level again has not reached it.
    """
    numbers = sorted(curve)
    below = [number for number in numbers if curve[number] < level]
    if not below:
        return float(numbers[0])
    if below[-1] == numbers[-1]:
        return None
    before, after = below[-1], numbers[numbers.index(below[-1]) + 1]
    return before + (after - before) * (level - curve[before]) / (curve[after] - curve[before])


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


def section(name: str, store: Store) -> tuple[list[str], Summary]:
    """Return the section of a data set, and its summary.

    Args:
        name: Name of the data set, and of the encoder if it is another one.
        store: The simulations.
    """
    facts = store[Key(name, "texts")]
    ways = list(dict.fromkeys(key.what for key in store if key.world == name and key.what not in OTHERS))
    lines = [
        f"## {name}",
        "",
        f"{facts['texts']:,} texts, {facts['classes']} classes, the smallest {100 * facts['smallest']:.1f} %. "
        f"{'Accuracy of the whole set of labels' if facts['several'] else 'Accuracy'}, with macro-F1 in brackets:",
        "",
        f"| wrong answers | way | sessions | {' | '.join(f'{count} answers' for count in SHOWN)} |",
        f"|---|---|--:|{'--:|' * len(SHOWN)}",
    ]
    summary, bands, said = Summary(name), _Bands(), []
    for errors in ERRORS:
        found = {way: runs for way in ways if (runs := store.runs(name, way, errors))}
        for way, runs in found.items():
            curve, macro = mean_curve([*runs.values()]), mean_curve([*runs.values()], macro=True)
            cells = [f"{100 * curve[count]:.1f} ({100 * macro[count]:.1f})" for count in SHOWN]
            lines.append(f"| {100 * errors:.0f} % | {way} | {len(runs)} | {' | '.join(cells)} |")
        if not {"ours", "random"} <= {*found}:
            continue
        summary.sessions += [run.inside for run in found["ours"].values()]
        common = sorted({*found["ours"]} & {*found["random"]})
        pairs = {way: [found[way][seed] for seed in common] for way in ("ours", "random")}
        for macro_f1 in (False, True):
            needs, (lag, error) = _needs(pairs, macro_f1), _lag(pairs, macro_f1)
            if not macro_f1:
                summary.shares[errors], summary.lags[errors] = needs[-1], (lag, error)
            said.append(
                f"- {100 * errors:.0f} % wrong answers, {'macro-F1' if macro_f1 else 'accuracy'}: what random reaches with "
                f"{', '.join(map(str, REFERENCES))} answers, ours reaches with {', '.join(map(_share, needs))} of them; largest "
                f"lag behind random {100 * lag:.1f} points (standard error {100 * error:.1f})."
            )
    for seed, run in store.runs(name, "ours", 0.0).items():
        if seed >= FURTHER_SEEDS:  # those of other seeds were looked at while the band was made
            bands.add(run)
    summary.stops = [store[key] for key in sorted(store) if key[:3] == (name, "stop", AGREEMENT)]
    said.append(
        "- The 95 % interval of the accuracy contained the accuracy on held-out texts (by the same labeller) in "
        f"{_coverage(summary.sessions)}."
    )
    said += [bands.fact()] if bands.inside else []
    said += _said_of_choosing([store[key] for key in sorted(store) if key[:2] == (name, "choosing")])
    if summary.stops:
        said.append(
            f"- Stopping by an agreement of {AGREEMENT}, labels and points below all labels (standard error of each about "
            f"{100 * np.mean([error for *_, error in summary.stops]):.1f}): "
            + ", ".join(f"{count:,} ({100 * lost:+.1f})" for count, lost, _ in summary.stops)
            + f"; on average {100 * np.mean([lost for _, lost, _ in summary.stops]):+.1f}."
        )
    return [*lines, "", *said, ""], summary


def _said_of_choosing(intervals: Sequence[tuple[float, float] | None]) -> list[str]:
    """Return how often the page says that choosing helps, that it does not, and that this is not shown yet."""
    if not intervals:
        return []
    helps, helps_not = (
        sum(found is not None and holds(*found) for found in intervals)
        for holds in (lambda low, _: low > 0, lambda _, high: high < 0)
    )
    return [
        f"- At the end of {len(intervals)} sessions, the page says that choosing helps in {helps}, that it does not in "
        f"{helps_not}, and that this is not shown yet in {len(intervals) - helps - helps_not}."
    ]


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


def report(store: Store) -> str:
    """Return the report of all simulations."""
    worlds = {key.world for key in store if key.what == "texts"}
    usual = [name for name in NAMES if name in worlds]
    parts = [section(name, store) for name in usual]
    others = [line for name in sorted(worlds - {*NAMES}) for line in section(name, store)[0]]
    lines = [HEAD, *(line for part, _ in parts for line in part), *together([summary for _, summary in parts])]
    return "\n".join([*lines, *(["# Other encoders", "", *others] if others else [])]).rstrip() + "\n"
