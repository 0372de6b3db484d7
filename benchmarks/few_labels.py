"""Few labels for each class: a validation part or folds, a random softmax layer or a regression.

    python -m benchmarks.few_labels
    python -m benchmarks.few_labels --data clinc150 --per_class 10 --seeds 1 2 3

A number of texts of each class is drawn from the training texts of a data set in `../shared/data`; the accuracy is that on
development texts, or on up to 2,000 other training texts where there are none. Test texts are not read. The network is that of
`configs/init.yaml` with vectors of 100 dimensions, at most 15 epochs and early stopping (patience 4), as follows:

- `part`: a tenth of the texts for validation, and a random softmax layer: the defaults;
- `regression`: the same with `softmax_start: regression`;
- `folds`: `val_folds: 5` and `softmax_start: regression`, as `lightning init` writes it for few labels;
- `tfidf`, `mean`: logistic regression on all texts, whose penalty five folds determine.

`error` is the calibration error of `part` and `folds` with the temperature of the model. The table is written to
`benchmarks/results/few_labels.md`.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline

from benchmarks.corpora import ROOT, SHARED, TOKENIZERS
from benchmarks.tables import Table
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.baselines.mean_vectors import average
from lit_transfer.tasks import SingleLabel
from lit_transfer.vectors.lookup import VectorSource

REPORT = ROOT / "benchmarks" / "results" / "few_labels.md"
FILES = {
    "trec": ("train.tsv", None),
    "sst2": ("train.tsv", "dev.tsv"),
    "mr": ("all.tsv", None),
    "nsmc": ("train.tsv", None),
    "clinc150": ("train.tsv", "val.tsv"),
}
MOST_OTHERS = 2_000
MODEL = {"transfer": "init", "lr": 0.002, "hidden_size": 200, "embedding_dropout": 0.25}
NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "part": ({}, {}),
    "regression": ({"softmax_start": "regression"}, {}),
    "folds": ({"softmax_start": "regression"}, {"val_folds": 5}),
}
Texts = tuple[list[str], list[str]]


def draw(name: str, per_class: int, seed: int) -> tuple[Texts, Texts]:
    """Return a number of training texts of each class, and the texts to measure the accuracy on."""
    file, others = FILES[name]
    folder = SHARED / "data" / name
    texts, labels = read(folder / file)
    task = SingleLabel(tuple(sorted(set(labels))))
    targets, order = task.encode(labels), np.random.default_rng(seed).permutation(len(texts))
    rows = np.concatenate([order[targets[order] == number][:per_class] for number in range(task.num_classes)])
    drawn = [texts[row] for row in rows], [labels[row] for row in rows]
    if others is not None:
        return drawn, read(folder / others)
    rest = np.setdiff1d(order, rows, assume_unique=True)[:MOST_OTHERS]
    return drawn, ([texts[row] for row in rest], [labels[row] for row in rest])


def read(path: Path) -> Texts:
    """Return the texts and labels of a file."""
    rows = [line.rstrip("\n").split("\t") for line in path.read_text(encoding="utf-8").split("\n")[1:] if line]
    return [row[0] for row in rows], [row[1] for row in rows]


def vectors_of(name: str) -> str:
    """Return the file of the vectors of a data set's language."""
    file = "ko.reviews.100d.pruned.vec.gz" if name == "nsmc" else "glove.6B.100d.pruned.txt.gz"
    return str(SHARED / "vectors" / file)


def network(name: str, kind: str, train: Texts, others: Texts, seed: int) -> tuple[float, float]:
    """Train a network; return its accuracy and its calibration error."""
    of_model, of_data = NETWORKS[kind]
    with tempfile.TemporaryDirectory() as folder:
        seed_everything(seed, verbose=False)
        data = TextDataModule.from_lists(
            train=train,
            test=others,
            vectors=vectors_of(name),
            tokenizer=TOKENIZERS.get(name, "basic_english"),
            **of_data,
        )
        model = TextClassifier(**MODEL, **of_model)
        model.quiet = True
        best: dict[str, Any] = {"monitor": "val_accuracy", "mode": "max"}
        run = Trainer(
            accelerator="cpu",
            max_epochs=15,
            callbacks=[EarlyStopping(**best, patience=4), ModelCheckpoint(dirpath=folder, **best)],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        run.fit(model, data)
        [figures] = run.test(model, data, ckpt_path="best", verbose=False)
    return 100 * figures["test_accuracy"], 100 * figures["test_calibration_error_after"]


def regressions(name: str, train: Texts, others: Texts) -> dict[str, float]:
    """Return the accuracy of logistic regression on TF-IDF and on the mean of the vectors."""
    folds = min(5, min(train[1].count(label) for label in set(train[1])))

    def regression() -> LogisticRegressionCV:
        return LogisticRegressionCV(Cs=[0.1, 1, 10, 100], cv=folds, max_iter=300)

    tfidf = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), regression())
    found = {"tfidf": 100 * tfidf.fit(*train).score(*others)}
    means = [mean_vectors(name, texts) for texts, _ in (train, others)]
    found["mean"] = 100 * regression().fit(means[0], train[1]).score(means[1], others[1])
    return found


def mean_vectors(name: str, texts: list[str]) -> np.ndarray:
    """Return the mean of the vectors of the words of each text. *Shape:* `(texts, dim)`."""
    data = TextDataModule.from_lists(predict=texts, tokenizer=TOKENIZERS.get(name, "basic_english"))
    return average(data.tokens("predict"), VectorSource(vectors_of(name), oov="zeros"))


def cell(values: list[float]) -> str:
    """Return the mean and the standard deviation of figures."""
    return f"{statistics.mean(values):.1f}" + (f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else "")


def main() -> None:
    """Draw, train and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--per_class", nargs="+", type=int, default=[5, 10, 30, 100])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--out", type=Path, default=REPORT)
    values = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    names = [*NETWORKS, "tfidf", "mean"]
    table = Table(
        values.out,
        "Few labels for each class",
        f"Accuracy in percent, mean and standard deviation over seeds {', '.join(map(str, values.seeds))}; see "
        "`python -m benchmarks.few_labels --help`.",
        ["data", "texts of each class", *names, "error: part", "folds"],
        "l" * (4 + len(names)),
    )
    for name in values.data:
        for per_class in values.per_class:
            found: dict[str, list[float]] = {}
            for seed in values.seeds:
                train, others = draw(name, per_class, seed)
                for kind in NETWORKS:
                    accuracy, error = network(name, kind, train, others, seed)
                    found.setdefault(kind, []).append(accuracy)
                    found.setdefault(f"error {kind}", []).append(error)
                for kind, accuracy in regressions(name, train, others).items():
                    found.setdefault(kind, []).append(accuracy)
            cells = [cell(found[kind]) for kind in (*names, "error part", "error folds")]
            table.add(name, str(per_class), *cells)


if __name__ == "__main__":
    main()
