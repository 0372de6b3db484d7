"""All measurements of speed, as one table in Markdown.

    python -m benchmarks.speed --shared ../shared --flair-python FLAIR/bin/python --fasttext-python FT/bin/python

The peers live in environments of their own: one with `torch flair gensim`, one with `"numpy<2" fasttext-wheel`; without
them their lines say that they were not measured. Ours and a peer's turns alternate within one run, ratios are of medians.
The table goes to `results/speed.md`, plots beside it; `--only` takes some sections, and prints without writing.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.speed import accuracy, gpu, growth, process, training, vocabulary
from benchmarks.speed.common import ROOT, Options, Row, machine
from lit_transfer.cache import written_whole

SECTIONS: dict[str, tuple[str, Callable[[Options], list[Row]]]] = {
    "training": ("Training", training.measure),
    "flair": ("Beside Flair", training.measure_flair),
    "vocabulary": ("Cost by vocabulary and mode", vocabulary.measure),
    "process": ("Memory and start", process.measure),
    "growth": ("Growth", growth.measure),
    "accuracy": ("Accuracy against seconds of learning", accuracy.measure),
    "gpu": ("GPU", gpu.measure),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = os.environ.get("LIT_TRANSFER_SHARED", ROOT / ".." / "shared")
    parser.add_argument("--shared", type=Path, default=Path(shared), help="the folder with data/ and vectors/")
    parser.add_argument("--flair-python")
    parser.add_argument("--fasttext-python")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=SECTIONS)
    given = parser.parse_args()
    options = Options(
        given.shared.resolve(), given.flair_python, given.fasttext_python, given.turns, ROOT / "benchmarks" / "results"
    )
    lines = [
        "# Speed",
        "",
        f"{machine()}, {date.today()}. One thread; seconds are the process's processor time. {given.turns} turns.",
    ]
    print("\n".join(lines), flush=True)
    for name in given.only or SECTIONS:
        title, measure = SECTIONS[name]
        section = ["", f"## {title}", "", "| what | value | wanted | detail |", "|---|---|---|---|"]
        section += [row.markdown() for row in measure(options)]
        print("\n".join(section), flush=True)
        lines += section
    if not given.only:
        with written_whole(options.results / "speed.md") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
