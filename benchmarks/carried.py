"""Size and accuracy of checkpoints with the vectors of all words (`checkpoint_vectors: all`).

    python -m benchmarks.carried --data demo sst2 mr > benchmarks/results/carried.md

A model with the settings of the demo is trained, and classifies the test texts with the vectors of unseen words as in their file
(float32), as float16, as int8, and without them.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from lightning.pytorch import seed_everything

from benchmarks.corpora import SHARED, data_arguments
from benchmarks.demo import DEMO, MODEL, make_demo_trainer
from lit_transfer import TextClassifier, TextDataModule, load
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.vectors.packed import PackedVectors


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.carried", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["demo"], choices=["demo", "sst2", "mr"])
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    given = parser.parse_args(arguments)
    print("# Vectors that a checkpoint carries\n")
    print(
        f"`python -m benchmarks.carried --data {' '.join(given.data)}`: one model each with the demo's settings (frozen,"
    )
    print("seed 1), asked for the test texts; changes are against the vectors as they are in their file.\n")
    print("| data | vectors of unseen words | MB in a checkpoint | accuracy | labels changed | largest change of p |")
    print("|---|---|--:|--:|--:|--:|")
    for name in given.data:
        measure(name, given.shared)


def measure(name: str, shared: Path) -> None:
    """Train a model, and print its rows."""
    seed_everything(1, verbose=False)
    data = TextDataModule(**(DEMO["data"]["init_args"] if name == "demo" else data_arguments(name, shared.resolve())))
    model = TextClassifier("frozen", **MODEL)
    model.quiet = True
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_demo_trainer(folder)
        trainer.fit(model, data)
        predictor = load(trainer.checkpoint_callback.best_model_path)  # type: ignore[union-attr]
    split, tokens = data.split("test"), data.tokens("test")
    outside = sum(word not in predictor.preprocessing.vocabulary for words in tokens.sentences() for word in words)
    running = sum(map(len, tokens.sentences()))
    title = f"{name}: {len(split.texts):,} test texts, {outside / running:.1%} of their words unseen"
    before: np.ndarray | None = None
    for kind, (preprocessing, size) in contenders(predictor.preprocessing).items():
        found = Predictor(predictor.network, preprocessing, temperature=predictor.temperature).predict_proba(
            split.texts
        )
        before = found if before is None else before
        accuracy = (found.argmax(axis=1) == split.labels).mean()
        changed = int((found.argmax(axis=1) != before.argmax(axis=1)).sum())
        print(
            f"| {title} | {kind} | {size / 1e6:.1f} | {accuracy:.2%} | {changed} | {np.abs(found - before).max():.1e} |",
            flush=True,
        )
        title = ""


def contenders(preprocessing: Preprocessing) -> dict[str, tuple[Preprocessing, int]]:
    """Return the preprocessing and its additional size in a checkpoint in bytes, by kind of vectors."""
    assert preprocessing.vectors is not None
    half = PackedVectors.of(preprocessing.vectors, None)
    packed = {f"{one.precision}, {len(one.words):,} words": one for one in (half, half.as_precision("int8"))}
    return {
        "in their file, float32": (preprocessing, 0),
        **{
            kind: (dataclasses.replace(preprocessing, stored_vectors=one), one.num_bytes)
            for kind, one in packed.items()
        },
        "none": (dataclasses.replace(preprocessing, open_vocabulary=False), 0),
    }


if __name__ == "__main__":
    main()
