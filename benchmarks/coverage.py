"""How often the intervals of `lightning compare` contain the true difference, on data sets with thousands of other texts.

    python -m benchmarks.coverage draw --data mr sst2 nsmc --repetitions 100 --out runs/coverage --shared ../shared
    python -m benchmarks.coverage judge --out runs/coverage

`draw` draws labelled texts from a data set again and again, compares methods that take seconds (TF-IDF, NBSVM, mean vectors, and
regression on the states of a random LSTM, whose seed differs from run to run) as `lightning compare` does, and tests each model
also on 2,000 other texts of the data set: on five folds of the texts (`folds`), or on a test file of 400 texts, with five samples
of 100 of the labels (`file`). Repetitions in the folder are not drawn again.

`judge` counts how often the interval of a difference contains it. There are two true differences: that of the *models at hand*,
on the texts left out, and that of the *methods*, the mean over all repetitions, which includes that other labelled texts would
give other models. It also splits the variance of the difference that is due to the training into the part that the folds of a
repetition have in common, which no comparison on one sample can see, and the rest. Writes `benchmarks/results/coverage.md`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks.corpora import ROOT, SHARED, TOKENIZERS
from benchmarks.sections import replace_section
from lit_transfer import TextDataModule
from lit_transfer.baselines.baseline import fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.baselines.encoded import EncodedRegression
from lit_transfer.compare.evidence.simultaneous import compare_all
from lit_transfer.data.tokenized import NO_WORD
from lit_transfer.files import atomic_write

REPORT = ROOT / "benchmarks" / "results" / "coverage.md"
TITLE = "TF-IDF, NBSVM, mean vectors, and a random LSTM"
HEAD = """# Coverage of the intervals on data

Written by `python -m benchmarks.coverage` (see its docstring); shares in percent, widths and standard deviations in points. The
intervals of a comparison are simultaneous: in at most 5 % of the comparisons, any of the six should be wrong."""
METHODS = ("tfidf", "nbsvm", "mean", "lstm")
FOLDS, VAL = 5, 0.1
# Numbers of labelled texts on folds.
SIZES = (150, 1500)
# Labelled texts beside a test file, its texts, the samples of the labels, and their size.
LABELLED, TESTED, SAMPLES, SAMPLE = 1000, 400, 5, 100
# Most texts of a data set, and of these most texts that the models of a comparison are tested on besides.
TEXTS, LEFT_OUT = 12_000, 2_000
STATES, LONGEST = 64, 40
PAIRS = list(combinations(range(len(METHODS)), 2))


class RandomLSTM:
    """Greatest states of a random LSTM over the vectors of the words of a text: an encoder that is not trained."""

    size, seconds_per_text = 0, 0.0

    def __init__(self, texts: Sequence[str], features: np.ndarray) -> None:
        self.rows = {text: row for row, text in enumerate(texts)}
        self.features = features

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return the states of texts. *Shape:* `(texts, 2 * STATES)`."""
        return self.features[[self.rows[text] for text in texts]]


def encoders_of(data: TextDataModule, seeds: int) -> list[RandomLSTM]:
    """Return a random LSTM for each seed, with the states of all texts."""
    assert data.vectors is not None
    tokens, texts = data.tokens("train"), data.split("train").texts
    known = np.array([number for number, word in enumerate(tokens.words) if word != NO_WORD])
    matrix, found = data.vectors.lookup([tokens.words[number] for number in known])
    of_words = np.zeros((len(tokens.words) + 1, matrix.shape[1]), dtype=np.float32)  # the last row is padding
    of_words[known[found >= 0]] = matrix[found >= 0]
    numbers = np.full((len(texts), LONGEST), len(tokens.words))
    for row, (start, end) in enumerate(zip(tokens.offsets[:-1], tokens.offsets[1:], strict=True)):
        part = tokens.numbers[start:end][:LONGEST]
        numbers[row, : len(part)] = part
    encoders = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        lstm = torch.nn.LSTM(matrix.shape[1], STATES, bidirectional=True, batch_first=True)
        states = []
        with torch.inference_mode():
            for rows in np.array_split(numbers, max(len(numbers) // 500, 1)):
                output, _ = lstm(torch.from_numpy(of_words[rows]))
                output[torch.from_numpy(rows == len(tokens.words))] = -1.0
                states.append(output.max(dim=1).values.numpy())
        encoders.append(RandomLSTM(texts, np.concatenate(states)))
    return encoders


def read(name: str, shared: Path) -> TextDataModule:
    """Return a data module with all texts of a data set as its train split."""
    files = sorted((shared / "data" / name).glob("*.tsv"), reverse=True)
    frames = [pd.read_csv(file, sep="\t", quoting=3, dtype=str, keep_default_na=False) for file in files]
    texts = pd.concat(frames)[["text", "label"]].drop_duplicates("text")
    texts = texts.sample(min(TEXTS, len(texts)), random_state=0)
    file = "ko.reviews.100d.pruned.vec.gz" if name == "nsmc" else "glove.6B.100d.pruned.txt.gz"
    data = TextDataModule.from_lists(
        (texts["text"].tolist(), texts["label"].tolist()),
        val_fraction=0.0,
        test_fraction=0.0,
        vectors=str(shared / "vectors" / file),
        tokenizer=TOKENIZERS[name],
    )
    words = [word for word in data.tokens("train").words if word != NO_WORD]
    assert data.vectors is not None
    data.vectors = data.vectors.in_memory(words, None)
    return data


def runs_of(
    data: TextDataModule, design: str, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, Iterator[tuple[int, np.ndarray, np.ndarray]]]:
    """Draw a comparison.

    Returns:
        seen: Rows of the texts that the comparison is tested on.
        left_out: Rows of the texts that it does not see.
        runs: Seed, rows to train and validate on, and rows to test on, of each run.
    """
    labels = data.split("train").labels
    order = rng.permutation(len(labels))
    if design == "file":
        labelled, test, rest = np.split(order, [LABELLED, LABELLED + TESTED])
        draws = [labelled[rng.permutation(LABELLED)[:SAMPLE]] for _ in range(SAMPLES)]
        return test, rest, iter([(seed, rows, test) for seed, rows in enumerate(draws)])
    pool, rest = order[:size], order[size:]
    folds = data.task.folds(labels[pool], FOLDS, int(rng.integers(2**31)))
    return pool, rest, iter([(seed, np.delete(pool, fold), pool[fold]) for seed, fold in enumerate(folds)])


def compare(
    data: TextDataModule, encoders: Sequence[RandomLSTM], design: str, size: int, number: int
) -> dict[str, Any]:
    """Return the results of a comparison and of its models on the texts left out.

    Returns:
        The `mean`, `low` and `high` of the difference of each pair, the accuracy of each model on the texts left out
        (`left_out`), and the variance of the mean difference of each pair there that is due to these texts (`noise`).
        *Shape:* `(pairs,)`, and `(methods, runs)`.
    """
    rng = np.random.default_rng([number, size, *design.encode()])
    seen, rest, runs = runs_of(data, design, size, rng)
    rest = rest[:LEFT_OUT]
    labels = data.split("train").labels
    assert labels is not None and data.vectors is not None
    place = np.full(len(labels), -1)
    place[seen] = np.arange(len(seen))
    tables = np.full((len(METHODS), SAMPLES if design == "file" else FOLDS, len(seen)), np.nan)
    left_out = np.zeros((*tables.shape[:2], len(rest)))
    for seed, rows, test in runs:
        [val] = data.task.stratified_split(labels[rows], [VAL], 0)
        parts = {"train": np.delete(rows, val), "val": rows[val], "test": np.concatenate([test, rest])}
        view = data.with_rows(parts)
        words = [word for word in data.tokens("train").words if word != NO_WORD]
        for method, name in enumerate(METHODS):
            if name == "lstm":
                baseline = EncodedRegression("sentence:lstm", encoder=encoders[seed])  # type: ignore[arg-type]
            else:
                baseline = make_baseline(name, vectors=data.vectors if name == "mean" else None, words=words)
            decided = data.task.decide_all(fit_and_test(baseline, view, seed).probabilities)
            right = decided == labels[parts["test"]]
            tables[method, seed, place[test]] = right[: len(test)]
            left_out[method, seed] = right[len(test) :]
    family = compare_all(list(tables))
    found = {
        end: np.array([float(getattr(each, end)) for each in family.differences.values()])
        for end in ("mean", "low", "high")
    }
    by_text = left_out.mean(axis=1)
    noise = np.array([(by_text[i] - by_text[j]).var() / len(rest) for i, j in PAIRS])
    return {**found, "left_out": left_out.mean(axis=2), "noise": noise}


def draw(name: str, shared: Path, design: str, size: int, repetitions: int, out: Path, seconds: float) -> None:
    """Compare again and again, as far as the time allows, and store the results."""
    path = out / f"{name}-{design}-{size}.npz"
    done: list[dict[str, Any]] = []
    if path.exists():
        with np.load(path) as arrays:
            done = [{key: arrays[key][row] for key in arrays.files} for row in range(len(arrays["mean"]))]
    if len(done) >= repetitions:
        return
    data = read(name, shared)
    encoders, start = encoders_of(data, max(FOLDS, SAMPLES)), time.perf_counter()
    while len(done) < repetitions and time.perf_counter() - start < seconds:
        done.append(compare(data, encoders, design, size, len(done)))
    out.mkdir(parents=True, exist_ok=True)
    with atomic_write(path, "wb") as file:
        np.savez_compressed(file, **{key: np.stack([one[key] for one in done]) for key in done[0]})
    print(path.name, len(done), f"{time.perf_counter() - start:.0f} s", flush=True)


class Judged(NamedTuple):
    """How often the intervals of a design are right.

    Attributes:
        comparisons: Number of comparisons.
        width: Mean half width of an interval, in points.
        shown: Share of the differences that are shown.
        models: Share of the intervals that contain the difference of the models at hand.
        methods: Share of those that contain the difference of the methods.
        wrong: Share of the comparisons with an interval that does not contain the difference of the methods.
        contradicted: Share of the comparisons with a difference shown in the wrong direction.
        training: Standard deviation of a difference due to the training of one model, in points.
        common: Share of its variance that the models of a comparison have in common.
    """

    comparisons: int
    width: float
    shown: float
    models: float
    methods: float
    wrong: float
    contradicted: float
    training: float
    common: float


def judge(results: Mapping[str, np.ndarray]) -> Judged:
    """Compare the intervals of all repetitions with the true differences."""
    left_out, low, high = results["left_out"], results["low"], results["high"]
    apart = np.stack([left_out[:, i] - left_out[:, j] for i, j in PAIRS], axis=1)  # (repetitions, pairs, runs)
    at_hand, true = apart.mean(axis=2), apart.mean(axis=(0, 2))
    inside = (low <= true) & (true <= high)
    claimed = (low > 0) | (high < 0)
    runs = apart.shape[2]
    within = apart.var(axis=2, ddof=1).mean(axis=0)
    common = np.maximum(at_hand.var(axis=0, ddof=1) - results["noise"].mean(axis=0) - within / runs, 0.0)
    return Judged(
        len(low),
        100 * float((high - low).mean() / 2),
        float(claimed.mean()),
        float(((low <= at_hand) & (at_hand <= high)).mean()),
        float(inside.mean()),
        float((~inside).any(axis=1).mean()),
        float((claimed & ((low > 0) != (true > 0))).any(axis=1).mean()),
        100 * float((common + within).mean() ** 0.5),
        float(common.sum() / (common + within).sum()),
    )


def report(folder: Path) -> list[str]:
    """Return the table of all designs."""
    lines = [
        "| data | tested on | comparisons | half width | shown | right, models at hand | right, methods | any interval wrong "
        "| shown and wrong | training, points | in common |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for path in sorted(folder.glob("*.npz"), key=lambda path: (path.stem.split("-")[1:], path.stem)):
        name, design, size = path.stem.split("-")
        with np.load(path) as arrays:
            found = judge(dict(arrays))
        what = f"five folds of {int(size):,} texts" if design == "folds" else f"a file of {TESTED} texts"
        shares = (found.shown, found.models, found.methods, found.wrong, found.contradicted)
        shown = " | ".join(f"{100 * share:.1f}" for share in shares)
        lines.append(
            f"| {name} | {what} | {found.comparisons} | {found.width:.1f} | {shown} | {found.training:.1f} "
            f"| {100 * found.common:.0f} % |"
        )
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw comparisons, or judge their intervals."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coverage", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["draw", "judge"])
    parser.add_argument("--data", nargs="+", default=["mr", "sst2", "nsmc"])
    parser.add_argument("--designs", nargs="+", default=["folds", "file"], choices=["folds", "file"])
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES), help="labelled texts on folds")
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="time limit of each design of a data set")
    parser.add_argument("--out", type=Path, default=Path("runs", "coverage"), help="folder of the results")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    given = parser.parse_args(arguments)
    if given.step == "judge":
        body = "\n".join(report(given.out))
        print(body)
        replace_section(REPORT, HEAD, [TITLE], TITLE, body)
        return
    for design in given.designs:
        for size in given.sizes if design == "folds" else [LABELLED]:
            for name in given.data:
                draw(name, given.shared.resolve(), design, size, given.repetitions, given.out, given.seconds)


if __name__ == "__main__":
    main()
