"""Accuracy on the whole Naver sentiment movie corpus (NSMC) by tokenizer, transfer mode and vectors.

    python -m benchmarks.korean --tokenizers hangul --shared ../shared
    python -m benchmarks.korean --tokenizers kiwi:tags --ways own:init own:frozen tfidf

A way is a transfer mode with vectors (`shared:init`: those of the folder `shared`; `own:init`: word2vec vectors of the training
texts, without their labels; `subwords:init` and `jamo:init`: fastText vectors of these texts with n-grams of 1 to 3 syllables, or
of 3 to 6 letters, which also give vectors to unseen words), `random`, or a baseline of `lightning compare` (`tfidf:characters` is
the same for any tokenizer).
Training texts that are also test texts are left out. Results are added to `results/korean.json`, and the table of
`results/korean.md` is written from it; finished ways are not repeated.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

from benchmarks.corpora import ROOT, SHARED
from benchmarks.demo import MODEL
from benchmarks.sections import replace_section
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.baselines.baseline import fit_and_test
from lit_transfer.baselines.catalogue import make_baseline
from lit_transfer.data.corpus import SPLITS
from lit_transfer.files import atomic_write
from lit_transfer.vectors.training import train_vectors

REPORT = ROOT / "benchmarks" / "results" / "korean.md"
HEAD = "# NSMC\n\nFilm reviews in Korean, with all test texts; training texts that are also among them are left out."
GRID, WHOLE = "Tokenizers, modes and vectors", "All training texts"
NETWORKS = ["random", *(f"{vectors}:{mode}" for vectors in ("shared", "own") for mode in ("init", "frozen", "slow"))]
# Lengths of the n-grams of fastText.
NGRAMS = {"subwords": (1, 3), "jamo": (3, 6)}
NETWORKS += [f"{vectors}:{mode}" for vectors in NGRAMS for mode in ("init", "frozen")]
BASELINES = ["tfidf", "fasttext", "fasttext:subwords", "tfidf:characters"]
# The shared vectors have words without tags.
TOKENIZERS = ["whitespace", "hangul", "kiwi", "kiwi:tags"]
DIM, EPOCHS, SEED = 100, 3, 1
CHANGES: dict[str, Any] = {"pooling": ["max", "mean"], "lr": 0.004}


def with_vectors(kind: str, arguments: dict[str, Any], shared: Path) -> dict[str, Any]:
    """Return the arguments of the data module with vectors; those of the training texts are trained if they do not exist."""
    if kind == "shared":
        return arguments | {"vectors": str(shared / "vectors" / "ko.reviews.100d.pruned.vec.gz")}
    if kind == "jamo":
        tokenizer = arguments["tokenizer"]
        arguments = arguments | {"tokenizer": f"{tokenizer}{',' if ':' in tokenizer else ':'}jamo"}
    name = arguments["tokenizer"].replace(":", "_").replace(",", "_")
    out = Path("runs", "korean", f"{name}.vec" if kind == "own" else f"{name}.bin")
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        sentences = TextDataModule(**arguments).tokens("train").sentences()
        options: dict[str, Any] = {"dim": DIM, "min_count": 2, "epochs": 10}
        if kind in NGRAMS:
            options |= {"algorithm": "fasttext", **dict(zip(("min_n", "max_n"), NGRAMS[kind], strict=True))}
        train_vectors(sentences, out, **options, settings={"tokenizer": arguments["tokenizer"]})
    return arguments | {"vectors": str(out), "oov": "subword" if kind in NGRAMS else "normal"}


def train(arguments: dict[str, Any], mode: str, precision: str) -> tuple[float, float | None]:
    """Train a network; return the test accuracy of the best epoch, and the coverage of the vectors."""
    data = TextDataModule(**arguments)
    data.setup("fit")
    model = TextClassifier(
        transfer=mode,
        **({} if "vectors" in arguments else {"embedding_dim": DIM}),
        **MODEL | CHANGES,
        lr_scheduler=partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=CHANGES["lr"]),
    )
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        trainer = Trainer(
            accelerator="cpu",
            precision=precision,
            max_epochs=EPOCHS,
            default_root_dir=folder,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            callbacks=[ModelCheckpoint(folder, monitor="val_accuracy", mode="max", save_weights_only=True)],
        )
        trainer.fit(model, data)
        tested = trainer.test(ckpt_path="best", datamodule=data, verbose=False)[0]["test_accuracy"]
    return tested, data.alignment.coverage.token_share if data.alignment else None


def measure(arguments: dict[str, Any], way: str, shared: Path, precision: str) -> dict[str, Any]:
    """Return the test accuracy, the coverage of the vectors (None without vectors), and the time in seconds."""
    seed_everything(SEED, verbose=False)
    kind, _, mode = way.rpartition(":") if way in NETWORKS else ("", "", way)
    if kind:
        arguments = with_vectors(kind, arguments, shared)
    data = TextDataModule(**arguments)
    for part in SPLITS:
        data.tokens(part)  # tokenizing is not part of the time
    start = time.perf_counter()
    covered = None
    if way in NETWORKS:
        accuracy, covered = train(arguments, mode, precision)
    else:
        tested = fit_and_test(make_baseline(way), data, SEED)
        accuracy = float((tested.probabilities.argmax(1) == data.split("test").labels).mean())
    return {"accuracy": accuracy, "covered": covered, "seconds": time.perf_counter() - start}


def write_table(rows: dict[str, Any]) -> None:
    """Write the table of all results."""
    lines = [
        f"Test accuracy (percent) with all training texts, one seed: {EPOCHS} epochs, vectors of {DIM} dimensions, `pooling:",
        "[max, mean]`, OneCycleLR up to 0.004, batches of 128, one thread (`python -m benchmarks.korean`). In brackets, the",
        "share of running words with a vector. The shared vectors are fastText vectors of other Korean reviews; `own` are",
        "word2vec vectors of the training texts; `subwords` and `jamo` are fastText vectors of these texts with n-grams of 1 to",
        "3 syllables and of 3 to 6 letters. The times include those of other programs on the same two cores.",
        "",
        "| way | " + " | ".join(f"`{name}`" for name in TOKENIZERS) + " | seconds |",
        "|---" * (len(TOKENIZERS) + 2) + "|",
    ]
    for way in [*NETWORKS, *BASELINES]:
        of_way = {name: rows[f"{name} {way}"] for name in TOKENIZERS if f"{name} {way}" in rows}
        if not of_way:
            continue
        cells = []
        for name in TOKENIZERS:
            row = of_way.get(name)
            share = f" ({row['covered']:.0%})" if row and row["covered"] is not None else ""
            cells.append(f"{100 * row['accuracy']:.1f}{share}" if row else "")
        seconds = [row["seconds"] for row in of_way.values()]
        lines.append(f"| {way} | " + " | ".join(cells) + f" | {min(seconds):.0f} to {max(seconds):.0f} |")
    replace_section(REPORT, HEAD, [GRID, WHOLE], GRID, "\n".join(lines))


def main() -> None:
    """Measure the ways that have no result yet."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.korean", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizers", nargs="+", default=TOKENIZERS, choices=TOKENIZERS)
    parser.add_argument("--ways", nargs="+", default=[*NETWORKS, *BASELINES], choices=[*NETWORKS, *BASELINES])
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--precision", default="32-true", help="precision of the trainer, such as bf16-mixed")
    given = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    folder = given.shared.resolve() / "data" / "nsmc"
    store = REPORT.with_suffix(".json")
    for tokenizer in given.tokenizers:
        arguments = {
            **{f"{part}_file": str(folder / f"{part}.tsv") for part in ("train", "test")},
            "label_names": None,
            "val_fraction": 0.02,
            "drop_overlap": True,
            "tokenizer": tokenizer,
            "min_freq": 2,
            "batch_size": 128,
        }
        for way in given.ways:
            key = f"{tokenizer} {way}"
            if tokenizer == "whitespace" and way.startswith("jamo:"):
                continue  # it has no such option
            if store.exists() and key in json.loads(store.read_text(encoding="utf-8")):
                continue
            row = measure(arguments, way, given.shared.resolve(), given.precision)
            with FileLock(f"{store}.lock"):  # other tokenizers may be measured at the same time
                rows = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
                rows[key] = row
                with atomic_write(store) as file:
                    json.dump(rows, file, indent=1)
                write_table(rows)
            print(f"{key}: {100 * row['accuracy']:.2f} % in {row['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
