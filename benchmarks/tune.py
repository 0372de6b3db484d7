"""Does tuning help? `lightning tune` on small problems of the data sets, against the settings that it started from.

    python -m benchmarks.tune --data trec sst2 mr nsmc --shared ../shared --budget 10m

The settings are those of `configs/compare.yaml` in the mode `init`, with vectors of 100 dimensions (GloVe; for Korean, fastText).
The search sees the training and validation texts only. Its best settings and those of the configuration are then trained with
the same five seeds, and compared on the test texts.
"""

from __future__ import annotations

import argparse
import json
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.corpora import NAMES, ROOT, SHARED, accuracy_arguments
from benchmarks.tables import Table
from lit_transfer.cli import tune
from lit_transfer.compare.wording import points

REPORT = ROOT / "benchmarks" / "results" / "tune.md"


def configuration(name: str, labels: int, shared: Path, folder: Path) -> dict[str, Any]:
    """Return the configuration of `fit` on a data set."""
    parts = yaml.safe_load((ROOT / "configs" / "compare.yaml").read_text(encoding="utf-8"))
    del parts["compare"]
    parts["model"]["init_args"]["transfer"] = "init"
    parts["data"]["init_args"] = {**accuracy_arguments(name, shared, folder), "train_size": labels}
    parts["trainer"] |= {"logger": False, "accelerator": "cpu"}
    return dict(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune on each data set, and write the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tune", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--labels", type=int, default=1_000, help="training texts")
    parser.add_argument("--budget", default="10m", help="time of each search with its comparison")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--out", type=Path, default=REPORT)
    parser.add_argument("--runs", type=Path, default=Path("runs", "benchmark_tune"), help="folder of the searches")
    given = parser.parse_args(arguments)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    text = (
        f"{given.labels:,} labels, {given.budget} of search and comparison on one thread, up to five seeds; accuracy in percent "
        "on texts that the search never saw, and the difference with its 95 % interval in points. Measured once."
    )
    table = Table(
        given.out,
        "Tuning",
        text,
        ("data", "test texts", "settings tried", "default", "tuned", "difference", "best settings"),
        "lrrrrll",
    )
    for name in given.data:
        folder = given.runs / name
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "my.yaml"
        config.write_text(yaml.safe_dump(configuration(name, given.labels, given.shared.resolve(), folder)), "utf-8")
        tune.main(
            [
                *("--config", str(config), "--tune.budget", given.budget),
                *("--tune.out", str(folder / "tuned.yaml"), "--tune.output_dir", str(folder / "search")),
            ]
        )
        found = json.loads((folder / "tune.json").read_text(encoding="utf-8"))
        mean, low, high = (points(found["difference"][key], sign=True) for key in ("mean", "low", "high"))
        table.add(
            name,
            f"{found['test_texts']:,}",
            str(found["trials"]),
            f"{100 * found['default']['score']:.1f}",
            f"{100 * found['tuned']['score']:.1f}",
            f"{mean} ({low} to {high})" + (", significant" if found["difference"]["shown"] else ""),
            ", ".join(f"`{key}` {value}" for key, value in found["best"].items()),
        )


if __name__ == "__main__":
    main()
