"""False claims and power of `lightning compare` with several labels, on simulated results with known differences.

    python -m benchmarks.several_power
    python -m benchmarks.several_power --metrics average_precision --leads 0 --cases 3000

Six ways on 1,000 test texts with 12 classes, whose shares follow Zipf's law from 40 % to 3.3 %. The log-odds of a class are those
of its share, plus evidence that is stronger for one way by 0 or 0.3 standard deviations, noise of the text that all ways have in
common, noise of a text and a way, and noise of a seed and a way. Each way and seed decides by its own threshold for each class,
chosen for F1 on 500 validation texts: others for each seed, or the same for all seeds, in which case `shared_validation` counts
the chance in them, as `lightning compare` does; "without it" is what happens otherwise. Average precision alone needs no
validation texts, so that many cases are cheap. A false claim is a difference that is
shown although the ways are equally good on average over validation and test texts. The last columns compare the standard error of
the difference of two ways over the test texts (infinitesimal jackknife) with that of 200 paired bootstraps of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.corpora import ROOT
from benchmarks.tables import Table
from lit_transfer.compare.evidence.simultaneous import compare_all
from lit_transfer.compare.scores import NAMES, OF_PROBABILITIES, metrics_of, scores_of
from lit_transfer.compare.shared_validation import FIELD, covariance_of, mean_by_sample, scores_by_sample
from lit_transfer.tasks import MultiLabel
from lit_transfer.tasks.f1_thresholds import fit_thresholds

REPORT = ROOT / "benchmarks" / "results" / "several_power.md"
WAYS, TEXTS, VALIDATION, CLASSES, LEADS, BOOTSTRAPS = 6, 1000, 500, 12, (0.0, 0.3), 200
# Number of cases in which bootstraps are drawn.
BOOTSTRAPPED = 3
SHARES = 0.4 / np.arange(1, CLASSES + 1)
# Standard deviations of the noise of a text, of a text and a way, and of a seed and a way (for each class).
HARD, OF_WAY, OF_SEED, EVIDENCE = 0.7, 0.7, 0.15, 1.8
TASK = MultiLabel(tuple(f"class {number}" for number in range(CLASSES)))


class Simulated(NamedTuple):
    """Results of all ways; the first is better.

    Attributes:
        decisions: Decisions on the test texts. *Shape:* `(ways, seeds, texts, classes)`.
        probabilities: Probabilities of the same shape.
        targets: Targets of the test texts. *Shape:* `(texts, classes)`.
        rows: Rows of the runs of each way, as `lightning compare` stores them.
    """

    decisions: np.ndarray
    probabilities: np.ndarray
    targets: np.ndarray
    rows: list[list[dict[str, Any]]]


def simulate(rng: np.random.Generator, seeds: int, lead: float, shared: bool, decides: bool = True) -> Simulated:
    """Draw texts and the results of ways on them; without validation texts and decisions unless `decides`."""
    count = TEXTS + decides * VALIDATION * (1 if shared else seeds)
    targets = rng.random((count, CLASSES)) < SHARES
    value = rng.normal(0, HARD, (1, 1, count, CLASSES)) + rng.normal(0, OF_WAY, (WAYS, 1, count, CLASSES))
    value = (
        value + rng.normal(0, OF_SEED, (WAYS, seeds, 1, CLASSES)) + rng.normal(0, 0.3, (WAYS, seeds, count, CLASSES))
    )
    strength = np.array([EVIDENCE + lead, *(EVIDENCE for _ in range(WAYS - 1))]).reshape(-1, 1, 1, 1)
    probabilities = TASK.probabilities(np.log(SHARES / (1 - SHARES)) + 1.5 * (value + strength * (targets - 0.5)))
    decisions = np.zeros((WAYS, seeds, TEXTS, CLASSES), dtype=bool)
    rows: list[list[dict[str, Any]]] = [[] if decides else [{}] for _ in range(WAYS)]
    for way, seed in np.ndindex(WAYS, seeds if decides else 0):
        start = TEXTS + (0 if shared else seed * VALIDATION)
        own = slice(start, start + VALIDATION)
        val, tested = (probabilities[way, seed, own], targets[own]), probabilities[way, seed, :TEXTS]
        decisions[way, seed] = tested >= fit_thresholds(*val)
        rows[way].append({FIELD: scores_by_sample(TASK, val, (tested, targets[:TEXTS]))} if shared else {})
    return Simulated(decisions, probabilities[:, :, :TEXTS], targets[:TEXTS], rows)


def measure(
    seeds: int, lead: float, shared: bool, cases: int, metrics: Sequence[str]
) -> dict[str, tuple[float, float, float, float, float]]:
    """Return shares of cases and two standard errors, by metric.

    Returns:
        The shares with the difference shown, with a false claim, and with one if shared validation texts are not counted; and
        the standard errors by influence and by bootstrap.
    """
    decides = not set(metrics) <= set(OF_PROBABILITIES)
    claims, errors = np.zeros((cases, len(metrics), 3)), np.full((cases, len(metrics), 2), np.nan)
    for case in range(cases):
        rng = np.random.default_rng([case, seeds, round(100 * lead)])
        decisions, probabilities, targets, rows = simulate(rng, seeds, lead, shared, decides)
        for number, metric in enumerate(metrics):
            answers = probabilities if metric in OF_PROBABILITIES else decisions
            tables = [scores_of(TASK, metric, each, targets) for each in answers]
            family = compare_all(
                tables, shared=covariance_of([mean_by_sample(each, metric) for each in rows])
            ).differences
            alone = compare_all(tables).differences
            equal = [pair for pair in combinations(range(WAYS), 2) if lead == 0 or pair[0] > 0]
            false = [any(found[pair].low > 0 or found[pair].high < 0 for pair in equal) for found in (family, alone)]
            claims[case, number] = family[0, 1].low > 0, *false
            if case < BOOTSTRAPPED and lead == 0 and not shared:
                drawn_rows = rng.integers(TEXTS, size=(BOOTSTRAPS, TEXTS))
                drawn = [
                    np.subtract(
                        *(scores_of(TASK, metric, answers[way, :1][:, some], targets[some]).mean() for way in (0, 1))
                    )
                    for some in drawn_rows
                ]
                errors[case, number] = (tables[0][0] - tables[1][0]).std() / TEXTS**0.5, np.std(drawn)
    shares = 100 * claims.mean(axis=0)
    told = 100 * np.nanmean(errors, axis=0) if lead == 0 and not shared else np.zeros((len(metrics), 2))
    return {metric: (*shares[number], *told[number]) for number, metric in enumerate(metrics)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.several_power",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cases", type=int, default=150)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--leads", type=float, nargs="+", default=list(LEADS))
    parser.add_argument("--metrics", nargs="+", choices=metrics_of(TASK), default=metrics_of(TASK))
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args(arguments)
    columns = [
        "metric",
        "seeds",
        "validation texts",
        "stronger evidence of one way",
        "shown",
        "any false claim",
        "without it",
    ]
    table = Table(
        given.report,
        "False claims of a comparison of several labels",
        f"Written by `python -m benchmarks.several_power`: {given.cases} simulated comparisons of {WAYS} ways for each row, a "
        "fifth of them for the rows with stronger evidence, in percent (see its docstring). A false claim is any of all pairs; "
        "at most 5 % are accepted. Standard errors in points.",
        [*columns, "standard error", "by bootstrap"],
        "lrlrrrrrr",
    )
    for seeds in given.seeds:
        rows = [(lead, False) for lead in given.leads]
        rows += [(0.0, True)] if 0 in given.leads and not set(given.metrics) <= set(OF_PROBABILITIES) else []
        for lead, shared in rows:
            cases = given.cases // (5 if lead else 1)
            for metric, (power, false, without, error, drawn) in measure(
                seeds, lead, shared, cases, given.metrics
            ).items():
                told = ["–", "–"] if lead or shared else [f"{error:.2f}", f"{drawn:.2f}"]
                which, shown = "the same" if shared else "others for each seed", f"{power:.0f}" if lead else "–"
                table.add(NAMES[metric], str(seeds), which, f"{lead:g}", shown, f"{false:.1f}", f"{without:.1f}", *told)


if __name__ == "__main__":
    main()
