"""Throughput of the morphological analysers, and the gain of analysing texts in parallel."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

from benchmarks.speed.common import Options, Row, in_turn
from lit_transfer import TextDataModule
from lit_transfer.tokenizers.korean import Kiwi, Mecab

TEXTS = 20_000


def measure(options: Options) -> list[Row]:
    """Return the rows of the analysers that are installed."""
    file = str(options.shared / "data" / "nsmc" / "train.tsv")
    texts = list(TextDataModule(train_file=file, val_fraction=0.0).split("train").texts)[:TEXTS]
    cores = os.cpu_count() or 1
    rows = []
    with_one, parallel = f"kiwi, {TEXTS:,} texts of nsmc, one thread", f"kiwi, {cores} threads"
    for names, made in (
        ((with_one, parallel), lambda: (Kiwi(1), Kiwi(cores))),
        ((f"mecab-ko, {TEXTS:,} texts of nsmc, one thread",), lambda: (Mecab(),)),
    ):
        try:
            analysers = dict(zip(names, made(), strict=True))
        except ImportError:
            rows += [Row(name, "not measured", "", "the package is not installed") for name in names]
            continue
        seconds = in_turn(options.turns, **{name: timed(one.many, texts) for name, one in analysers.items()})
        middle = {name: statistics.median(values) for name, values in seconds.items()}
        for name, value in middle.items():
            rows.append(Row(name, f"{TEXTS / value:,.0f} texts/s", "", f"{value:.1f} s of wall-clock time"))
        if parallel in middle:
            rows.append(Row(f"kiwi, {cores} threads / one", f"**{middle[with_one] / middle[parallel]:.2f}**"))
    return rows


def timed(many: Callable[..., object], texts: list[str]) -> Callable[[], float]:
    """Return a function that analyses all texts and returns the seconds that have passed."""

    def run() -> float:
        start = time.perf_counter()  # not the processor time, which is that of all threads
        for _ in many(texts):  # type: ignore[attr-defined]
            pass
        return time.perf_counter() - start

    return run
