"""Few labels for each class: the network in several settings, beside what is simpler.

    python -m benchmarks.few_labels
    python -m benchmarks.few_labels --data clinc150 --per_class 10 100 --ways folds init tfidf mean --seeds 1 2 3

A number of texts of each class is drawn from the training texts of a data set in `../shared/data`; the accuracy is that on
development texts, or on up to 2,000 other training texts where there are none. Test texts are not read, unless with `--test`.
The network is that of `configs/init.yaml` with vectors of 100 dimensions, at most 15 epochs and early stopping (patience 4),
as follows:

- `part`: a tenth of the texts for validation, and a random softmax layer: the defaults;
- `regression`: the same with `softmax_start: regression`;
- `folds`: `val_folds: 5` and `softmax_start: regression`;
- `init`: the same with the mean of the embedded words and the last states beside the maximum, and zeros for words without a
  vector, as `lightning init` writes it for few labels;
- `frozen`: frozen vectors and a tenth of the texts for validation, as `lightning init` writes it for many labels;
- `batches`: `init` with batches of an eighth of the texts (2 to 50), so that an epoch has about eight steps;
- `tfidf`, `nbsvm`, `mean`: logistic regression on TF-IDF, log-count ratios and mean vectors of all texts, whose penalty folds
  determine;
- `encoder:PATH`: logistic regression on the sentence vectors of an encoder, which is not trained.

`error` is the calibration error of `init` with the temperature of the model. The table is written to
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

from benchmarks.corpora import ROOT, SHARED, TOKENIZERS
from benchmarks.tables import Table
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.baselines.baseline import Inputs
from lit_transfer.baselines.counts import NBSVM
from lit_transfer.baselines.mean_vectors import average
from lit_transfer.cli.init import MANY
from lit_transfer.encoders.sentence_encoder import load_encoder
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
# Steps of an epoch in the way `batches`.
STEPS = 8
# Number of classes from which on regressions have fewer folds and penalties to choose from, since they take long.
SLOW = 20
MODEL = {"transfer": "init", "lr": 0.002, "hidden_size": 200, "embedding_dropout": 0.25}
NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "part": ({}, {}),
    "regression": ({"softmax_start": "regression"}, {}),
    "folds": ({"softmax_start": "regression"}, {"val_folds": 5}),
    "init": (
        {"softmax_start": "regression", "pooling": ["last", "max", "embedding_mean"]},
        {"val_folds": 5, "oov": "zeros"},
    ),
}
NETWORKS["frozen"] = ({"transfer": "frozen"}, {})
NETWORKS["batches"] = NETWORKS["init"]
Texts = tuple[list[str], list[str]]


def draw(name: str, per_class: int, seed: int, test: bool = False) -> tuple[Texts, Texts]:
    """Return a number of training texts of each class, and the texts to measure the accuracy on."""
    file, others = FILES[name]
    folder = SHARED / "data" / name
    if test:
        others = "test.tsv"
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
    if kind == "batches":
        of_data = {**of_data, "batch_size": max(2, min(50, len(train[0]) // STEPS))}
    if kind in ("init", "batches") and len(set(train[1])) > MANY:
        of_model = {**of_model, "pooling": ["max", "embedding_mean"]}
    with tempfile.TemporaryDirectory() as folder:
        seed_everything(seed, verbose=False)
        data = TextDataModule.from_lists(
            train=train,
            test=others,
            vectors=vectors_of(name),
            tokenizer=TOKENIZERS.get(name, "basic_english"),
            **of_data,
        )
        model = TextClassifier(**MODEL | of_model)
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


def simpler(name: str, way: str, train: Texts, others: Texts) -> float:
    """Return the accuracy of a regression on fixed features of the texts."""
    if way == "nbsvm":
        return nbsvm(name, train, others)
    features: list[Any]
    if way == "tfidf":
        tfidf = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        features = [tfidf.fit_transform(train[0]), tfidf.transform(others[0])]
    elif way == "mean":
        features = [mean_vectors(name, texts) for texts, _ in (train, others)]
    else:
        features = [load_encoder(way.removeprefix("encoder:")).encode(texts) for texts, _ in (train, others)]
    many = len(set(train[1])) >= SLOW
    folds = min(2 if many else 5, min(train[1].count(label) for label in set(train[1])))
    regression = LogisticRegressionCV(
        Cs=[10, 100] if many else [0.1, 1, 10, 100], cv=folds, max_iter=100 if many else 300
    )
    return 100 * float(regression.fit(features[0], train[1]).score(features[1], others[1]))


def nbsvm(name: str, train: Texts, others: Texts) -> float:
    """Return the accuracy of NBSVM with the penalty that the most texts of three folds choose."""
    data = TextDataModule.from_lists(
        train=train, test=others, tokenizer=TOKENIZERS.get(name, "basic_english"), val_folds=3
    )
    data.prepare_data()
    data.setup("fit")
    task, votes = data.preprocessing.task, []
    for fold in data.folds():
        fitted = NBSVM("nbsvm").fit(Inputs.of(fold, "train"), Inputs.of(fold, "val"), task)
        votes.append(fitted.settings["C"])
    data.setup("test")
    chosen = NBSVM("nbsvm", {"C": max(set(votes), key=lambda value: (votes.count(value), -value))})
    test = Inputs.of(data, "test")
    decided = task.decide(chosen.fit(Inputs.of(data, "train"), None, task).predict_proba(test))
    return 100 * float(task.correct(decided, test.labels).mean())


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
    parser.add_argument("--ways", nargs="+", default=["folds", "init", "tfidf", "nbsvm", "mean"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--test", action="store_true", help="measure on the test texts; nothing may be chosen by them")
    parser.add_argument("--out", type=Path, default=REPORT)
    values = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    table = Table(
        values.out,
        "Few labels for each class",
        f"Accuracy in percent{' on test texts' * values.test}, mean and standard deviation over seeds "
        f"{', '.join(map(str, values.seeds))}; see `python -m benchmarks.few_labels --help`.",
        ["data", "texts of each class", *values.ways, "error: init"],
        "l" * (3 + len(values.ways)),
    )
    for name in values.data:
        for per_class in values.per_class:
            found: dict[str, list[float]] = {}
            errors = []
            for seed in values.seeds:
                train, others = draw(name, per_class, seed, values.test)
                for way in values.ways:
                    if way in NETWORKS:
                        accuracy, error = network(name, way, train, others, seed)
                        errors += [error] * (way == "init")
                    else:
                        accuracy = simpler(name, way, train, others)
                    found.setdefault(way, []).append(accuracy)
            table.add(name, str(per_class), *(cell(found[way]) for way in values.ways), cell(errors) if errors else "")


if __name__ == "__main__":
    main()
