"""The verdict of a comparison: the recommendation, the gain of pretrained vectors, and the expected gain of more labels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from lit_transfer.baselines.catalogue import MAJORITY
from lit_transfer.compare.evidence.advice import advise
from lit_transfer.compare.evidence.curve import TIMES, Outlook, extend
from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.statistics import LEVEL
from lit_transfer.compare.evidence.verdict import START, VECTORS, SizeVerdict, judge_size
from lit_transfer.compare.plan import Plan
from lit_transfer.compare.wording import listed, points
from lit_transfer.files import atomic_write
from lit_transfer.html import fragment


@dataclass(frozen=True)
class Verdict:
    """The verdict of a comparison.

    Attributes:
        sizes: Verdict at each training size, in increasing order.
        plan: The plan of the comparison.
        outlooks: Expected scores of each method with more labels.
        notes: Remarks on the comparison.
    """

    sizes: list[SizeVerdict]
    plan: Plan
    outlooks: Mapping[str, list[Outlook]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def metric(self) -> str:
        """Compared metric."""
        return self.plan.metric

    @property
    def last(self) -> SizeVerdict:
        """Verdict at the largest training size, which determines the recommendation."""
        return self.sizes[-1]

    @property
    def recommended(self) -> str:
        """Name of the recommended method with all labels."""
        return self.last.recommended

    def advice(self) -> list[str]:
        """Return the recommendation with all labels, as a few sentences."""
        return advise(self.last, self.plan.metric, self.plan.guess)

    def further(self) -> list[str]:
        """Return further results: the gain of vectors, other numbers of labels, and more labels."""
        return [
            *self._gain(
                "Over random values, pretrained vectors gain",
                VECTORS,
                {method.name for method in self.plan.methods if method.from_random},
            ),
            *self._gain(
                "Over the best method without init_from, a network with init_from gains",
                START,
                {method.name for method in self.plan.methods if not method.init_from},
            ),
            *self._other_sizes(),
            *self._more_labels(),
        ]

    def answer(self) -> list[str]:
        """Return the recommendation and further results, as sentences."""
        reason = [self.plan.reason] if self.plan.reason else []
        return [*reason, *self.advice(), *self.further()]

    def _repr_html_(self) -> str:
        first, *others = self.answer()
        return fragment("html/summary.html.j2", summary=[("recommendation", first), ("", "\n".join(others))])

    def _gain(self, lead: str, question: str, without: set[str]) -> list[str]:
        """Return a sentence on the largest gain over methods without a feature, with the most and the fewest labels.

        The sentence begins with `lead`; the pairs answer the question; the methods in `without` lack the feature.
        """
        parts = []
        for size in self.sizes[-1:] if len(self.sizes) == 1 else (self.sizes[-1], self.sizes[0]):
            asked = [
                pair if pair.second in without else pair.turned() for pair in size.pairs if question in pair.questions
            ]
            if not asked:
                return []
            best = max(asked, key=lambda pair: pair.difference.mean)
            interval = f" ({best.interval()})" if best.testable else ""
            shown = "" if best.shown else ", perhaps by chance,"
            parts.append(
                f"{points(best.difference.mean, sign=True)} points{interval}{shown} with {size.label} ({best.first})"
            )
        return [f"{lead} {listed(parts)}."]

    def _other_sizes(self) -> list[str]:
        """Return a sentence on the recommended methods with fewer labels, if they differ."""
        if all(_recommended(size) == _recommended(self.last) for size in self.sizes):
            return []
        parts = []
        for name, group in groupby(self.sizes[:-1], _recommended):
            sizes = listed([f"{size.train_size:,}" for size in group])
            parts.append(f"with {sizes} labels {name}")
        return [f"With fewer labels: {listed(parts)}."]

    def _more_labels(self) -> list[str]:
        """Return a sentence on the expected score of the recommended method with more labels."""
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
    return size.recommended if size.beats_guessing else f"nothing is certain to beat guessing ({size.guess})"


def judge(
    plan: Plan,
    outcomes: Mapping[int, Sequence[Outcome]],
    costs: Mapping[int, Mapping[str, Cost]] | None = None,
    levels: Mapping[int, float] | None = None,
) -> Verdict:
    """Compute the verdict at each training size.

    Outcomes, costs and `levels`, the accepted probabilities of any false claim, are by number of training texts.
    """
    sizes = [
        judge_size(
            size,
            size == plan.all_texts,
            outcomes[size],
            plan.smallest_difference,
            (costs or {}).get(size),
            (levels or {}).get(size, LEVEL),
        )
        for size in sorted(outcomes)
    ]
    return Verdict(sizes, plan, outlooks_of(outcomes), list(plan.notes))


def outlooks_of(outcomes: Mapping[int, Sequence[Outcome]]) -> dict[str, list[Outlook]]:
    """Return the expected scores of each method with multiples of the largest training size."""
    found: dict[str, list[Outlook]] = {}
    last = max(outcomes)
    points: dict[str, list[tuple[int, float, float]]] = {}
    for size in sorted(outcomes):
        for outcome in outcomes[size]:
            if outcome.method.kind != MAJORITY:
                points.setdefault(outcome.method.name, []).append((size, outcome.score, outcome.error))
    for name, known in points.items():
        at, scores, errors = zip(*known, strict=True)
        if outlooks := extend(at, scores, errors, [times * last for times in TIMES]):
            found[name] = outlooks
    return found


def as_data(verdict: Verdict) -> dict[str, Any]:
    """Return the content of `verdict.json`; docs/compare.md has the schema."""
    content: dict[str, Any] = {
        "recommendation": {"way": verdict.recommended, "reason": " ".join(verdict.advice())},
        "sizes": [
            {
                "train_size": size.train_size,
                "recommended": size.recommended,
                "accuracy": size.accuracy,
                "expected_loss": size.losses,
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
    if verdict.plan.metric != "accuracy":
        content["metric"] = verdict.plan.metric
        for entry, size in zip(content["sizes"], verdict.sizes, strict=True):
            entry["scores"] = size.scores
    return content


def write_verdict(path: Path, verdict: Verdict) -> None:
    """Write `verdict.json`."""
    with atomic_write(path) as file:
        json.dump(as_data(verdict), file, indent=1)
