"""Memory and time of validation and test by number of classes.

    python -m benchmarks.speed.many_classes
    python -m benchmarks.speed.many_classes --several --classes 100 1000 5000

Each number of classes is measured in a process of its own: batches of random logits go through the metrics of validation and of
test, as in `lightning fit` and `lightning test`; with `--several`, each text has two labels, and the temperature and thresholds
are fitted. The peak is that of the process above what it had before the first batch. The table is written to
`benchmarks/results/many_classes.md` or `many_classes_several.md`; "all logits" is what keeping them in float64 takes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch.nn.functional import one_hot

from benchmarks.corpora import ROOT
from benchmarks.tables import Table
from lit_transfer.tasks import MultiLabel, SingleLabel
from lit_transfer.training.tasks import TestMetrics, ValidationMetrics

REPORT = ROOT / "benchmarks" / "results" / "many_classes.md"
BATCH = 50


def measure(num_classes: int, texts: int, several: bool) -> dict[str, float]:
    """Return seconds for each batch, and the peak of the memory in MB."""
    torch.manual_seed(0)
    classes = tuple(f"class {number}" for number in range(num_classes))
    task = MultiLabel(classes) if several else SingleLabel(classes)
    logits, found = torch.randn(BATCH, num_classes), {}
    for name, metrics in (("validate", ValidationMetrics(task)), ("test", TestMetrics(task))):
        before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        for _ in range(texts // BATCH):
            targets = torch.randint(num_classes, (BATCH,))
            if several:
                targets = sum(one_hot(torch.randint(num_classes, (BATCH,)), num_classes) for _ in range(2)).clamp(max=1)
            if isinstance(metrics, ValidationMetrics):
                metrics.update(logits, targets)
            else:
                metrics.update_logits(logits, targets, {"temperature": 1.5})
        metrics.compute()
        found[name] = (time.perf_counter() - start) / (texts // BATCH)
        found[f"{name} MB"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return found


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", nargs="+", type=int, default=[100, 3000, 20_000])
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--several", action="store_true", help="several labels for a text")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    values = parser.parse_args()
    if values.only is not None:
        print(json.dumps(measure(values.only, values.texts, values.several)))
        return
    torch.set_num_threads(1)
    table = Table(
        values.out or REPORT.with_stem("many_classes_several" if values.several else "many_classes"),
        "Many classes, several labels" if values.several else "Many classes",
        f"{values.texts:,} texts in batches of {BATCH}; see `python -m benchmarks.speed.many_classes --help`.",
        ["classes", "validation, s a batch", "MB", "test, s a batch", "MB", "all logits, MB"],
        "rrrrrr",
    )
    for number in values.classes:
        command = [
            sys.executable,
            "-m",
            "benchmarks.speed.many_classes",
            "--only",
            str(number),
            "--texts",
            str(values.texts),
            *(["--several"] if values.several else []),
        ]
        row = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        cells = [cell for name in ("validate", "test") for cell in (f"{row[name]:.4f}", f"{row[f'{name} MB']:,.0f}")]
        table.add(f"{number:,}", *cells, f"{values.texts * number * 8 / 1e6:,.0f}")


if __name__ == "__main__":
    main()
