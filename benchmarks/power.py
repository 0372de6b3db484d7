"""Power and false claims of `lightning compare`, on simulated results with known differences.

    python -m benchmarks.power

Six ways on 1,066 test texts, as in the demo. The accuracy of a way has a standard deviation over seeds of 1.5 points, and another
1.5 points in common with the other ways (from the training texts of a seed), as in the demo with 300 and 1,000 labels. One way is
better by 0, 2 or 5 points. "Before" is the method of earlier versions: separate tests of each pair with Holm's correction.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from benchmarks.corpora import ROOT
from lit_transfer.compare.evidence.simultaneous import compare_all
from lit_transfer.compare.evidence.statistics import LEVEL, paired_difference
from lit_transfer.files import atomic_write

REPORT = ROOT / "benchmarks" / "results" / "power.md"
WAYS, TEXTS, SEEDS, LEADS = 6, 1066, (3, 5, 10), (0.0, 0.02, 0.05)
# Standard deviations of the effects of a text, of a text and a way, and of a text and a seed.
HARD, OF_WAY, NOISE = 1.2, 0.4, 0.6
ACCURACY = 0.75


def shift_for(lead: float, spread: float) -> float:
    """Return the shift of the latent values of a way that increases its accuracy by `lead`."""
    middle = norm.ppf(ACCURACY) * spread
    return brentq(lambda shift: norm.cdf((middle + shift) / spread) - ACCURACY - lead, -1, 3)


def simulate(rng: np.random.Generator, seeds: int, lead: float) -> np.ndarray:
    """Return the correct texts of each way. *Shape:* `(ways, seeds, texts)`; the first way is better."""
    texts = (HARD**2 + OF_WAY**2 + NOISE**2) ** 0.5
    of_seed = 0.015 / norm.pdf(norm.ppf(ACCURACY)) * texts  # 1.5 points of accuracy
    spread = (texts**2 + 2 * of_seed**2) ** 0.5
    value = norm.ppf(ACCURACY) * spread + HARD * rng.standard_normal((1, 1, TEXTS))
    value = value + OF_WAY * rng.standard_normal((WAYS, 1, TEXTS)) + of_seed * rng.standard_normal((1, seeds, 1))
    value = value + of_seed * rng.standard_normal((WAYS, seeds, 1)) + NOISE * rng.standard_normal((WAYS, seeds, TEXTS))
    value[0] += shift_for(lead, spread)
    return value > 0


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p-values with Holm's correction (Holm 1979)."""
    order = np.argsort(p_values)
    scaled = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    result = np.empty_like(p_values)
    result[order] = np.minimum(scaled, 1)
    return result


def measure(seeds: int, lead: float, cases: int) -> tuple[float, float, float, float, float]:
    """Return shares of cases: difference shown (before, now), any false claim (before, now), and all intervals correct."""
    rng = np.random.default_rng([seeds, round(1000 * lead)])
    pairs = list(combinations(range(WAYS), 2))
    shown = np.zeros((cases, 5))
    for case in range(cases):
        ways = simulate(rng, seeds, lead)
        alone = [paired_difference(ways[i], ways[j]) for i, j in pairs]
        corrected = holm(np.array([float(difference.p) for difference in alone])) < LEVEL
        family = compare_all(list(ways)).differences
        true = np.array([lead if i == 0 else 0.0 for i, _ in pairs])
        low, high = (np.array([float(getattr(family[pair], end)) for pair in pairs]) for end in ("low", "high"))
        claimed = (low > 0) | (high < 0)
        shown[case] = (
            corrected[0] and alone[0].mean > 0,
            low[0] > 0,
            (corrected & (true == 0)).any(),
            (claimed & (true == 0)).any(),
            ((low <= true) & (true <= high)).all(),
        )
    return tuple(100 * shown.mean(axis=0))  # type: ignore[return-value]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.power", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=400)
    given = parser.parse_args(arguments)
    lines = [
        "# Power of a comparison",
        "",
        f"Written by `python -m benchmarks.power`: {given.cases} simulated comparisons for each row, in percent (see its "
        "docstring). Before: separate tests with Holm's correction.",
        "",
        "| seeds | one way better by | shown, before | now | any false claim, before | now | all intervals right |",
        "|---|---|---|---|---|---|---|",
    ]
    for seeds in SEEDS:
        for lead in LEADS:
            before, now, false_before, false_now, right = measure(seeds, lead, given.cases)
            shown = ("–", "–") if lead == 0 else (f"{before:.0f}", f"**{now:.0f}**")
            errors = f"{false_before:.1f} | {false_now:.1f} | {right:.1f}"
            lines.append(f"| {seeds} | {100 * lead:.0f} points | {shown[0]} | {shown[1]} | {errors} |")
            print(lines[-1], flush=True)
    with atomic_write(REPORT) as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
