"""Time and memory for looking up words in vectors files, compared with gensim and torchtext.

    python benchmarks/vectors.py > benchmarks/results/vectors.md

This package, gensim and torchtext look up the same words in the same files alternately, each in a separate process. Measured are
the seconds from the call to the table `(words, dim)`, without imports, and the increase of the peak memory. Results are medians.
Linux only (/proc). The GloVe file is written from the package of the demo.
"""

import argparse
import json
import os
import platform
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", ROOT / "../shared"))


def ours(path, words):
    from lit_transfer.vectors import WordVectors

    yield
    matrix, _ = WordVectors.open(path).lookup(words)
    yield matrix


def ours_from_cache(path, words):
    from lit_transfer.vectors.lookup import VectorSource

    source, folder = VectorSource(path), Path(path).parent / "cache"
    source.lookup(words, folder)
    yield
    yield source.lookup(words, folder)[0]


def picked(keyed, words):
    matrix = np.zeros((len(words), keyed.vector_size), np.float32)
    for i, word in enumerate(words):
        if word in keyed.key_to_index:
            matrix[i] = keyed[word]
    return matrix


def gensim_word2vec(path, words):
    from gensim.models import KeyedVectors

    yield
    binary = path.endswith(".bin")
    yield picked(KeyedVectors.load_word2vec_format(path, binary=binary, no_header=not binary), words)


def gensim_fasttext(path, words):
    from gensim.models.fasttext import load_facebook_vectors

    yield
    yield picked(load_facebook_vectors(path), words)


def torchtext(path, words):
    from torchtext.vocab import Vectors

    with tempfile.TemporaryDirectory() as cache:  # empty, since torchtext caches vectors
        yield
        vectors = Vectors(path, cache=cache)
        matrix = np.zeros((len(words), vectors.dim), np.float32)
        for i, word in enumerate(words):
            if word in vectors.stoi:
                matrix[i] = vectors[word]
        yield matrix


def bytes_alone(path, words):
    yield
    buffer = bytearray(1 << 22)
    with open(path, "rb", buffering=0) as stream:
        while stream.readinto(buffer):
            pass
    yield np.zeros((0, 0), np.float32)


def python_lines(path, words):
    yield
    wanted = set(words)
    rows = []
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            word, _, values = line.partition(" ")
            if word in wanted:
                rows.append(np.array(values.split(), np.float32))
    yield np.stack(rows)


READERS = [ours, ours_from_cache, gensim_word2vec, gensim_fasttext, torchtext, bytes_alone, python_lines]


def memory(field):
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def measure_here(reader, path, words_file):
    words = Path(words_file).read_text(encoding="utf-8").split("\n")
    steps = next(r for r in READERS if r.__name__ == reader)(path, words)
    next(steps)
    Path("/proc/self/clear_refs").write_text("5")  # reset the peak memory after the imports
    before = memory("VmRSS")
    began = time.perf_counter()
    matrix = next(steps)
    seconds = time.perf_counter() - began
    result = {"seconds": seconds, "memory": memory("VmHWM") - before, "table": matrix.nbytes / 2**20}
    print(json.dumps({**result, "rows": round(float(np.abs(matrix).sum(dtype=np.float64)), 3)}))


def measure(reader, path, words_file):
    command = [sys.executable, __file__, "--measure", reader.__name__, str(path), str(words_file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    print(f"{reader.__name__:16} {Path(path).name:24} {result}", file=sys.stderr)
    return result


def in_turns(readers, path, words_file, turns):
    """Return the median measurements of each reader; slow readers have fewer turns, since they vary little."""
    results = {reader: [] for reader in readers}
    for _ in range(turns):
        for reader in readers:
            if len(results[reader]) < 3 or results[reader][0]["seconds"] < 5:
                results[reader].append(measure(reader, path, words_file))
    return {
        reader: {key: statistics.median(result[key] for result in some) for key in some[0]}
        for reader, some in results.items()
    }


def write_text(path, words, rows):
    with path.open("w", encoding="utf-8") as out:
        for begin in range(0, len(words), 4096):
            for word, row in zip(words[begin : begin + 4096], rows[begin : begin + 4096].tolist(), strict=True):
                out.write(word + " " + " ".join([f"{value:.7g}" for value in row]) + "\n")


def write_binary(path, words, rows):
    with path.open("wb") as out:
        out.write(f"{len(words)} {rows.shape[1]}\n".encode())
        for word, row in zip(words, rows, strict=True):
            out.write(word.encode() + b" " + row.tobytes())


def write_fasttext(path, words, rows, buckets):
    """Write a model of these words, and n-grams with small values as after training."""
    ngrams = np.random.default_rng(0).normal(0, 0.1, (buckets, rows.shape[1])).astype(np.float32)
    with path.open("wb") as out:
        out.write(struct.pack("<2i12id", 793712314, 12, rows.shape[1], 5, 5, 1, 5, 1, 2, 2, buckets, 3, 6, 100, 1e-4))
        out.write(struct.pack("<3iqq", len(words), len(words), 0, 10**9, -1))
        for word in words:
            out.write(word.encode() + b"\0" + struct.pack("<qb", 10, 0))
        shape = struct.pack("<2q", len(words) + buckets, rows.shape[1])
        out.write(b"\0" + shape + rows.tobytes() + ngrams.tobytes())
        out.write(b"\0" + struct.pack("<2q", len(words), rows.shape[1]) + np.zeros_like(rows).tobytes())


def write_large(path, count, dim):
    """Write a file as large as the largest public ones, with 4,096 distinct rows; return every fiftieth word for lookup."""
    rng = np.random.default_rng(0)
    rows = [" ".join(f"{value:.5g}" for value in row) for row in rng.normal(0, 0.4, (4096, dim)).tolist()]
    with path.open("w", encoding="utf-8") as out:
        for i in range(count):
            out.write(f"word{i} {rows[i % len(rows)]}\n")
    return [f"word{i}" for i in range(0, count, 50)]


def compare(title, results):
    mine = results[ours]["seconds"]
    print(
        f"\n## {title}\n\n| reader | seconds | times ours | memory, MB | of it the table, MB |\n|---|--:|--:|--:|--:|"
    )
    for reader, r in results.items():
        times = r["seconds"] / mine
        print(f"| {reader.__name__} | {r['seconds']:.3f} | {times:.1f} | {r['memory']:.0f} | {r['table']:.1f} |")
    sums = [r["rows"] for reader, r in results.items() if reader not in (bytes_alone, python_lines)]
    print(f"\nSum of the absolute values of all rows: {', '.join(f'{s:.3f}' for s in sums)}.")
    if ours_from_cache in results:
        print("From the cache come the rows with the fallbacks of the alignment, so a few words more.")


def grow(title, column, results):
    print(f"\n## {title}\n\n| {column} | seconds | memory, MB | of it the table, MB |\n|--:|--:|--:|--:|")
    for size, r in results.items():
        print(f"| {size:,} | {r[ours]['seconds']:.3f} | {r[ours]['memory']:.0f} | {r[ours]['table']:.1f} |", flush=True)


def main():
    from lit_transfer.vectors import WordVectors, convert

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, default=SHARED / "data/mr/all.tsv", help="text with the words to look up")
    parser.add_argument("--turns", type=int, default=9, help="measurements of fast readers; slow ones have three")
    parser.add_argument(
        "--large", action="store_true", help="measure one file of 1,000,000 x 300 values instead (2.6 GB)"
    )
    arguments = parser.parse_args()
    if arguments.large:
        with tempfile.TemporaryDirectory() as folder:
            path, words_file = Path(folder) / "large.txt", Path(folder) / "words"
            words_file.write_text("\n".join(write_large(path, 1_000_000, 300)), encoding="utf-8")
            compare("1,000,000 x 300 as text", in_turns([ours, bytes_alone, python_lines], path, words_file, 3))
        return
    demo = WordVectors.open("glove-6b-50d")
    words, chunks = [], []
    for some, rows in demo.chunks():
        words += some
        chunks.append(rows)
    rows = np.concatenate(chunks)
    asked = sorted({*arguments.text.read_text(encoding="utf-8").split()})

    print(f"# Rows for the {len(asked):,} words of {arguments.text.name}\n")
    print(f"`python benchmarks/vectors.py`, {arguments.turns} turns (readers slower than 5 s took 3);")
    print(f"{platform.machine()}, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f} at the start),")
    print(f"Python {platform.python_version()}, ", end="")
    print(f"numpy {np.__version__}.")
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)

        def vocabulary(some):
            (files / "words").write_text("\n".join(some), encoding="utf-8")
            return files / "words"

        def ours_alone(path, some):
            return in_turns([ours], path, vocabulary(some), 5)

        text = files / "glove.6B.50d.txt"
        write_text(text, words, rows)
        readers = [ours, ours_from_cache, gensim_word2vec, torchtext, bytes_alone, python_lines]
        compare("GloVe 6B 50d as text, 400,000 words", in_turns(readers, text, vocabulary(asked), arguments.turns))
        convert(WordVectors.open(text), files / "mapped")
        results = in_turns([ours, bytes_alone], files / "mapped", vocabulary(asked), arguments.turns)
        compare("The same, converted to the mapped form", results)
        sizes = [1_000, 5_000, 20_000, 100_000, 400_000]
        results = {size: ours_alone(text, words[:: len(words) // size]) for size in sizes}
        grow("Growth with the vocabulary, the same text", "words asked for", results)
        text.unlink()

        binary = files / "word2vec.bin"
        write_binary(binary, words, rows)
        results = in_turns([ours, gensim_word2vec, bytes_alone], binary, vocabulary(asked), arguments.turns)
        compare("The same rows as word2vec binary", results)
        model = files / "fasttext.bin"
        write_fasttext(model, words[:100_000], rows[:100_000], 500_000)
        results = in_turns([ours, gensim_fasttext, bytes_alone], model, vocabulary(asked), arguments.turns)
        compare("fastText .bin, 100,000 words and 500,000 n-gram rows of 50", results)
        model.unlink()

        results = {}
        for size in [100_000, 200_000, 400_000, 800_000, 1_600_000]:
            synthetic = files / "synthetic.txt"
            ids = np.arange(size)
            write_text(
                synthetic, [f"{words[i % len(words)]}{i // len(words) or ''}" for i in ids], rows[ids % len(words)]
            )
            results[size] = ours_alone(synthetic, asked)
        grow("Growth with the file, text of 50 values a row", "words in the file", results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure_here(*sys.argv[2:])
    else:
        main()
