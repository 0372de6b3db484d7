"""The answer in plain sentences: which way is best, for which number of labels, and which differences are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from lit_transfer.compare.plan import MAJORITY, Way
from lit_transfer.compare.statistics import (
    LEVEL,
    MOST_SEEDS,
    Difference,
    holm,
    paired_difference,
    seeds_to_show,
    texts_to_show,
)
from lit_transfer.transfer import MODES


@dataclass(frozen=True)
class Outcome:
    """How one way did at one training size.

    Attributes:
        way: the way.
        predicted: the predicted classes, a row for each seed. *Shape:* `(seeds, texts)`.
        right: whether they are the true ones. *Shape:* `(seeds, texts)`.
    """

    way: Way
    predicted: np.ndarray
    right: np.ndarray

    @property
    def accuracy(self) -> float:
        """The mean over the seeds."""
        return float(self.right.mean())


@dataclass(frozen=True)
class Pair:
    """Two ways at one training size.

    Attributes:
        first: name of the way with the higher accuracy.
        second: name of the other.
        difference: first - second.
        p: chance of such a difference by luck, corrected (Holm) for the pairs of this size.
        testable: whether there are seeds enough for a test.
        same: share of the predictions that are the same with the same seed, 0 to 1.
        wanted: the difference that `seeds` and `texts` are about, as a share.
        seeds: seeds, in all, that would show it; None where not even `MOST_SEEDS` would.
        texts: test texts that would show it, where these are too few for any number of seeds.
    """

    first: str
    second: str
    difference: Difference
    p: float
    testable: bool
    same: float
    wanted: float
    seeds: int | None
    texts: int | None

    @property
    def shown(self) -> bool:
        """Whether the difference is more than luck."""
        return self.testable and self.p < LEVEL

    def interval(self) -> str:
        """The 95 % interval of the difference, in points."""
        return f"{_points(self.difference.low)} to {_points(self.difference.high)}"

    def found(self) -> str:
        """The difference and its interval: "2.1 points (95 % interval 0.9 to 3.3)"."""
        points = f"{_points(self.difference.mean)} points"
        return f"{points} (95 % interval {self.interval()})" if self.testable else points

    def need(self, seeds: int) -> str:
        """What it would take to show a difference, where none is shown.

        Args:
            seeds: number of seeds that were used.
        """
        if self.same == 1:
            return "the same predictions"
        if self.seeds is not None:
            more = max(self.seeds - seeds, 1)
            seeds_more = f"about {more:,} more seed{'s' if more > 1 else ''}"
            return f"{seeds_more} would be needed to show {_points(self.wanted)} points"
        if self.texts is None:
            return f"more than {MOST_SEEDS:,} seeds would be needed to show {_points(self.wanted)} points"
        return f"at least {self.texts:,} test texts would be needed to show {_points(self.wanted)} points"

    def sentence(self, seeds: int) -> str:
        """What is known of the two, as a sentence.

        Args:
            seeds: number of seeds that were used.
        """
        if self.shown:
            return f"{self.first} beats {self.second} by {self.found()}."
        if not self.testable:
            return f"{self.first} is {self.found()} above {self.second}; with one seed that says nothing yet."
        return (
            f"No difference between {self.first} and {self.second} can be shown with {seeds} seeds: {self.found()}; "
            f"{self.need(seeds)}."
        )


@dataclass(frozen=True)
class SizeVerdict:
    """The verdict for one training size.

    Attributes:
        train_size: number of training texts.
        all_texts: whether these are all there are.
        seeds: number of seeds.
        accuracy: each way's mean accuracy, the best first.
        pairs: all pairs of ways that are tested.
    """

    train_size: int
    all_texts: bool
    seeds: int
    accuracy: dict[str, float]
    pairs: list[Pair]

    @property
    def label(self) -> str:
        """The size in words."""
        return f"all {self.train_size:,} labels" if self.all_texts else f"{self.train_size:,} labels"

    @property
    def best(self) -> str:
        """The way with the highest accuracy."""
        return next(iter(self.accuracy))

    @property
    def rivals(self) -> list[str]:
        """The ways that are not shown to be worse than the best, the best included."""
        return [self.best] + [pair.second for pair in self.pairs if pair.first == self.best and not pair.shown]

    def pair(self, one: str, other: str) -> Pair:
        """The pair of two ways, whichever is first."""
        return next(pair for pair in self.pairs if {pair.first, pair.second} == {one, other})

    def beats(self, one: str, other: str) -> bool:
        """Whether one way is shown to be better than the other."""
        pair = self.pair(one, other)
        return pair.shown and pair.first == one

    def sentences(self) -> list[str]:
        """The best way against every other: what is shown, and what is not."""
        against = [pair for pair in self.pairs if pair.first == self.best]
        shown = [f"{pair.second} by {pair.found()}" for pair in against if pair.shown]
        lead = f"With {self.label}, {self.best} has the highest accuracy ({100 * self.accuracy[self.best]:.1f} %)"
        lines = [f"{lead}; it beats {_listed(shown)}." if shown else f"{lead}."]
        if hidden := [pair for pair in against if not pair.shown]:
            if all(pair.testable for pair in hidden):
                parts = [f"{pair.second}, {pair.found()}: {pair.need(self.seeds)}" for pair in hidden]
                lines.append(f"No difference can be shown with {self.seeds} seeds to {'; to '.join(parts)}.")
            else:
                parts = [f"{pair.second} by {pair.found()}" for pair in hidden]
                lines.append(f"It leads {_listed(parts)}, but with one seed that says nothing yet.")
        return lines


@dataclass(frozen=True)
class Verdict:
    """The verdict on a comparison, size by size; `str` gives it as plain sentences.

    Attributes:
        sizes: the smallest training size first.
        ways: the ways that were compared.
    """

    sizes: list[SizeVerdict]
    ways: list[Way]

    @property
    def summary(self) -> list[str]:
        """What holds over all sizes: the best way for each, the crossing, what the vectors bring, slow against frozen."""
        return [*self.best_by_size(), *self.gain_of_vectors(), *self.slow_against_frozen()]

    @property
    def sentences(self) -> list[str]:
        """The summary, and then each size."""
        return self.summary + [sentence for size in self.sizes for sentence in size.sentences()]

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def best_by_size(self) -> list[str]:
        """The best way for each size, and for each change of it: is the crossing shown? Nothing for a single size."""
        stretches: list[list[SizeVerdict]] = []
        for size in self.sizes:
            if stretches and stretches[-1][0].best == size.best:
                stretches[-1].append(size)
            else:
                stretches.append([size])
        if len(stretches) == 1:
            if len(self.sizes) == 1:
                return []
            return [f"{self.sizes[0].best} has the highest accuracy at every number of labels."]
        best = [f"{part[0].best} with {_stretch(part)}" for part in stretches]
        lines = [f"The best way changes with the number of labels: {_listed(best)}."]
        return lines + [self._crossing(before[-1], after[0]) for before, after in pairwise(stretches)]

    def _crossing(self, before: SizeVerdict, after: SizeVerdict) -> str:
        few, many = before.best, after.best
        first = [size for size in self.sizes if size.beats(few, many)]
        then = [size for size in self.sizes if size.beats(many, few)]
        where = f"between {before.train_size:,} and {after.train_size:,} labels"
        if first and then:
            return (
                f"The crossing of {few} and {many} {where} is shown: {few} beats {many} with {_stretch(first)}, "
                f"{many} beats {few} with {_stretch(then)}."
            )
        known = [f"{a} beats {b} with {_stretch(s)}" for a, b, s in ((few, many, first), (many, few, then)) if s]
        only = f"only that {known[0]}" if known else "neither is shown to beat the other at any size"
        return f"The means of {few} and {many} cross {where}, but that is not shown: {only}."

    def gain_of_vectors(self) -> list[str]:
        """What each way of using the vectors brings over random values."""
        if not any(way.kind == "random" for way in self.ways):
            return []
        lines = []
        for way in self.ways:
            if way.kind not in MODES or not MODES[way.kind].pretrained:
                continue
            parts = []
            for size in self.sizes:
                pair = size.pair(way.name, "random")
                gain = pair.difference.mean if pair.first == way.name else -pair.difference.mean
                parts.append(f"{_points(gain, sign=True)}{'' if pair.shown else ' (not shown)'} with {size.label}")
            lines.append(f"{way.name} against random, in points: {_listed(parts)}.")
        return lines

    def slow_against_frozen(self) -> list[str]:
        """Whether a slow embedding differs from a frozen one at all."""
        lines = []
        for slow in (way for way in self.ways if way.kind == "slow"):
            for frozen in (way for way in self.ways if way.kind == "frozen" and way.vectors == slow.vectors):
                shown = [size for size in self.sizes if size.pair(slow.name, frozen.name).shown]
                same = [size.pair(slow.name, frozen.name).same for size in self.sizes]
                agree = f"with the same seed they agree on {_span(same)} of the test texts"
                if shown:
                    which = [f"{size.pair(slow.name, frozen.name).first} is better with {size.label}" for size in shown]
                    lines.append(f"{slow.name} differs from {frozen.name}: {_listed(which)}; {agree}.")
                else:
                    lines.append(f"{slow.name} is not shown to differ from {frozen.name} at any size; {agree}.")
        return lines


def judge(
    outcomes: Mapping[int, Sequence[Outcome]], all_texts: int, smallest_difference: float, ways: Sequence[Way]
) -> Verdict:
    """Tests all pairs of ways at each training size; the majority class is no way to choose, and is left out.

    Args:
        outcomes: by number of training texts.
        all_texts: the number of texts of the whole train split.
        smallest_difference: points that are worth knowing of.
        ways: all ways that are compared.
    """
    sizes = [
        _judge_size(size, size == all_texts, [o for o in outcomes[size] if o.way.kind != MAJORITY], smallest_difference)
        for size in sorted(outcomes)
    ]
    return Verdict(sizes, [way for way in ways if way.kind != MAJORITY])


def _judge_size(size: int, all_texts: bool, outcomes: list[Outcome], smallest: float) -> SizeVerdict:
    ranked = sorted(outcomes, key=lambda outcome: -outcome.accuracy)
    found = [(a, b, paired_difference(a.right, b.right)) for a, b in combinations(ranked, 2)]
    testable = [max(len(a.right), len(b.right)) > 1 or not (a.way.uses_seed or b.way.uses_seed) for a, b, _ in found]
    tests = sum(testable)
    adjusted = iter(holm([float(d.p) for (_, _, d), ok in zip(found, testable, strict=True) if ok]) if tests else [])
    pairs = []
    for (a, b, difference), ok in zip(found, testable, strict=True):
        wanted, texts = max(smallest / 100, float(difference.mean)), a.right.shape[1]
        seeds_matter = ok and max(len(a.right), len(b.right)) > 1
        needed = seeds_to_show(difference, wanted, tests, texts) if seeds_matter else None
        of_texts = texts_to_show(difference, wanted, tests, texts) if ok and needed is None else None
        if seeds_matter and of_texts is not None and of_texts <= texts:
            of_texts = None  # it is the seeds that vary too much
        pairs.append(
            Pair(
                a.way.name,
                b.way.name,
                Difference(*(float(value) for value in difference)),
                float(next(adjusted)) if ok else 1.0,
                ok,
                float((a.predicted == b.predicted).mean()),
                wanted,
                needed,
                of_texts,
            )
        )
    return SizeVerdict(
        size,
        all_texts,
        max((len(outcome.right) for outcome in outcomes), default=0),
        {outcome.way.name: outcome.accuracy for outcome in ranked},
        pairs,
    )


def _points(share: float, sign: bool = False) -> str:
    """A share as percentage points; a true minus sign, and no negative zero."""
    text = f"{round(100 * share, 1) + 0.0:{'+' if sign else ''}.1f}"
    return text.replace("-", "−")


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _stretch(sizes: Sequence[SizeVerdict]) -> str:
    """Training sizes in words: "100, 300 and all 6,824 labels"."""
    names = [size.label.removesuffix(" labels") for size in sizes]
    return f"{_listed(names)} labels"


def _span(shares: Sequence[float]) -> str:
    low, high = f"{100 * min(shares):.1f}", f"{100 * max(shares):.1f}"
    return f"{low} %" if low == high else f"{low} to {high} %"
