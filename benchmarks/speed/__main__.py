"""Benchmarks of speed, written as Markdown tables.

    python -m benchmarks.speed --shared ../shared --flair-python FLAIR/bin/python --fasttext-python FT/bin/python

Flair and fastText need separate environments: one with `torch flair gensim`, one with `"numpy<2" fasttext-wheel`; without them,
their rows are marked as not measured. Measurements of the compared programs alternate within one run, and ratios are those of
medians. The tables are written to `results/speed.md`, and plots to the same folder; with `--only`, other sections are unchanged.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.corpora import ROOT, SHARED
from benchmarks.sections import replace_section
from benchmarks.speed import accuracy, gpu, growth, labelling, morphemes, pretraining, process, training, vocabulary
from benchmarks.speed.common import Options, Row, machine

SECTIONS: dict[str, tuple[str, Callable[[Options], list[Row]]]] = {
    "training": ("Training", training.measure),
    "flair": ("Comparison with Flair", training.measure_flair),
    "vocabulary": ("Cost by vocabulary and mode", vocabulary.measure),
    "pretraining": ("Pretraining", pretraining.measure),
    "morphemes": ("Morphemes of Korean text", morphemes.measure),
    "labelling": ("Page of lightning label", labelling.measure),
    "process": ("Memory and start-up time", process.measure),
    "growth": ("Growth", growth.measure),
    "accuracy": ("Accuracy and training time", accuracy.measure),
    "gpu": ("GPU", gpu.measure),
}

HEAD = """# Speed

Written by `python -m benchmarks.speed`. One thread on CPUs; seconds are processor time of the process, since the machine may be
shared. Texts are those of the folder `shared`."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--flair-python")
    parser.add_argument("--fasttext-python")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SECTIONS)
    given = parser.parse_args()
    options = Options(
        given.shared.resolve(), given.flair_python, given.fasttext_python, given.turns, ROOT / "benchmarks" / "results"
    )
    report = options.results / "speed.md"
    for name in given.only or SECTIONS:
        title, measure = SECTIONS[name]
        how = f"{machine()}, {date.today()}; {given.turns} turns."
        rows = [row.markdown() for row in measure(options)]
        lines = [how, "", "| what | value | target | detail |", "|---|---|---|---|"]
        body = "\n".join(lines + rows)
        print(f"## {title}\n\n{body}\n", flush=True)
        replace_section(report, HEAD, [title for title, _ in SECTIONS.values()], title, body)


if __name__ == "__main__":
    main()
