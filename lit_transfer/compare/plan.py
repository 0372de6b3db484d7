"""The plan of a comparison: its methods, training sizes and seeds, resolved once, and the runs that they need."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lit_transfer.compare.methods import Method, short_rate


@dataclass(frozen=True)
class RunSpec:
    """Training and test of a method with one seed at one training size.

    Attributes:
        method: The method.
        train_size: Number of training texts; None means all.
        seed: Random seed; None if the result does not depend on it.
        fold: Number of the fold to test on, from 0; None for a fixed test split.
        folds: Number of folds. Fold 5 of 5 is the first fold of another partition of the texts.
    """

    method: Method
    train_size: int | None
    seed: int | None
    fold: int | None = None
    folds: int | None = None

    @property
    def key(self) -> str:
        """Name on disk, which does not depend on the other methods of the comparison."""
        method = self.method
        what = [method.kind, method.vectors, None if method.embedding_lr is None else short_rate(method.embedding_lr)]
        names = [Path(part).name for part in what if part is not None]
        if method.overrides:
            what, names = [*what, method.overrides, *([method.data] if method.data else [])], [method.name, *names]
        digest = hashlib.sha256(repr(what).encode()).hexdigest()[:6]
        names += ["all" if self.train_size is None else f"{self.train_size}"]
        names += [] if self.seed is None else [f"seed{self.seed}"]
        names += [] if self.fold is None else [f"fold{self.fold + 1}of{self.folds}"]
        return re.sub(r"[^\w.+-]+", "_", "-".join([*names, digest]))


@dataclass(frozen=True)
class Plan:
    """Plan of a comparison, resolved once from its configuration and its data.

    Attributes:
        methods: The methods, networks first.
        sizes: Numbers of training texts; None means all.
        all_texts: Number of texts of the whole train split.
        first_seed: First seed; further seeds are successive.
        metric: Compared metric, a name in `METRICS`.
        reason: Reason for the metric if it was chosen automatically; empty otherwise.
        smallest_difference: Smallest relevant difference, in points.
        folds: Number of folds of which each seed tests another one; None for a fixed test split.
        notes: Remarks on the comparison.
        shown: Metrics to show besides the compared one.
        guess: Description of the majority baseline.
    """

    methods: Sequence[Method]
    sizes: Sequence[int | None] = (None,)
    all_texts: int = 0
    first_seed: int = 1
    metric: str = "accuracy"
    reason: str = ""
    smallest_difference: float = 0.5
    folds: int | None = None
    notes: Sequence[str] = ()
    shown: Sequence[str] = ("accuracy", "f1")
    guess: str = "answering the most frequent class"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", sorted(self.sizes, key=lambda size: (size is None, size)))

    def method(self, name: str) -> Method:
        """Return a method by name.

        Raises:
            KeyError: There is no such method.
        """
        return {method.name: method for method in self.methods}[name]

    def number_of_texts(self, size: int | None) -> int:
        """Return the number of training texts of a size."""
        return self.all_texts if size is None else size

    def runs(self, seeds: Mapping[int | None, int] | int) -> list[RunSpec]:
        """Return the runs, ordered by seed, then by training size, of which each may have its own number of seeds."""
        count = seeds if isinstance(seeds, Mapping) else dict.fromkeys(self.sizes, seeds)
        runs = [
            self._run(method, size, number)
            for number in range(max(count.values()))
            for size in self.sizes
            if number < count[size]
            for method in self.methods
        ]
        return list(dict.fromkeys(runs))

    def _run(self, method: Method, size: int | None, number: int) -> RunSpec:
        if self.folds is not None:
            return RunSpec(method, size, self.first_seed + number, number, self.folds)
        return RunSpec(method, size, self.first_seed + number if method.uses_seed or size is not None else None)
