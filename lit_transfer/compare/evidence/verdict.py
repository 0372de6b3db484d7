"""What the tests say: at each number of labels the questions that a user has, and which differences are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lit_transfer.compare.evidence.outcome import Cost, Outcome
from lit_transfer.compare.evidence.simultaneous import Family, compare_all
from lit_transfer.compare.evidence.statistics import LEVEL, MOST_SEEDS, Difference, seeds_to_show, texts_to_show
from lit_transfer.compare.plan import MAJORITY
from lit_transfer.compare.wording import listed, points

# The questions that pairs of ways answer: is a way worse than the best, or than another (where the best does not show it);
# does anything beat guessing; do the vectors help; does a slow embedding differ; does a network that was trained before help?
BEST, BEATEN, GUESSING, VECTORS, SLOW, START = "best", "beaten", "guessing", "vectors", "slow", "start"


@dataclass(frozen=True)
class Pair:
    """Two ways at one training size.

    Attributes:
        first: Name of one way: the better, or where the question is whether vectors help, the one that has them.
        second: Name of the other.
        questions: Which questions the pair answers.
        difference: First - second, with a simultaneous interval.
        testable: Whether there are seeds enough for a test.
        same: Share of the predictions that are the same with the same seed, 0 to 1.
        wanted: The difference that `seeds` and `texts` are about, as a share.
        seeds: Seeds, in all, that would show it; None where not even `MOST_SEEDS` would.
        texts: Test texts that would show it, where these are too few for any number of seeds.
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
        """Whether the difference is more than chance: its interval excludes 0."""
        return self.testable and (self.difference.low > 0 or self.difference.high < 0)

    @property
    def better(self) -> str:
        """The way with the higher score."""
        return self.first if self.difference.mean >= 0 else self.second

    def shown_above(self, share: float) -> bool:
        """Return whether the first way is shown to be better by more than a share."""
        return self.testable and self.difference.low > share

    def settled(self, share: float) -> bool:
        """Return whether more seeds would tell nothing that matters: the difference is shown, or shown to be small."""
        return self.shown or (self.testable and max(-self.difference.low, self.difference.high) < share)

    def turned(self) -> Pair:
        """Return the same pair the other way round."""
        d = self.difference
        return replace(
            self, first=self.second, second=self.first, difference=d._replace(mean=-d.mean, low=-d.high, high=-d.low)
        )

    def interval(self) -> str:
        """Return the interval of the difference, in points."""
        return f"{points(self.difference.low)} to {points(self.difference.high)}"

    def found(self) -> str:
        """Return the difference and its interval: "2.1 points (0.9 to 3.3)"."""
        told = f"{points(self.difference.mean)} points"
        return f"{told} ({self.interval()})" if self.testable else told

    def need(self, seeds: int) -> str:
        """Return what it would take to show a difference, where none is shown.

        Args:
            seeds: Number of seeds that were used.
        """
        if not self.testable:
            return "one seed shows nothing yet"
        if self.same == 1:
            return "the same predictions"
        if self.seeds is not None:
            more = max(self.seeds - seeds, 1)
            return f"about {more:,} more seed{'s' if more > 1 else ''} would show {points(self.wanted)} points"
        if self.texts is None:
            return f"more than {MOST_SEEDS:,} seeds would be needed to show {points(self.wanted)} points"
        return f"at least {self.texts:,} test texts would be needed to show {points(self.wanted)} points"

    def sentence(self, seeds: int) -> str:
        """Return what is known of the two, as a sentence.

        Args:
            seeds: Number of seeds that were used.
        """
        worse = self.second if self.better == self.first else self.first
        if self.shown:
            return f"{self.better} beats {worse}: {self.first} − {self.second} is {self.found()}."
        return f"Not shown: {self.first} − {self.second} is {self.found()}; {self.need(seeds)}."


@dataclass(frozen=True)
class SizeVerdict:
    """The verdict for one training size.

    Attributes:
        train_size: Number of training texts.
        all_texts: Whether these are all there are.
        seeds: Number of seeds.
        accuracy: Each way's mean accuracy, the best first.
        scores: Each way's mean of the metric, likewise.
        pairs: The pairs of ways that answer a question.
        costs: What each way costs.
        smallest: The difference that is worth knowing of, as a share.
        guess: Name of the majority class among the ways; None where it is not compared.
    """

    train_size: int
    all_texts: bool
    seeds: int
    accuracy: dict[str, float]
    scores: dict[str, float]
    pairs: list[Pair]
    costs: Mapping[str, Cost] = field(default_factory=dict)
    smallest: float = 0.005
    guess: str | None = None

    @property
    def label(self) -> str:
        """The size in words."""
        return f"all {self.train_size:,} labels" if self.all_texts else f"{self.train_size:,} labels"

    @property
    def best(self) -> str:
        """The way with the highest score."""
        return next(iter(self.scores))

    @property
    def against_best(self) -> list[Pair]:
        """The best way and each other."""
        return [pair for pair in self.pairs if BEST in pair.questions]

    @property
    def rivals(self) -> list[str]:
        """The ways that are not shown to be worse than another, the best included."""
        worse = {pair.second for pair in self.pairs if pair.shown and {BEST, BEATEN} & set(pair.questions)}
        return [name for name in self.scores if name not in worse]

    @property
    def beats_guessing(self) -> bool:
        """Whether some way is shown to be better than answering the most frequent class."""
        return self.guess is None or any(
            pair.shown and pair.second == self.guess and pair.better != self.guess for pair in self.pairs
        )

    @property
    def candidates(self) -> list[str]:
        """The ways not shown to be worse than the best by more than `smallest`, the cheapest first.

        A way that another one is shown to beat by so much is worse than the best, whichever that is. Answering the most
        frequent class is none of them once something is shown to beat it.
        """
        asked = {BEST, BEATEN}
        worse = {pair.second for pair in self.pairs if asked & set(pair.questions) and pair.shown_above(self.smallest)}
        if self.beats_guessing:
            worse.add(str(self.guess))
        kept = [name for name in self.scores if name not in worse]
        return sorted(kept, key=lambda name: self.costs.get(name, Cost()).order)

    @property
    def recommended(self) -> str:
        """The cheapest candidate."""
        return self.candidates[0]

    def pair(self, one: str, other: str) -> Pair:
        """Return the pair of two ways, whichever is first.

        Raises:
            KeyError: No question is about these two.
        """
        for pair in self.pairs:
            if {pair.first, pair.second} == {one, other}:
                return pair
        raise KeyError(f"{one}, {other}")

    def beats(self, one: str, other: str) -> bool:
        """Return whether one way is shown to be better than the other."""
        pair = self.pair(one, other)
        return pair.shown and pair.better == one

    def sentences(self) -> list[str]:
        """Return the best way and what is shown of the others."""
        shown = [f"{pair.second} by {pair.found()}" for pair in self.against_best if pair.shown]
        lead = f"With {self.label}, {self.best} has the highest score ({100 * self.scores[self.best]:.1f} %)"
        lines = [f"{lead}; it beats {listed(shown)}." if shown else f"{lead}."]
        hidden = [
            f"{pair.second}, {pair.found()}: {pair.need(self.seeds)}"
            for pair in self.against_best
            if pair.second in self.rivals
        ]
        if hidden:
            lines.append(f"Not shown to be worse: {'; '.join(hidden)}.")
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
    """Answer the questions at one training size.

    Args:
        train_size: Number of training texts.
        all_texts: Whether these are all there are.
        outcomes: Of each way.
        smallest_difference: Points that are worth knowing of.
        costs: By the way's name.
        level: Accepted chance of any false claim.
    """
    ranked = sorted(outcomes, key=lambda outcome: -outcome.score)
    family = compare_all([outcome.table for outcome in ranked], level)
    smallest = smallest_difference / 100
    pairs = [
        _pair(ranked[i], ranked[j], questions, family, (i, j), smallest)
        for (i, j), questions in _questions(ranked, family, smallest).items()
    ]
    guess = next((outcome.way.name for outcome in ranked if outcome.way.kind == MAJORITY), None)
    return SizeVerdict(
        train_size,
        all_texts,
        max((len(outcome.right) for outcome in outcomes), default=0),
        {outcome.way.name: outcome.accuracy for outcome in ranked},
        {outcome.way.name: outcome.score for outcome in ranked},
        pairs,
        costs or {},
        smallest,
        guess,
    )


def _questions(ranked: Sequence[Outcome], family: Family, smallest: float) -> dict[tuple[int, int], list[str]]:
    """Return the pairs that answer a question, by the numbers of the ways, the better first."""
    asked: dict[tuple[int, int], list[str]] = {(0, j): [BEST] for j in range(1, len(ranked))}
    for j in range(1, len(ranked)):
        surest = max(
            range(j), key=lambda i: float(family.differences[i, j].low) if _testable(ranked[i], ranked[j]) else -1
        )
        if surest and _testable(ranked[surest], ranked[j]) and family.differences[surest, j].low > smallest:
            asked.setdefault((surest, j), []).append(BEATEN)
    anew = next((i for i, outcome in enumerate(ranked) if not (outcome.way.is_baseline or outcome.way.init_from)), None)
    for i, one in enumerate(outcome.way for outcome in ranked):
        if one.init_from and anew is not None:
            asked.setdefault((min(i, anew), max(i, anew)), []).append(START)
        for j, other in enumerate(outcome.way for outcome in ranked):
            pair = min(i, j), max(i, j)
            if i < j and other.kind == MAJORITY:
                asked.setdefault(pair, []).append(GUESSING)
            if (
                one.pretrained
                and other.kind == "random"
                and not (other.is_baseline or one.init_from or other.init_from)
            ):
                asked.setdefault(pair, []).append(VECTORS)
            if one.kind == "slow" and other.kind == "frozen" and one.vectors == other.vectors:
                asked.setdefault(pair, []).append(SLOW)
    return asked


def _testable(a: Outcome, b: Outcome) -> bool:
    """Return whether there are seeds enough to compare two ways."""
    return max(len(a.right), len(b.right)) > 1 or not (a.way.uses_seed or b.way.uses_seed)


def _pair(
    a: Outcome, b: Outcome, questions: list[str], family: Family, numbers: tuple[int, int], smallest: float
) -> Pair:
    difference = Difference(*(float(value) for value in family.differences[numbers]))
    testable = _testable(a, b)
    wanted, texts = max(smallest, abs(difference.mean)), a.right.shape[1]
    seeds_matter = testable and max(len(a.right), len(b.right)) > 1
    needed = seeds_to_show(difference, wanted, family.level, texts) if seeds_matter else None
    of_texts = texts_to_show(difference, wanted, family.level, texts) if testable and needed is None else None
    if seeds_matter and of_texts is not None and of_texts <= texts:
        of_texts = None  # it is the seeds that vary too much
    same = float((a.predicted == b.predicted).mean())
    # Whether vectors help is asked of the way that has them.
    pair = Pair(a.way.name, b.way.name, tuple(questions), difference, testable, same, wanted, needed, of_texts)
    return pair.turned() if questions == [VECTORS] and a.way.kind == "random" else pair
