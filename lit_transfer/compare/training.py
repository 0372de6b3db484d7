"""Training with a fixed number of seeds, or with as many as the open questions need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.recommendation import Verdict, judge
from lit_transfer.compare.evidence.sequential import LOOKS, State, choose, level_at, seconds_of, why_it_ended
from lit_transfer.compare.evidence.statistics import LEVEL
from lit_transfer.compare.plan import Run, Way, plan
from lit_transfer.compare.progress import ComparisonProgress, Forecast
from lit_transfer.compare.results import costs_of, lines_of, outcomes_of
from lit_transfer.compare.schedule import do_all
from lit_transfer.compare.shared import Shared, share
from lit_transfer.compare.store import Store
from lit_transfer.datamodule import TextDataModule


class Training:
    """Executes the unfinished runs and computes the verdict.

    Args:
        config: Configuration of the comparison.
        data: Data module with the texts.
        ways: Ways to compare.
        store: Store of the runs.
        metric: Metric to compare.
        reason: Reason for the metric if it was chosen automatically; empty otherwise.
    """

    def __init__(
        self, config: Configuration, data: TextDataModule, ways: Sequence[Way], store: Store, metric: str, reason: str
    ) -> None:
        self.config = config
        self.data = data
        self.ways = ways
        self.store = store
        self.metric = metric
        self.reason = reason
        self.runs: list[Run] = []
        self._shared: Shared | None = None

    def with_seeds(self, seeds: int) -> Verdict:
        """Train with a fixed number of seeds at each training size, and return the verdict.

        Raises:
            LitTransferError: A run failed, or its data cannot be read.
        """
        sizes = self.config.comparison.train_sizes
        self._do(dict.fromkeys(sizes, seeds))
        return self._judge({})

    def with_automatic_seeds(self) -> Verdict:
        """Train with more seeds where they can settle a question, until no question can be settled or the budget is spent.

        The decisions depend only on the finished runs, so that an interrupted comparison gives the same result.

        Raises:
            LitTransferError: A run failed, or its data cannot be read.
        """
        sizes = sorted(self.config.comparison.train_sizes, key=lambda size: (size is None, size))
        budget = seconds_of(self.config.comparison.budget)
        seeds = dict.fromkeys(sizes, LOOKS[0])
        while True:
            self._do(seeds)
            number = {size: self._texts(size) for size in sizes}
            verdict = self._judge({number[size]: level_at(seeds[size]) for size in sizes})
            states = [
                State(judged, self._seconds(size, seeds[size]))
                for judged, size in zip(verdict.sizes, sizes, strict=True)
            ]
            left = budget - sum(self.store.row(run)["wall_seconds"] for run in self.runs) / self.config.comparison.jobs
            chosen = choose(states, left)
            if chosen is None:
                return replace(verdict, notes=[why_it_ended(states, left)])
            seeds[sizes[chosen]] = states[chosen].next_look or LOOKS[-1]

    def outcomes(self) -> dict[int, list[Outcome]]:
        """Return the outcomes of the ways by training size."""
        labels = self.data.split("test").labels
        assert labels is not None
        return outcomes_of(self.runs, self.store, labels, self.metric)

    def _texts(self, size: int | None) -> int:
        return len(self.data.split("train")) if size is None else size

    def _seconds(self, size: int | None, seeds: int) -> float:
        """Return the training time of one more seed at a training size, in seconds."""
        mine = [run for run in self.runs if run.train_size == size and run.seed is not None]
        return sum(self.store.row(run)["wall_seconds"] for run in mine) / seeds / self.config.comparison.jobs

    def _judge(self, levels: Mapping[int, float]) -> Verdict:
        return judge(
            self.outcomes(),
            len(self.data.split("train")),
            self.config.comparison.smallest_difference,
            self.ways,
            costs=costs_of(lines_of(self.runs, self.store)),
            levels={size: levels.get(size, LEVEL) for size in map(self._texts, self.config.comparison.train_sizes)},
            metric=self.metric,
            reason=self.reason,
        )

    def _do(self, seeds: Mapping[int | None, int]) -> None:
        """Execute the unfinished runs, ordered by seed, then by training size."""
        first = self.config.first_seed
        self.runs = [
            run
            for seed in range(first, first + max(seeds.values()))
            for run in plan(self.ways, [size for size, count in seeds.items() if seed < first + count], [seed])
        ]
        self.runs = list(dict.fromkeys(self.runs))
        left = self.store.unfinished(self.runs)
        if not left:
            return
        jobs = self.config.comparison.jobs
        forecast = Forecast(len(self.data.split("train")), jobs)
        progress = ComparisonProgress(self.runs, len(self.runs) - len(left), forecast)
        for run in self.runs:
            if self.store.is_finished(run):
                row = self.store.row(run)
                forecast.learn(run, row["wall_seconds"])
                progress.note(run, row)
        if self._shared is None:
            # Later rounds train the same ways with more seeds.
            self._shared = share(self.config, self.data, left)
        with progress:
            do_all(self._shared, left, self.store, progress, jobs)
