"""Power and false claims of `lightning compare`, on simulated results with known differences.

    python -m benchmarks.power

Six ways on 1,066 test texts, as in the demo. The accuracy of a way has a standard deviation over seeds of 1.5 points, and another
1.5 points in common with the other ways (from the training texts of a seed), as in the demo with 300 and 1,000 labels. One way is
better by 0, 2 or 5 points. "Before" is the method of earlier versions: separate tests of each pair with Holm's correction.

The second table is of five folds of 1,500 texts, all of which are test texts once in five seeds; one method is better by 3
points. Training adds a standard deviation of 0 or 1.5 points to the accuracy of a method on a fold, a fifth of whose variance may
be common to the folds, since they share training texts. "Limit" has the true standard error in place of an estimate (that of the
simulated cases); no test can honestly show much more. "Corrected t" is the corrected resampled t-test over the folds (Nadeau and
Bengio 2003).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm
from scipy.stats import t as student

from benchmarks.corpora import ROOT
from benchmarks.sections import replace_section
from lit_transfer.compare.evidence.simultaneous import compare_all
from lit_transfer.compare.evidence.statistics import LEVEL, paired_difference

REPORT = ROOT / "benchmarks" / "results" / "power.md"
TITLES = {"split": "A fixed test split of 1,066 texts", "folds": "Five folds of 1,500 texts"}
HEAD = """# Power of a comparison

Written by `python -m benchmarks.power` (see its docstring)."""
WAYS, TEXTS, SEEDS, LEADS = 6, 1066, (3, 5, 10), (0.0, 0.02, 0.05)
# Standard deviations of the effects of a text, of a text and a way, and of a text and a seed.
HARD, OF_WAY, NOISE = 1.2, 0.4, 0.6
ACCURACY = 0.75
# Texts and folds of the second table, and how much better one method is.
FOLD_TEXTS, FOLDS, FOLD_LEAD = 1500, 5, 0.03
# Rows of the second table: methods, seeds, standard deviation of the training, and its share that is common to the folds.
FOLD_ROWS = [
    *(
        (2, seeds, training, shared)
        for seeds in (5, 10, 20)
        for training, shared in ((0.0, 0.0), (0.015, 0.0), (0.015, 0.2))
    ),
    (6, 5, 0.0, 0.0),
    (6, 5, 0.015, 0.0),
    (6, 10, 0.015, 0.0),
]


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


def on_folds(
    rng: np.random.Generator, methods: int, seeds: int, training: float, shared: float, lead: float
) -> np.ndarray:
    """Return the correct texts of each method; nan outside the fold of a seed. *Shape:* `(methods, seeds, texts)`.

    Args:
        rng: Random generator.
        methods: Number of methods, of which the first is better.
        seeds: Number of seeds; all texts are partitioned anew after each five.
        training: Standard deviation of the accuracy of a method on a fold due to its training.
        shared: Share of the variance of the training that is common to the folds.
        lead: How much better the first method is.
    """
    texts = (HARD**2 + OF_WAY**2 + NOISE**2) ** 0.5
    of_seed = training / norm.pdf(norm.ppf(ACCURACY)) * texts
    spread = (texts**2 + of_seed**2) ** 0.5
    value = norm.ppf(ACCURACY) * spread + HARD * rng.standard_normal((1, 1, FOLD_TEXTS))
    value = value + OF_WAY * rng.standard_normal((methods, 1, FOLD_TEXTS))
    value = value + NOISE * rng.standard_normal((methods, seeds, FOLD_TEXTS))
    common, own = rng.standard_normal((methods, 1, 1)), rng.standard_normal((methods, seeds, 1))
    value = value + of_seed * (shared**0.5 * common + (1 - shared) ** 0.5 * own)
    value[0] += shift_for(lead, spread) if lead else 0.0
    right = (value > 0).astype(float)
    for first in range(0, seeds, FOLDS):
        fold = rng.permutation(FOLD_TEXTS) % FOLDS
        for number in range(first, min(first + FOLDS, seeds)):
            right[:, number, fold != number - first] = np.nan
    return right


def corrected_t(first: np.ndarray, second: np.ndarray) -> float:
    """Return the p-value of the corrected resampled t-test over folds. *Shape:* `(seeds, texts)` each."""
    apart = np.nanmean(first, axis=1) - np.nanmean(second, axis=1)
    error = (apart.var(ddof=1) * (1 / len(apart) + 1 / (FOLDS - 1))) ** 0.5
    return float(2 * student.sf(abs(apart.mean()) / error, len(apart) - 1))


def measure_folds(methods: int, seeds: int, training: float, shared: float, cases: int) -> list[float]:
    """Return in percent: 3 points shown (limit, corrected t, now), and any false claim (corrected t, now)."""
    shown, means = np.zeros((2, cases, 2)), np.zeros((2, cases))
    level = LEVEL
    for number, lead in enumerate((0.0, FOLD_LEAD)):
        rng = np.random.default_rng([methods, seeds, number])
        for case in range(cases):
            right = on_folds(rng, methods, seeds, training, shared, lead)
            family = compare_all(list(right))
            level = family.level
            pairs = {pair: each for pair, each in family.differences.items() if pair[0] == 0 or not lead}
            claims = [each.low > 0 or (each.high < 0 and not lead) for each in pairs.values()]
            plain = [corrected_t(right[i], right[j]) < level for i, j in pairs]
            together = np.any if not lead else np.mean
            shown[number, case] = together(plain), together(claims)
            means[number, case] = family.differences[0, 1].mean
    error = means.std(ddof=1, axis=1)[1]
    limit = (means[1] > norm.isf(level / 2) * error).mean()
    return [100 * share for share in (limit, *shown[1].mean(axis=0), *shown[0].mean(axis=0))]


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
    parser.add_argument("--only", choices=TITLES, help="one of the tables")
    given = parser.parse_args(arguments)
    for title, rows in (("split", split_table), ("folds", folds_table)):
        if given.only in (None, title):
            replace_section(REPORT, HEAD, list(TITLES.values()), TITLES[title], "\n".join(rows(given.cases)))


def split_table(cases: int) -> list[str]:
    """Return the table of a fixed test split."""
    lines = [
        f"{cases} simulated comparisons for each row, in percent. Before: separate tests with Holm's correction.",
        "",
        "| seeds | one way better by | shown, before | now | any false claim, before | now | all intervals right |",
        "|---|---|---|---|---|---|---|",
    ]
    for seeds in SEEDS:
        for lead in LEADS:
            before, now, false_before, false_now, right = measure(seeds, lead, cases)
            shown = ("–", "–") if lead == 0 else (f"{before:.0f}", f"**{now:.0f}**")
            errors = f"{false_before:.1f} | {false_now:.1f} | {right:.1f}"
            lines.append(f"| {seeds} | {100 * lead:.0f} points | {shown[0]} | {shown[1]} | {errors} |")
            print(lines[-1], flush=True)
    return lines


def folds_table(cases: int) -> list[str]:
    """Return the table of folds."""
    lines = [
        f"{cases} simulated comparisons for each row, in percent; 1,500 texts, one method better by 3 points.",
        "",
        "| methods | seeds | training, points | common to folds | shown: limit | corrected t | now "
        "| any false claim: corrected t | now |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for methods, seeds, training, shared in FOLD_ROWS:
        limit, plain, now, false_plain, false_now = measure_folds(methods, seeds, training, shared, cases)
        of_training = f"{100 * training:.1f} | {100 * shared:.0f} %" if training else "0 | –"
        powers = f"{limit:.0f} | {plain:.0f} | **{now:.0f}** | {false_plain:.1f} | {false_now:.1f}"
        lines.append(f"| {methods} | {seeds} | {of_training} | {powers} |")
        print(lines[-1], flush=True)
    return lines


if __name__ == "__main__":
    main()
