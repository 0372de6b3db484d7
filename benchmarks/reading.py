"""Reading of a million rows, compared with another working tree: `python -m benchmarks.reading --against FOLDER`."""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WORDS = ["the", "film", "was", "a", "dull", "and", "fine", "one", "with", '"quoted"', "words,", "commas;", "evening"]
CODE = """
import sys, time
from lit_transfer.data.reading.tabular import read_tabular
read_tabular(sys.argv[2])  # imports the libraries
begin = time.perf_counter()
columns = read_tabular(sys.argv[1])
assert len(next(iter(columns.values()))) == int(sys.argv[3])
print(time.perf_counter() - begin)
"""


def write_tables(folder: Path, rows: int) -> list[Path]:
    """Write the same texts in several formats."""
    import pyarrow as pa
    import pyarrow.parquet

    drawn = random.Random(0)
    table = [(" ".join(drawn.choices(WORDS, k=18)), drawn.choice(["pos", "neg"])) for _ in range(rows)]
    with (folder / "quoted.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "label"), *table])
    (folder / "packed.csv.gz").write_bytes(gzip.compress((folder / "quoted.csv").read_bytes(), 1))
    (folder / "plain.tsv").write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in table))
    with (folder / "quoted.tsv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL).writerows([("text", "label"), *table])
    with (folder / "lines.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in table)
    texts, labels = zip(*table, strict=True)
    pyarrow.parquet.write_table(pa.table({"text": texts, "label": labels}), folder / "table.parquet")
    return sorted(folder.iterdir())


def seconds(tree: Path, path: Path, rows: int) -> float:
    """Return the time that the package in a working tree takes to read a file, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as scratch:
        small = next(table for table in write_tables(Path(scratch), 2) if table.name == path.name)
        command = [sys.executable, "-c", CODE, str(path), str(small), str(rows)]
        done = subprocess.run(command, env=environment, cwd=tree, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print a table of medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, required=True, help="working tree of another commit")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    print(f"| {given.rows:,} rows | before, s | now, s | now / before |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for path in write_tables(Path(scratch), given.rows):
            times: dict[Path, list[float]] = {given.against: [], Path.cwd(): []}
            for _ in range(given.turns):
                for tree, found in times.items():
                    found.append(seconds(tree, path, given.rows))
            before, now = map(statistics.median, times.values())
            print(f"| {path.name} | {before:.1f} | {now:.1f} | {now / before:.2f} |", flush=True)


if __name__ == "__main__":
    main()
