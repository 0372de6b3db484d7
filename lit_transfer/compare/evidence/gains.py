"""Gains and losses of a model that was trained further, on texts that neither model was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lit_transfer.compare.evidence.statistics import LEVEL, Difference, paired_difference
from lit_transfer.tasks import Task

# Names of the groups of texts that are not those of one class.
OVERALL = ("all texts", "known classes", "new classes")


@dataclass(frozen=True)
class Gains:
    """The answers of two models to the same texts.

    Attributes:
        name: Name of the texts.
        texts: Number of texts.
        before: Number of texts that the earlier model answers correctly.
        after: Number of texts that the later model answers correctly.
        gained: Number of texts that only the later model answers correctly.
        forgotten: Number of texts that only the earlier model answers correctly.
        difference: Difference of the accuracies, later - earlier; None with fewer than two texts.
    """

    name: str
    texts: int
    before: int
    after: int
    gained: int
    forgotten: int
    difference: Difference | None

    @classmethod
    def of(cls, name: str, before: np.ndarray, after: np.ndarray) -> Gains:
        """Compare two models by whether they answer each text correctly. *Shape:* `(texts,)`, bool."""
        difference = paired_difference(after[None], before[None]) if len(after) > 1 else None
        gained, forgotten = int((after & ~before).sum()), int((before & ~after).sum())
        return cls(name, len(after), int(before.sum()), int(after.sum()), gained, forgotten, difference)

    @property
    def shown(self) -> bool:
        """Whether the interval of the difference excludes 0 and, as a few texts may all agree, McNemar's exact test shows it."""
        from scipy.stats import binomtest

        if self.difference is None or self.difference.low <= 0 <= self.difference.high:
            return False
        return bool(binomtest(self.gained, self.gained + self.forgotten).pvalue < LEVEL)

    def sentence(self) -> str:
        """Return the comparison in words."""
        if not self.texts:
            return "no texts"
        shares = f"{self.before / self.texts:.1%} before, {self.after / self.texts:.1%} after"
        counts = f"{shares} on {self.texts:,} texts: {self.gained:,} gained, {self.forgotten:,} forgotten"
        if self.difference is None:
            return counts
        mean, low, high = (
            100 * float(value) for value in (self.difference.mean, self.difference.low, self.difference.high)
        )
        verdict = ("better" if mean > 0 else "worse") if self.shown else "no significant difference"
        return f"{counts}; {mean:+.1f} points ({low:+.1f} to {high:+.1f}): {verdict}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        values = {name: getattr(self, name) for name in ("name", "texts", "before", "after", "gained", "forgotten")}
        return {**values, "difference": None if self.difference is None else self.difference.as_dict(self.shown)}


def gains_by_class(
    task: Task, targets: np.ndarray, num_earlier: int, before: np.ndarray, after: np.ndarray
) -> list[Gains]:
    """Compare two models on all texts, on those of classes that both know and of new ones, and on those of each class.

    `before` and `after` say whether the models answer each text correctly, *shape* `(texts,)`, bool. The task is that of the
    later model; the first `num_earlier` classes are those of the earlier one.
    """
    of_class = [task.members(targets, number) for number in range(task.num_classes)]
    new = np.any(of_class[num_earlier:], axis=0)
    parts: list[tuple[str, np.ndarray]] = [(OVERALL[0], np.ones(len(before), dtype=np.bool_))]
    if new.any():
        parts += [(OVERALL[1], ~new), (OVERALL[2], new)]
    parts += zip(task.classes, of_class, strict=True)
    return [Gains.of(name, before[rows], after[rows]) for name, rows in parts if rows.any()]
