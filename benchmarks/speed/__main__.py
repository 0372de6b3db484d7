"""All measurements of speed, as one table in Markdown.

    python -m benchmarks.speed --shared ../shared --flair-python FLAIR/bin/python --fasttext-python FT/bin/python

The peers live in environments of their own: one with `torch flair gensim`, one with `"numpy<2" fasttext-wheel`; without
them their lines say that they were not measured. Ours and a peer's turns alternate within one run, ratios are of medians.
The table goes to `results/speed.md`, plots beside it; with `--only` the other sections stay as they are.
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
from benchmarks.speed import accuracy, gpu, growth, pretraining, process, training, vocabulary
from benchmarks.speed.common import Options, Row, machine

SECTIONS: dict[str, tuple[str, Callable[[Options], list[Row]]]] = {
    "training": ("Training", training.measure),
    "flair": ("Beside Flair", training.measure_flair),
    "vocabulary": ("Cost by vocabulary and mode", vocabulary.measure),
    "pretraining": ("Pretraining", pretraining.measure),
    "process": ("Memory and start", process.measure),
    "growth": ("Growth", growth.measure),
    "accuracy": ("Accuracy against seconds of learning", accuracy.measure),
    "gpu": ("GPU", gpu.measure),
}

HEAD = """# Speed

`python -m benchmarks.speed` made this. One thread on CPUs; seconds are the process's processor time, since others may work
on the machine, too. Texts are those of the folder `shared`."""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder with data/ and vectors/")
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
        lines = [how, "", "| what | value | wanted | detail |", "|---|---|---|---|"]
        body = "\n".join(lines + rows)
        print(f"## {title}\n\n{body}\n", flush=True)
        replace_section(report, HEAD, [title for title, _ in SECTIONS.values()], title, body)


if __name__ == "__main__":
    main()
