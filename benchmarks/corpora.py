"""What the measurements are made on: the data sets of the folder `shared`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", ROOT / ".." / "shared"))
NAMES = ("trec", "sst2", "mr", "nsmc")
# Those of SST-2 and MR have spaces between their words; the Korean vectors' words are runs of one script.
TOKENIZERS = {"trec": "basic_english", "sst2": "whitespace", "mr": "whitespace", "nsmc": "words"}
# Rows of those files that take too long as a whole.
SPLITS = {"nsmc": {"train_file": 6_000, "test_file": 4_000}}


def data_arguments(name: str, shared: Path) -> dict[str, Any]:
    """The arguments of a `TextDataModule` for one of `NAMES`, with its tokenizer and the vectors of its language."""
    folder = shared / "data" / name
    file = "ko.reviews.100d.pruned.vec.gz" if name == "nsmc" else "glove.6B.100d.pruned.txt.gz"
    arguments: dict[str, Any] = {"vectors": str(shared / "vectors" / file), "batch_size": 50}
    arguments["tokenizer"] = TOKENIZERS[name]
    if name == "mr":  # no official split
        return {**arguments, "train_file": str(folder / "all.tsv"), "test_fraction": 0.1}
    arguments |= {f"{part}_file": str(folder / f"{part}.tsv") for part in ("train", "test")}
    return {**arguments, "val_file": str(folder / "dev.tsv")} if (folder / "dev.tsv").exists() else arguments


def accuracy_arguments(name: str, shared: Path, folder: Path) -> dict[str, Any]:
    """The same, for the texts that accuracies are measured on; parts of files are written to the folder."""
    arguments = data_arguments(name, shared)
    parts = {
        key: write_part(arguments[key], folder / f"{key}.tsv", count) for key, count in SPLITS.get(name, {}).items()
    }
    return arguments | parts


def write_part(source: str, target: Path, count: int) -> str:
    """Writes the first rows of a table, and gives their path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        out.writelines(line for _, line in zip(range(count + 1), lines, strict=False))
    return str(target)
