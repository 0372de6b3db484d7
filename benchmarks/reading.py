"""Reading of a million rows and 400,000 vectors, beside another commit: `python -m benchmarks.reading --against FOLDER`.

Both trees read a file in turn, in two processes that live as long as the file is measured. Seconds are those of the processor.
"""

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
from collections.abc import Iterator
from pathlib import Path

import numpy as np

WORDS = ["the", "film", "was", "a", "dull", "and", "fine", "one", "with", '"quoted"', "words,", "commas;", "evening"]
DIM = 50
ASKED = 4  # one word in so many is looked up
CODE = f"""
STEP = {ASKED}
import sys, time, warnings
warnings.simplefilter("ignore")
path, kind, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
from lit_transfer import WordVectors
from lit_transfer.data.reading.tabular import read_tabular
def read():
    if kind == "table":
        assert len(next(iter(read_tabular(path).values()))) == number
    else:
        words = [f"word{{row}}" for row in range(0, number, STEP)]
        assert WordVectors.open(path).lookup(words)[1].all()
read()
for line in sys.stdin:
    begin = time.process_time()
    read()
    print(time.process_time() - begin, flush=True)
"""


def write_tables(folder: Path, rows: int) -> Iterator[Path]:
    """Write the same texts in several formats."""
    import pyarrow as pa
    import pyarrow.parquet

    drawn = random.Random(0)
    table = [(" ".join(drawn.choices(WORDS, k=18)), drawn.choice(["pos", "neg"])) for _ in range(rows)]
    with (folder / "quoted.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("text", "label"), *table])
    yield folder / "quoted.csv"
    (folder / "packed.csv.gz").write_bytes(gzip.compress((folder / "quoted.csv").read_bytes(), 1))
    yield folder / "packed.csv.gz"
    (folder / "plain.tsv").write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in table))
    yield folder / "plain.tsv"
    with (folder / "quoted.tsv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL).writerows([("text", "label"), *table])
    yield folder / "quoted.tsv"
    with (folder / "lines.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in table)
    yield folder / "lines.jsonl"
    texts, labels = zip(*table, strict=True)
    pyarrow.parquet.write_table(pa.table({"text": texts, "label": labels}), folder / "table.parquet")
    yield folder / "table.parquet"


def write_vectors(folder: Path, rows: int) -> Iterator[Path]:
    """Write the same vectors as text and in word2vec's binary format."""
    some = np.random.default_rng(0).normal(0, 0.3, (1000, DIM)).astype("<f4")
    values = [" ".join(f"{value:.5f}" for value in row) for row in some]
    text = "".join(f"word{row} {values[row % len(values)]}\n" for row in range(rows))
    (folder / "vectors.txt").write_text(text)
    yield folder / "vectors.txt"
    (folder / "vectors.txt.gz").write_bytes(gzip.compress(text.encode(), 1))
    yield folder / "vectors.txt.gz"
    packed = [row.tobytes() for row in some]
    for name, end in (("without_newlines.bin", b""), ("with_newlines.bin", b"\n")):
        with (folder / name).open("wb") as file:
            file.write(f"{rows} {DIM}\n".encode())
            file.writelines(b"word%d %s%s" % (row, packed[row % len(packed)], end) for row in range(rows))
        yield folder / name


def measure(trees: list[Path], path: Path, kind: str, number: int, turns: int) -> list[list[float]]:
    """Return the seconds of each turn, for the package in each of the trees."""
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", CODE, str(path), kind, str(number)],
            env={**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"},
            cwd=tree,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for tree in trees
    ]
    times: list[list[float]] = [[] for _ in trees]
    for _ in range(turns):
        for reader, found in zip(readers, times, strict=True):
            assert reader.stdin is not None and reader.stdout is not None
            print(file=reader.stdin, flush=True)
            found.append(float(reader.stdout.readline()))
    for reader in readers:
        reader.communicate()
    return times


def main() -> None:
    """Print a table of medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, required=True, help="working tree of another commit")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--vectors", type=int, default=400_000)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    print(
        f"{given.rows:,} rows; {given.vectors // ASKED:,} of {given.vectors:,} vectors of {DIM} values; {given.turns} turns\n"
    )
    print("| file | before, s | now, s | now / before |\n|---|---|---|---|")
    for kind, number, write in ("table", given.rows, write_tables), ("vectors", given.vectors, write_vectors):
        with tempfile.TemporaryDirectory() as folder:
            for path in write(Path(folder), number):
                before, now = map(
                    statistics.median, measure([given.against, Path.cwd()], path, kind, number, given.turns)
                )
                print(f"| {path.name} | {before:.2f} | {now:.2f} | {now / before:.2f} |", flush=True)


if __name__ == "__main__":
    main()
