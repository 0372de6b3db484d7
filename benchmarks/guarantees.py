"""Guarantees of `lightning threshold` for several labels on texts never seen: the share of broken promises.

    python -m benchmarks.guarantees

Of some texts, 2,000 are drawn 200 times; the thresholds that the command chooses on them (with 95 % certainty) are applied to all
other texts. A promise is broken if the precision or recall of these is below the one promised; with a promise for each class, if
that of any class is. 5 % may be. Two sources of probabilities:

- GoEmotions, its training texts only: NBSVM, one regression for each class, fitted to four fifths; the texts of the other fifth,
  of two such models (17,364 texts). A rare class has few texts on which its promise is checked, so that chance adds to the share.
- Made texts (100,000 of `benchmarks.thresholds`, 20 classes).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice

import numpy as np

from benchmarks.corpora import ROOT
from benchmarks.tables import Table
from benchmarks.thresholds import goemotions, made
from lit_transfer.cli.threshold import choose_sets
from lit_transfer.errors import ConfigError
from lit_transfer.prediction.guarantees import NEVER
from lit_transfer.tasks import MultiLabel

REPORT = ROOT / "benchmarks" / "results" / "guarantees.md"
CHOSEN, SPLITS, CERTAINTY = 2000, 200, 0.95
LEAST = {"precision": 0.6, "recall": 0.5}
# Files of several models that the texts are taken from.
MODELS = {"GoEmotions, NBSVM": 2, "made": 5}


def pool(name: str) -> tuple[MultiLabel, np.ndarray, np.ndarray]:
    """Return the task, probabilities and targets of a source."""
    parts = list(islice(made() if name == "made" else goemotions("nbsvm", 1.0), MODELS[name]))
    task = parts[0][0]
    logits, targets = (np.concatenate([scored[number] for _, scored in parts]) for number in (0, 1))
    return task, task.probabilities(logits), targets


def kept(probabilities: np.ndarray, targets: np.ndarray, thresholds: np.ndarray, what: str) -> np.ndarray:
    """Return hits and the decisions or labels that they are a share of, by class. *Shape:* `(2, num_classes)`."""
    decided = probabilities >= thresholds
    return np.stack([(decided & targets).sum(axis=0), (decided if what == "precision" else targets).sum(axis=0)])


def measure(
    task: MultiLabel, probabilities: np.ndarray, targets: np.ndarray, what: str, per_class: bool, splits: int
) -> tuple[int, int, int, float]:
    """Return the numbers of splits with a promise and with a broken one, of promises, and the median share that was kept."""
    made_one = broken = promises = 0
    shares: list[float] = []
    for split in range(splits):
        order = np.random.default_rng([split, per_class, what == "recall"]).permutation(len(targets))
        known, new = order[:CHOSEN], order[CHOSEN:]
        unknown = np.full(task.num_classes, np.nan)  # where there is no promise
        try:
            thresholds, _ = choose_sets(
                task, probabilities[known], targets[known], what, LEAST[what], CERTAINTY, per_class, unknown
            )
        except ConfigError:  # no promise at all
            continue
        hits, of = kept(probabilities[new], targets[new], thresholds, what)
        promised = np.isfinite(thresholds) & (thresholds < NEVER) & (of > 0)
        found = hits[promised] / of[promised] if per_class else np.array([hits.sum() / of.sum()])
        made_one += 1
        promises += len(found)
        broken += bool((found < LEAST[what]).any())
        shares += found.tolist()
    return made_one, broken, promises, float(np.median(shares)) if shares else np.nan


def main(arguments: Sequence[str] | None = None) -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.guarantees",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--sources", nargs="+", choices=list(MODELS), default=list(MODELS))
    given = parser.parse_args(arguments)
    table = Table(
        REPORT,
        "Guarantees for several labels on texts never seen",
        f"Written by `python -m benchmarks.guarantees` (see its docstring): {given.splits} splits, thresholds chosen on "
        f"{CHOSEN:,} texts with {CERTAINTY:.0%} certainty, so that at most 5 % of the splits may break a promise (standard error "
        "1.5).",
        ["probabilities", "promise", "splits with one", "promises in each", "splits that break one", "kept, median"],
        "llrrrr",
    )
    for name in given.sources:
        task, probabilities, targets = pool(name)
        for what in LEAST:
            for per_class in (False, True):
                many, broken, promises, share = measure(task, probabilities, targets, what, per_class, given.splits)
                scope = f"{what} of each class" if per_class else f"micro {what}"
                cells = [f"{scope} ≥ {100 * LEAST[what]:.0f} %", f"{many}", f"{promises / max(many, 1):.1f}"]
                table.add(name, *cells, f"{100 * broken / max(many, 1):.1f} %", f"{100 * share:.1f} %")


if __name__ == "__main__":
    main()
