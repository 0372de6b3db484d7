"""Load test of a predictor with many threads: equal answers, constant memory, and latency.

`python -m benchmarks.soak` trains the frozen mode of the demo for an epoch, then classifies single texts with one predictor from
8 threads, again and again until all were classified at least once and the time is over. A tenth of the texts have a word outside
the training text, which is looked up in the vectors as gzipped text.
"""

from __future__ import annotations

import argparse
import gzip
import random
import statistics
import tempfile
import threading
import time
from array import array
from itertools import count
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import seed_everything

from benchmarks.demo import DEMO, make_demo_trainer
from lit_transfer import TextClassifier, TextDataModule, WordVectors
from lit_transfer.prediction.predictor import Predictor

THREADS = 8
# Number of answers between measurements of memory.
EVERY = 1_000


def main() -> None:
    """Run the test and print the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=100_000, help="number of different texts")
    parser.add_argument("--seconds", type=float, default=600, help="minimum duration")
    values = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        predictor, texts = prepare(Path(folder), values.texts)
        alone = predictor.predict_proba(texts)
        run(predictor, texts, alone, values.seconds)


def prepare(folder: Path, size: int) -> tuple[Predictor, list[str]]:
    """Train the model, and generate the texts."""
    seed_everything(1, verbose=False)
    data = TextDataModule(**DEMO["data"]["init_args"])
    model = TextClassifier(**{k: v for k, v in DEMO["model"]["init_args"].items() if k != "optimizer"})
    trainer = make_demo_trainer(str(folder))
    trainer.fit_loop.max_epochs = 1
    trainer.fit(model, data)
    packed, unseen = folder / "vectors.txt.gz", []
    with gzip.open(packed, "wt", encoding="utf-8", compresslevel=1) as file:
        for words, rows in WordVectors.open(DEMO["data"]["init_args"]["vectors"]).chunks():
            for word, row in zip(words, rows, strict=True):
                file.write(f"{word} {' '.join(map(repr, row.tolist()))}\n")
                if word.isalpha() and word not in data.vocabulary:
                    unseen.append(word)
    draw = random.Random(1)
    texts = [draw.choice(data.split("test").texts) for _ in range(size)]
    texts = [f"{text} {draw.choice(unseen)}" if i % 10 == 0 else text for i, text in enumerate(texts)]
    return model.predictor(vectors=str(packed), cache=folder / "cache"), texts


def run(predictor: Predictor, texts: list[str], alone: np.ndarray, shortest: float) -> None:
    """Classify from all threads, and print the measurements."""
    stop = time.monotonic() + shortest
    latencies = array("d")  # a list of a million floats would itself take 32 MB
    memory: list[float] = []
    worst = [0.0]
    numbers = count()
    lock = threading.Lock()

    def ask() -> None:
        while True:
            with lock:
                number = next(numbers)
            if number >= len(texts) and time.monotonic() > stop:
                return
            row = number % len(texts)
            start = time.perf_counter()
            answer = predictor.predict_proba([texts[row]])[0]
            took = time.perf_counter() - start
            with lock:
                latencies.append(took)
                worst[0] = max(worst[0], float(np.abs(answer - alone[row]).max()))
                if len(latencies) % EVERY == 0:
                    memory.append(resident())

    start = time.monotonic()
    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    single = []
    for text in texts[:1_000]:
        begin = time.perf_counter()
        predictor.predict_proba([text])
        single.append(time.perf_counter() - begin)
    print(f"texts answered: {len(latencies):,} in {seconds:.0f} s, {len(latencies) / seconds:,.0f} a second")
    print(f"largest difference from the answers to all texts at once: {worst[0]:.1e}")
    print(f"latency under {THREADS} threads: median {1e3 * statistics.median(latencies):.2f} ms")
    print(f"latency with one thread: median {1e3 * statistics.median(single):.2f} ms")
    half = memory[len(memory) // 2 :]
    print(f"memory: {memory[0]:.0f} MB after {EVERY:,}, {half[0]:.0f} MB after half, {memory[-1]:.0f} MB at the end")


def resident() -> float:
    """Return the resident memory of this process in MB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1e3


if __name__ == "__main__":
    main()
