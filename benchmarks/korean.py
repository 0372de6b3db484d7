"""Accuracy on the Naver sentiment movie corpus (NSMC) by tokenizer and transfer mode.

python -m benchmarks.korean --texts 50000 > benchmarks/results/korean.md
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

from benchmarks.corpora import SHARED, write_part
from benchmarks.demo import MODEL
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.vectors.training import train_vectors

# Tokenizer, transfer mode, and vectors: those of the folder `shared`, or word2vec trained on the training texts.
ROWS = [
    ("whitespace", "random", None),
    ("hangul", "random", None),
    ("hangul", "init", "shared"),
    ("kiwi:tags", "random", None),
    ("kiwi:tags", "init", "own"),
    ("kiwi:tags", "frozen", "own"),
]
DIM, EPOCHS = 100, 4


def own_vectors(data: TextDataModule, out: Path) -> str:
    """Train word2vec on the training texts, without labels."""
    train_vectors(data.tokens("train").sentences(), out, dim=DIM, settings={"tokenizer": data.tokenizer})
    return str(out)


def measure(arguments: dict[str, Any], mode: str, seed: int) -> tuple[float, float, float | None]:
    """Train for `EPOCHS` epochs; return the test accuracy of the best epoch in percent, the training time, and the coverage."""
    os.environ["PL_GLOBAL_SEED"] = str(seed)
    seed_everything(seed, verbose=False)
    data = TextDataModule(**arguments)
    data.setup("fit")
    model = TextClassifier(transfer=mode, **({} if "vectors" in arguments else {"embedding_dim": DIM}), **MODEL)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=EPOCHS,
            default_root_dir=folder,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            callbacks=[ModelCheckpoint(folder, monitor="val_accuracy", mode="max", save_weights_only=True)],
        )
        start = time.perf_counter()
        trainer.fit(model, data)
        seconds = time.perf_counter() - start
        tested = trainer.test(ckpt_path="best", datamodule=data, verbose=False)[0]["test_accuracy"]
    return 100 * tested, seconds, data.alignment.coverage.token_share if data.alignment else None


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.korean", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=150_000, help="number of training texts")
    parser.add_argument("--rows", type=int, nargs="+", default=range(len(ROWS)), help="indices of the rows to measure")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    given = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    nsmc = given.shared / "data" / "nsmc"
    print(
        f"NSMC: {given.texts:,} training texts, {EPOCHS} epochs, {DIM} dimensions, one thread, seeds: {given.seeds}\n"
    )
    print(
        "| tokenizer | mode | vectors | words with a vector | test accuracy | seconds of `fit` |\n|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        train = write_part(str(nsmc / "train.tsv"), Path(folder, "train.tsv"), given.texts)
        for tokenizer, mode, vectors in (ROWS[row] for row in given.rows):
            arguments = {
                "train_file": train,
                "test_file": str(nsmc / "test.tsv"),
                "val_fraction": 0.05,
                "tokenizer": tokenizer,
                "min_freq": 2,
                "batch_size": 50,
            }
            if vectors == "shared":
                arguments["vectors"] = str(given.shared / "vectors" / "ko.reviews.100d.pruned.vec.gz")
            elif vectors == "own":
                arguments["vectors"] = own_vectors(TextDataModule(**arguments), Path(folder, "own.vec"))
            found = [measure(arguments, mode, seed) for seed in range(1, given.seeds + 1)]
            accuracies = [accuracy for accuracy, _, _ in found]
            spread = f" ± {np.std(accuracies, ddof=1):.1f}" if len(found) > 1 else ""
            covered = "" if found[0][2] is None else f"{found[0][2]:.1%}"
            seconds = np.mean([taken for _, taken, _ in found])
            print(
                f"| {tokenizer} | {mode} | {vectors or ''} | {covered} | {np.mean(accuracies):.1f}{spread} | {seconds:.0f} |",
                flush=True,
            )
            print(f"{tokenizer} {mode} done", file=sys.stderr)


if __name__ == "__main__":
    main()
