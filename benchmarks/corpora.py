"""Data sets of the benchmarks, in the folder `shared`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", ROOT / ".." / "shared"))
NAMES = ("trec", "sst2", "mr", "nsmc")
# SST-2 and MR are tokenized with spaces; the words of the Korean vectors are runs of one script.
TOKENIZERS = {"trec": "basic_english", "sst2": "whitespace", "mr": "whitespace", "nsmc": "words"}
# Number of rows of files that take too long as a whole.
SPLITS = {"nsmc": {"train_file": 6_000, "test_file": 4_000}}


def data_arguments(name: str, shared: Path) -> dict[str, Any]:
    """Return the arguments of a `TextDataModule` for a name in `NAMES`, with the tokenizer and the vectors of its language."""
    folder = shared / "data" / name
    file = "ko.reviews.100d.pruned.vec.gz" if name == "nsmc" else "glove.6B.100d.pruned.txt.gz"
    arguments: dict[str, Any] = {"vectors": str(shared / "vectors" / file), "batch_size": 50}
    arguments["tokenizer"] = TOKENIZERS[name]
    if name == "mr":  # no official split
        return {**arguments, "train_file": str(folder / "all.tsv"), "test_fraction": 0.1}
    arguments |= {f"{part}_file": str(folder / f"{part}.tsv") for part in ("train", "test")}
    return {**arguments, "val_file": str(folder / "dev.tsv")} if (folder / "dev.tsv").exists() else arguments


def accuracy_arguments(name: str, shared: Path, folder: Path) -> dict[str, Any]:
    """Return the arguments for measuring accuracy; parts of files are written to the folder."""
    arguments = data_arguments(name, shared)
    parts = {
        key: write_part(arguments[key], folder / f"{key}.tsv", count) for key, count in SPLITS.get(name, {}).items()
    }
    return arguments | parts


def write_part(source: str, target: Path, count: int) -> str:
    """Write the first rows of a tabular file, and return their path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        out.writelines(line for _, line in zip(range(count + 1), lines, strict=False))
    return str(target)
