"""Verdict at one training size: the pairs of methods that answer a question, and which differences are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lit_transfer.baselines.catalogue import MAJORITY
from lit_transfer.compare.evidence.expected_loss import Posterior, choose, gain_of_seeds, posterior_of
from lit_transfer.compare.evidence.outcome import ERROR_OF_ONE, Cost, Outcome
from lit_transfer.compare.evidence.simultaneous import Family, compare_all
from lit_transfer.compare.evidence.statistics import LEVEL, MOST_SEEDS, Difference, seeds_to_show, texts_to_show
from lit_transfer.compare.shared_validation import covariance_of
from lit_transfer.compare.wording import listed, points

# Questions that pairs of methods answer: whether a method is worse than the best one, or than another one (if the best does not
# show it); how a method differs from the recommended one; whether a method beats guessing; and whether vectors, a slow embedding,
# or a pretrained network make a difference.
BEST, BEATEN, CHOSEN, GUESSING, VECTORS, SLOW, START = (
    "best",
    "beaten",
    "chosen",
    "guessing",
    "vectors",
    "slow",
    "start",
)


@dataclass(frozen=True)
class Pair:
    """Two methods at one training size.

    Attributes:
        first: Name of the better method; for the question whether vectors help, of the method with vectors.
        second: Name of the other method.
        questions: Questions that the pair answers.
        difference: Difference first - second, with a simultaneous interval.
        testable: Whether there are enough seeds for a test.
        same: Share of equal predictions with the same seed, 0 to 1.
        wanted: Difference that `seeds` and `texts` refer to, as a share.
        seeds: Total number of seeds needed to show it; None if it exceeds `MOST_SEEDS`.
        texts: Number of test texts needed to show it, if more seeds alone do not suffice.
    """

    first: str
    second: str
    questions: tuple[str, ...]
    difference: Difference
    testable: bool
    same: float
    wanted: float
    seeds: int | None
    texts: int | None

    @property
    def shown(self) -> bool:
        """Whether the difference is significant: its interval excludes 0."""
        return self.testable and (self.difference.low > 0 or self.difference.high < 0)

    @property
    def better(self) -> str:
        """The method with the higher score."""
        return self.first if self.difference.mean >= 0 else self.second

    def turned(self) -> Pair:
        """Return the pair in reverse order."""
        d = self.difference
        return replace(
            self, first=self.second, second=self.first, difference=d._replace(mean=-d.mean, low=-d.high, high=-d.low)
        )

    def interval(self) -> str:
        """Return the interval of the difference, in points."""
        return f"{points(self.difference.low)} to {points(self.difference.high)}"

    def found(self) -> str:
        """Return the difference and its interval, such as "2.1 points (0.9 to 3.3)"."""
        difference = f"{points(self.difference.mean)} points"
        return f"{difference} ({self.interval()})" if self.testable else difference

    def need(self, seeds: int) -> str:
        """Return the numbers of seeds or texts needed to show a difference that is not significant with `seeds` seeds."""
        if not self.testable:
            return "a single seed allows no test"
        if self.same == 1:
            return "the same predictions"
        if self.seeds is not None:
            more = max(self.seeds - seeds, 1)
            return f"about {more:,} more seed{'s' if more > 1 else ''} would show {points(self.wanted)} points"
        if self.texts is None:
            return f"more than {MOST_SEEDS:,} seeds would be needed to show {points(self.wanted)} points"
        return f"at least {self.texts:,} test texts would be needed to show {points(self.wanted)} points"

    def sentence(self, seeds: int) -> str:
        """Return the result with `seeds` seeds as a sentence."""
        worse = self.second if self.better == self.first else self.first
        if self.shown:
            return f"{self.better} beats {worse}: {self.first} − {self.second} is {self.found()}."
        return f"Not significant: {self.first} − {self.second} is {self.found()}; {self.need(seeds)}."


@dataclass(frozen=True)
class SizeVerdict:
    """The verdict for one training size.

    Attributes:
        train_size: Number of training texts.
        all_texts: Whether this is the whole train split.
        seeds: Number of seeds.
        accuracy: Mean accuracy of each method, sorted by `scores`.
        scores: Mean of the compared metric of each method, highest first.
        pairs: Pairs of methods that answer a question.
        costs: Cost of each method.
        smallest: Smallest relevant difference, as a share.
        guess: Name of the majority baseline; None if it is not compared.
        posterior: True scores that are possible after the comparison.
        covariance: Covariance of the scores. *Shape:* `(methods, methods)`.
        of_seeds: Part of it that is inversely proportional to the number of seeds. *Shape:* `(methods, methods)`.
    """

    train_size: int
    all_texts: bool
    seeds: int
    accuracy: dict[str, float]
    scores: dict[str, float]
    pairs: list[Pair]
    costs: Mapping[str, Cost]
    smallest: float
    guess: str | None
    posterior: Posterior
    covariance: np.ndarray
    of_seeds: np.ndarray

    @property
    def label(self) -> str:
        """Training size in words."""
        return f"all {self.train_size:,} labels" if self.all_texts else f"{self.train_size:,} labels"

    @property
    def best(self) -> str:
        """Name of the method with the highest score."""
        return next(iter(self.scores))

    @property
    def against_best(self) -> list[Pair]:
        """Pairs of the best method and each other method."""
        return [pair for pair in self.pairs if BEST in pair.questions]

    def against(self, name: str) -> list[Pair]:
        """Return the pairs of the best or the recommended method and each other method, which is the first."""
        question = BEST if name == self.best else CHOSEN
        pairs = [pair for pair in self.pairs if question in pair.questions and name in (pair.first, pair.second)]
        return [pair if pair.second == name else pair.turned() for pair in pairs]

    @property
    def rivals(self) -> list[str]:
        """Names of the methods not significantly worse than another, including the best."""
        worse = {pair.second for pair in self.pairs if pair.shown and {BEST, BEATEN} & set(pair.questions)}
        return [name for name in self.scores if name not in worse]

    @property
    def beats_guessing(self) -> bool:
        """Whether a method is significantly better than always predicting the most frequent class."""
        return self.guess is None or any(
            pair.shown and pair.second == self.guess and pair.better != self.guess for pair in self.pairs
        )

    @cached_property
    def losses(self) -> dict[str, float]:
        """Expected loss of each method as a share; see `lit_transfer.compare.evidence.expected_loss`."""
        return self.posterior.losses

    @cached_property
    def recommended(self) -> str:
        """Name of the cheapest method whose expected loss is within `smallest`.

        The majority baseline is excluded if a method is significantly better.
        """
        losses = {name: loss for name, loss in self.losses.items() if name != self.guess or not self.beats_guessing}
        return choose(losses, {name: self.cost(name) for name in losses}, self.smallest)

    def gain(self, seeds: int) -> float:
        """Return how much better the chosen method would be with more seeds, on average over what they may find, as a share."""
        return gain_of_seeds(self.posterior, self.covariance, self.of_seeds, self.seeds / seeds)

    def cost(self, name: str) -> float:
        """Return the cost of a method in seconds; see `Cost`."""
        return self.costs.get(name, Cost()).total

    def pair(self, one: str, other: str) -> Pair:
        """Return the pair of two methods, in any order.

        Raises:
            KeyError: The two methods do not answer a question.
        """
        for pair in self.pairs:
            if {pair.first, pair.second} == {one, other}:
                return pair
        raise KeyError(f"{one}, {other}")

    def beats(self, one: str, other: str) -> bool:
        """Return whether `one` is significantly better than `other`."""
        pair = self.pair(one, other)
        return pair.shown and pair.better == one

    def sentences(self) -> list[str]:
        """Return the evidence as sentences: the best method, and the differences from it."""
        shown = [f"{pair.second} by {pair.found()}" for pair in self.against_best if pair.shown]
        lead = f"With {self.label}, {self.best} has the highest score ({100 * self.scores[self.best]:.1f} %)"
        lines = [f"{lead}; it beats {listed(shown)}." if shown else f"{lead}."]
        hidden = [
            f"{pair.second}, {pair.found()}: {pair.need(self.seeds)}"
            for pair in self.against_best
            if pair.second in self.rivals
        ]
        if hidden:
            lines.append(f"Not significantly worse: {'; '.join(hidden)}.")
        lines += [pair.sentence(self.seeds) for pair in self.pairs if BEATEN in pair.questions and pair.shown]
        return lines


def judge_size(
    train_size: int,
    all_texts: bool,
    outcomes: Sequence[Outcome],
    smallest_difference: float,
    costs: Mapping[str, Cost] | None = None,
    level: float = LEVEL,
) -> SizeVerdict:
    """Compute the verdict at one training size.

    The smallest relevant difference is in points; `level` is the accepted probability of any false claim.
    """
    ranked = sorted(outcomes, key=lambda outcome: -outcome.score)
    family = compare_all(
        [outcome.table for outcome in ranked], level, covariance_of([outcome.by_sample for outcome in ranked])
    )
    smallest = smallest_difference / 100
    asked = _questions(ranked, family, smallest)
    guess = next((outcome.method.name for outcome in ranked if outcome.method.kind == MAJORITY), None)
    scores = {outcome.method.name: outcome.score for outcome in ranked}
    # A single seed gives no information about others.
    unknown = np.diag([ERROR_OF_ONE**2 * (outcome.method.uses_seed and len(outcome.right) == 1) for outcome in ranked])
    covariance = family.covariance + unknown
    posterior = posterior_of(
        list(scores),
        np.array(list(scores.values())),
        covariance,
        [name == guess for name in scores],
    )
    verdict = SizeVerdict(
        train_size,
        all_texts,
        max((len(outcome.right) for outcome in outcomes), default=0),
        {outcome.method.name: outcome.accuracy for outcome in ranked},
        scores,
        _pairs(ranked, asked, family, smallest),
        costs or {},
        smallest,
        guess,
        posterior,
        covariance,
        family.of_seeds + unknown,
    )
    chosen = list(scores).index(verdict.recommended)
    if chosen == 0:
        return verdict
    for other in range(len(ranked)):
        if other != chosen:
            asked.setdefault((min(chosen, other), max(chosen, other)), []).append(CHOSEN)
    return replace(verdict, pairs=_pairs(ranked, asked, family, smallest))


def _pairs(
    ranked: Sequence[Outcome], asked: Mapping[tuple[int, int], list[str]], family: Family, smallest: float
) -> list[Pair]:
    return [_pair(ranked[i], ranked[j], questions, family, (i, j), smallest) for (i, j), questions in asked.items()]


def _questions(ranked: Sequence[Outcome], family: Family, smallest: float) -> dict[tuple[int, int], list[str]]:
    """Return the pairs that answer a question, by the ranks of the two methods, the better first."""
    asked: dict[tuple[int, int], list[str]] = {(0, j): [BEST] for j in range(1, len(ranked))}
    for j in range(1, len(ranked)):
        surest = max(
            range(j), key=lambda i: float(family.differences[i, j].low) if _testable(ranked[i], ranked[j]) else -1
        )
        if surest and _testable(ranked[surest], ranked[j]) and family.differences[surest, j].low > smallest:
            asked.setdefault((surest, j), []).append(BEATEN)
    anew = next(
        (i for i, outcome in enumerate(ranked) if not (outcome.method.is_baseline or outcome.method.init_from)), None
    )
    for i, one in enumerate(outcome.method for outcome in ranked):
        if one.init_from and anew is not None:
            asked.setdefault((min(i, anew), max(i, anew)), []).append(START)
        for j, other in enumerate(outcome.method for outcome in ranked):
            pair = min(i, j), max(i, j)
            if i < j and other.kind == MAJORITY:
                asked.setdefault(pair, []).append(GUESSING)
            if one.pretrained and not one.init_from and other.from_random:
                asked.setdefault(pair, []).append(VECTORS)
            if one.is_slow and other.is_frozen and one.vectors == other.vectors:
                asked.setdefault(pair, []).append(SLOW)
    return asked


def _testable(a: Outcome, b: Outcome) -> bool:
    """Return whether there are enough seeds to compare two methods."""
    return max(len(a.right), len(b.right)) > 1 or not (a.method.uses_seed or b.method.uses_seed)


def _pair(
    a: Outcome, b: Outcome, questions: list[str], family: Family, numbers: tuple[int, int], smallest: float
) -> Pair:
    difference = Difference(*(float(value) for value in family.differences[numbers]))
    testable = _testable(a, b)
    wanted = max(smallest, abs(difference.mean))
    texts = a.right.shape[1] if a.tested is None else int(a.tested.any(axis=0).sum())
    seeds_matter = testable and max(len(a.right), len(b.right)) > 1
    needed = seeds_to_show(difference, wanted, family.level, texts) if seeds_matter else None
    of_texts = texts_to_show(difference, wanted, family.level, texts) if testable and needed is None else None
    if seeds_matter and of_texts is not None and of_texts <= texts:
        of_texts = None  # the variance over seeds is the limit
    alike = a.same(b)
    same = float(alike.mean() if a.tested is None else alike[a.tested].mean())
    # For the question whether vectors help, the method with vectors is first.
    pair = Pair(a.method.name, b.method.name, tuple(questions), difference, testable, same, wanted, needed, of_texts)
    return pair.turned() if questions == [VECTORS] and a.method.from_random else pair
