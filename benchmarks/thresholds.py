"""How far the threshold of a class is drawn to the common one: HALFWAY of lit_transfer/tasks/f1_thresholds.py.

    python -m benchmarks.thresholds

Macro F1 by the number of positive texts at which a class's own threshold and the common one count alike; 0 is a threshold for
each class, "common" one for all. Thresholds are chosen on some texts and tested on others, for many draws:

- GoEmotions, its training texts only (43,410): TF-IDF of words and pairs and NBSVM, one regression for each class, fitted to four
  fifths; the texts of the other fifth choose (the given number) and test (the rest), in turn for all five.
- Made texts: 20 classes whose shares follow Zipf's law from 30 % to 1.5 %; the log-odds of a text are normal, and with a class
  of it 1.5 standard deviations higher, so that the probabilities are calibrated but for a random temperature.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.corpora import ROOT
from benchmarks.multi_label import read
from benchmarks.tables import Table
from lit_transfer.baselines.baseline import Inputs
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.tasks import MultiLabel
from lit_transfer.tasks.f1_thresholds import common_threshold, fit_thresholds

REPORT = ROOT / "benchmarks" / "results" / "thresholds.md"
CANDIDATES = (0.0, 2.0, 5.0, 10.0, 20.0)
SIZES = (200, 500, 1000, 2000, 4000)
FOLDS, DRAWS, MADE_CLASSES, MADE_TEXTS = 5, 10, 20, 20_000
Scored = tuple[np.ndarray, np.ndarray]


def goemotions(name: str, strength: float) -> Iterator[tuple[MultiLabel, Scored]]:
    """Yield the log-odds and targets of each fifth of the training texts by a model of the others."""
    data = read()
    task = data.task
    assert isinstance(task, MultiLabel)
    whole = data.split("train")
    parts = task.stratified_split(whole.labels, [1 / FOLDS] * (FOLDS - 1), 0)
    parts.append(np.setdiff1d(np.arange(len(whole)), np.concatenate(parts)))
    for part in parts:
        view = data.with_rows({"train": np.setdiff1d(np.arange(len(whole)), part), "val": part, "test": part[:1]})
        baseline = make_baseline(name, {"C": strength}).fit(Inputs.of(view, "train"), None, task)
        held_out = Inputs.of(view, "val")
        yield task, (task.logits(baseline.predict_proba(held_out)), held_out.labels)


def made() -> Iterator[tuple[MultiLabel, Scored]]:
    """Yield the log-odds and targets of made texts, with another temperature each time."""
    task = MultiLabel(tuple(f"class {number}" for number in range(MADE_CLASSES)))
    shares = 0.3 / np.arange(1, MADE_CLASSES + 1)
    for seed in range(FOLDS):
        rng = np.random.default_rng(seed)
        targets = rng.random((MADE_TEXTS, MADE_CLASSES)) < shares
        distance = 1.5
        evidence = rng.standard_normal(targets.shape) + distance * targets
        log_odds = np.log(shares / (1 - shares)) + distance * evidence - distance**2 / 2
        yield task, (log_odds * np.exp(rng.normal(0, 0.3)), targets)


def measure(task: MultiLabel, scored: Scored, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return macro F1 by candidate and with the common threshold, for one draw. *Shape:* `(candidates + 1,)`."""
    logits, targets = scored
    order = rng.permutation(len(targets))
    chosen, tested = order[:size], order[size:]
    temperature = task.fit_calibration(logits[chosen], targets[chosen])["temperature"]
    probabilities = task.probabilities(logits, temperature)
    known = probabilities[chosen], targets[chosen]
    rules = [fit_thresholds(*known, halfway) for halfway in CANDIDATES] + [np.array(common_threshold(*known))]
    return np.array(
        [
            task.figures(task.count_hits(probabilities[tested] >= threshold, targets[tested]))["f1"]
            for threshold in rules
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.thresholds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--draws", type=int, default=DRAWS)
    given = parser.parse_args(arguments)
    sources = {
        "GoEmotions, TF-IDF": goemotions("tfidf", 10.0),
        "GoEmotions, NBSVM": goemotions("nbsvm", 1.0),
        "made": made(),
    }
    rules = [f"{candidate:g}" for candidate in CANDIDATES] + ["common"]
    columns = ["scores", "texts to choose on", *rules, "largest standard error of a difference from 0"]
    table = Table(
        REPORT,
        "Thresholds: how far that of a class is drawn to the common one",
        f"Written by `python -m benchmarks.thresholds` (see its docstring): macro F1, percent, mean of {FOLDS} times "
        f"{given.draws} draws; the last column is the largest standard error of a difference from the first.",
        columns,
        "l" + "r" * (len(columns) - 1),
    )
    for name, parts in sources.items():
        found: dict[int, list[np.ndarray]] = {size: [] for size in SIZES}
        for number, (task, scored) in enumerate(parts):
            for size in SIZES:
                rng = np.random.default_rng([number, size])
                found[size] += [measure(task, scored, size, rng) for _ in range(given.draws)]
        for size, rows in found.items():
            scores = 100 * np.stack(rows)
            error = (scores[:, 1:] - scores[:, :1]).std(axis=0, ddof=1).max() / len(scores) ** 0.5
            table.add(name, f"{size:,}", *(f"{value:.2f}" for value in (*scores.mean(axis=0), error)))


if __name__ == "__main__":
    main()
