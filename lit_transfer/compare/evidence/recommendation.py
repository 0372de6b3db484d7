"""The recommended way, the gain of pretrained vectors, and whether a baseline performs as well."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from lit_transfer.compare.evidence.curve import TIMES, Outlook, extend
from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.statistics import LEVEL
from lit_transfer.compare.evidence.verdict import START, VECTORS, SizeVerdict, judge_size
from lit_transfer.compare.plan import MAJORITY, Way
from lit_transfer.compare.scores import NAMES
from lit_transfer.compare.wording import listed, number, points
from lit_transfer.files import atomic_write


@dataclass(frozen=True)
class Verdict:
    """The verdict of a comparison.

    Attributes:
        sizes: Verdict at each training size, in increasing order.
        ways: All compared ways.
        metric: Compared metric.
        reason: Reason for the metric if it was chosen automatically; empty otherwise.
        outlooks: Expected scores of each way with more labels.
        notes: Remarks on the comparison.
    """

    sizes: list[SizeVerdict]
    ways: Sequence[Way]
    metric: str = "accuracy"
    reason: str = ""
    outlooks: Mapping[str, list[Outlook]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def last(self) -> SizeVerdict:
        """Verdict at the largest training size, which determines the recommendation."""
        return self.sizes[-1]

    @property
    def recommended(self) -> str:
        """Name of the recommended way with all labels."""
        return self.last.recommended

    def why(self) -> str:
        """Return the reason for the recommended way, as a sentence."""
        return _why(self.last, self.metric)

    def answer(self) -> list[str]:
        """Return the recommendation as a few sentences."""
        if not self.last.beats_guessing:
            lines = [f"{self.why()} Label more texts before using any of the ways."]
        else:
            lines = [f"Use {self.recommended}: {self.why()}", *self._baseline()]
        return [
            line
            for line in (
                self.reason,
                *lines,
                *self._gain("Over random values, pretrained vectors gain", VECTORS, self._random),
                *self._gain("Over the best way without init_from, a network with init_from gains", START, self._anew),
                *self._other_sizes(),
                *self._more_labels(),
            )
            if line
        ]

    def _baseline(self) -> list[str]:
        """Return a sentence on baselines that perform as well as the recommended network, or networks no better than one."""
        size, baseline = self.last, {way.name: way.is_baseline for way in self.ways}
        if baseline.get(size.recommended, False):
            if any(not is_baseline for is_baseline in baseline.values()):
                return ["No network is shown to be better by more than that."] if size.best != size.recommended else []
            return []
        near = [name for name in size.candidates if baseline.get(name, False)]
        told = [f"{name} ({100 * size.scores[name]:.1f} %)" for name in near]
        return [f"According to the tests, {listed(told)} perform{'s' * (len(told) == 1)} as well."] if told else []

    def _gain(self, lead: str, question: str, without: set[str]) -> list[str]:
        """Return a sentence on the largest gain over ways without a feature, with the most and the fewest labels.

        Args:
            lead: Beginning of the sentence.
            question: Question that the pairs answer.
            without: Names of the ways without the feature.
        """
        told = []
        for size in self.sizes[-1:] if len(self.sizes) == 1 else (self.sizes[-1], self.sizes[0]):
            asked = [
                pair if pair.second in without else pair.turned() for pair in size.pairs if question in pair.questions
            ]
            if not asked:
                return []
            best = max(asked, key=lambda pair: pair.difference.mean)
            interval = f" ({best.interval()})" if best.testable else ""
            shown = "" if best.shown else ", not shown to be more than chance,"
            told.append(
                f"{points(best.difference.mean, sign=True)} points{interval}{shown} with {size.label} ({best.first})"
            )
        return [f"{lead} {listed(told)}."]

    @property
    def _random(self) -> set[str]:
        """Names of the ways with random initial values."""
        return {way.name for way in self.ways if way.kind == "random" and not (way.is_baseline or way.init_from)}

    @property
    def _anew(self) -> set[str]:
        """Names of the ways without `init_from`."""
        return {way.name for way in self.ways if not way.init_from}

    def _other_sizes(self) -> list[str]:
        """Return a sentence on the recommended ways with fewer labels, if they differ."""
        if all(_recommended(size) == _recommended(self.last) for size in self.sizes):
            return []
        told = []
        for name, group in groupby(self.sizes[:-1], _recommended):
            sizes = listed([f"{size.train_size:,}" for size in group])
            told.append(f"with {sizes} labels {name}")
        return [f"With fewer labels: {listed(told)}."]

    def _more_labels(self) -> list[str]:
        """Return a sentence on the expected score of the recommended way with more labels."""
        found = self.outlooks.get(self.recommended, [])
        if not self.last.beats_guessing or not found:
            return []
        outlook = found[min(1, len(found) - 1)]
        times = outlook.train_size // self.last.train_size
        return [
            f"With {times} times the labels {self.recommended} would reach about {100 * outlook.middle:.1f} % "
            f"({100 * outlook.low:.1f} to {100 * outlook.high:.1f})."
        ]

    def __str__(self) -> str:
        """Return the recommendation, followed by the evidence at each training size."""
        return "\n".join([*self.answer(), "", *(line for size in self.sizes for line in size.sentences())])


def _recommended(size: SizeVerdict) -> str:
    return size.recommended if size.beats_guessing else f"nothing beats guessing ({size.guess})"


def _why(size: SizeVerdict, metric: str) -> str:
    way, best = size.recommended, size.best
    score = f"{100 * size.scores[way]:.1f} %"
    what, least = NAMES[metric], points(size.smallest)
    if not size.beats_guessing:
        told = f"{best} reaches {100 * size.scores[best]:.1f} %" if best != size.guess else "nothing is better"
        return (
            f"No way is shown to beat always answering the most frequent class ({what} "
            f"{100 * size.scores[str(size.guess)]:.1f} %; {told}) with {size.label}."
        )
    if way != best:
        lead = next(pair for pair in size.against_best if pair.second == way)
        return (
            f"{what} {score} with {size.label}. {best} has {100 * size.scores[best]:.1f} %, but its lead of {lead.found()} is "
            f"not shown to exceed {least} points, and {way} is the cheapest of those that are not worse"
            f"{_parameters(size, way, best)}."
        )
    others = [name for name in size.candidates if name != way]
    if others:
        return (
            f"{what} {score} with {size.label}, the best, and cheaper than {listed(others)}, which "
            f"{'is' if len(others) == 1 else 'are'} not shown to be worse by more than {least} points."
        )
    return f"{what} {score} with {size.label}; every other way is shown to be worse by more than {least} points."


def _parameters(size: SizeVerdict, way: str, best: str) -> str:
    if way not in size.costs or best not in size.costs:
        return ""
    return (
        f" ({number(size.costs[way].trainable)} trainable parameters; {best} has {number(size.costs[best].trainable)})"
    )


def judge(
    outcomes: Mapping[int, Sequence[Outcome]],
    all_texts: int,
    smallest_difference: float,
    ways: Sequence[Way],
    *,
    costs: Mapping[int, Mapping[str, Cost]] | None = None,
    levels: Mapping[int, float] | None = None,
    metric: str = "accuracy",
    reason: str = "",
) -> Verdict:
    """Compute the verdict at each training size.

    Args:
        outcomes: Outcomes of the ways by number of training texts.
        all_texts: Number of texts of the whole train split.
        smallest_difference: Smallest relevant difference, in points.
        ways: All compared ways.
        costs: Costs by training size and name of the way.
        levels: Accepted probability of any false claim by training size; the default is `LEVEL`.
        metric: Compared metric.
        reason: Reason for the metric if it was chosen automatically.
    """
    sizes = [
        judge_size(
            size,
            size == all_texts,
            outcomes[size],
            smallest_difference,
            (costs or {}).get(size),
            (levels or {}).get(size, LEVEL),
        )
        for size in sorted(outcomes)
    ]
    return Verdict(sizes, ways, metric, reason, outlooks_of(outcomes))


def outlooks_of(outcomes: Mapping[int, Sequence[Outcome]]) -> dict[str, list[Outlook]]:
    """Return the expected scores of each way with multiples of the largest training size."""
    found: dict[str, list[Outlook]] = {}
    last = max(outcomes)
    points: dict[str, list[tuple[int, float, float]]] = {}
    for size in sorted(outcomes):
        for outcome in outcomes[size]:
            if outcome.way.kind != MAJORITY:
                points.setdefault(outcome.way.name, []).append((size, outcome.score, outcome.error))
    for name, known in points.items():
        at, scores, errors = zip(*known, strict=True)
        if outlooks := extend(at, scores, errors, [times * last for times in TIMES]):
            found[name] = outlooks
    return found


def as_data(verdict: Verdict) -> dict[str, Any]:
    """Return the content of `verdict.json`; docs/compare.md has the schema."""
    told: dict[str, Any] = {
        "recommendation": {"way": verdict.recommended, "reason": verdict.why()},
        "sizes": [
            {
                "train_size": size.train_size,
                "recommended": size.recommended,
                "accuracy": size.accuracy,
                "differences": [
                    {
                        "first": pair.first,
                        "second": pair.second,
                        "mean": pair.difference.mean,
                        # With a single seed the interval is unknown; the widest one is written.
                        "low": pair.difference.low if pair.testable else -1.0,
                        "high": pair.difference.high if pair.testable else 1.0,
                        "shown": pair.shown,
                    }
                    for pair in size.pairs
                ],
            }
            for size in verdict.sizes
        ],
    }
    if verdict.metric != "accuracy":
        told["metric"] = verdict.metric
        for entry, size in zip(told["sizes"], verdict.sizes, strict=True):
            entry["scores"] = size.scores
    return told


def write_verdict(path: Path, verdict: Verdict) -> None:
    """Write `verdict.json`."""
    with atomic_write(path) as file:
        json.dump(as_data(verdict), file, indent=1)
