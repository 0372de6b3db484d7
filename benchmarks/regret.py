"""What a recommendation of `lightning compare` costs, on small problems drawn from data sets with thousands of other texts.

    python -m benchmarks.regret train --out runs/regret --shared ../shared
    python -m benchmarks.regret judge --out runs/regret

`train` draws problems: some hundred labelled texts of a data set, in five folds. Each method is trained five times, without the
texts of one fold, and its predictions for that fold and for 2,500 other texts are stored. Problems with files in the folder are
not trained again. `judge` trains nothing: it draws from the stored predictions what a user would have seen (a test file of a few
hundred texts, or the five folds), lets each rule choose, and looks up the accuracy of the chosen method on the texts that the
user has not seen. The regret of a rule is how many points its choice lies below the best method. Writes
`benchmarks/results/regret.md`.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.corpora import ROOT, SHARED
from lit_transfer.compare import run_comparison

FOLDS, LEFT_OUT = 5, 2500
# Numbers of texts of a problem, of which each run trains and validates on four fifths.
SIZES = (150, 500, 1500)
DATA = ("trec", "sst2", "mr", "nsmc", "clinc150", "goemotions")
# Numbers of classes drawn for each problem from the data sets that have many.
CLASSES = {"clinc150": 30, "goemotions": 6}


def draw(name: str, shared: Path, size: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the texts of a problem, and texts left out of it."""
    rng = np.random.default_rng([seed, size, *name.encode()])
    files = [path for path in sorted((shared / "data" / name).glob("*.tsv")) if path.stem != "outside"]
    texts = pd.concat([pd.read_csv(file, sep="\t", quoting=3, dtype=str, keep_default_na=False) for file in files])
    texts = texts[["text", "label"]].drop_duplicates("text")
    if name == "goemotions":  # texts with one label that is not rare
        texts = texts[~texts["label"].str.contains("|", regex=False) & (texts["label"] != "neutral")]
        texts = texts[texts.groupby("label")["label"].transform("size") >= 500]
    if name in CLASSES:
        texts = texts[texts["label"].isin(rng.choice(sorted(texts["label"].unique()), CLASSES[name], replace=False))]
    texts = texts.iloc[rng.permutation(len(texts))].reset_index(drop=True)
    return texts.iloc[:size], texts.iloc[size : size + LEFT_OUT]


def folds_of(labels: Sequence[str], seed: int) -> np.ndarray:
    """Return a stratified fold for each text. *Shape:* `(texts,)`."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(labels)), np.asarray(labels)))
    folds = np.empty(len(labels), dtype=int)
    folds[order] = np.arange(len(labels)) % FOLDS
    return folds


def train(name: str, shared: Path, size: int, seed: int, out: Path) -> None:
    """Train all methods on a problem, and store their predictions."""
    path = out / f"{name}-{size}-{seed}.npz"
    if path.exists():
        return
    pool, others = draw(name, shared, size, seed)
    folds = folds_of(pool["label"].tolist(), seed)
    frames, predictions = [], []
    for fold in range(FOLDS):
        folder = out / "work"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        kept = pool[folds != fold]
        # Classes outside the training texts cannot be read; their texts are counted as wrong below.
        known = set(kept["label"])
        test = pd.concat([pool[folds == fold], others])
        readable = test["label"].isin(known).to_numpy()
        write(folder / "train.tsv", kept)
        write(folder / "test.tsv", test[readable])
        frame, _ = run_comparison(configuration(name, shared, folder, FOLDS * seed + fold + 1))
        frames.append(frame)
        predictions.append(right_of(folder / "out", frame, test["label"].to_numpy(), readable))
    right = np.stack(predictions, axis=1)  # (methods, folds, texts)
    own = np.full((len(right), FOLDS, size), -1, dtype=np.int8)
    for fold in range(FOLDS):
        rows = np.flatnonzero(folds == fold)
        own[:, fold, rows] = right[:, fold][:, : len(rows)]
    left_out = np.stack([right[:, fold][:, (folds == fold).sum() :] for fold in range(FOLDS)], axis=1)
    rows = pd.concat(frames)
    figures = {
        key: np.stack([rows[rows["way"] == way][key].to_numpy(dtype=float) for way in frames[0]["way"]])
        for key in ("seconds", "predict_texts_per_second", "trainable_parameters", "best_score", "size_bytes")
    }
    np.savez_compressed(
        path, ways=frames[0]["way"].to_numpy(dtype=str), own=own, left_out=left_out, folds=folds, **figures
    )
    print(
        path.name,
        {w: round(100 * a, 1) for w, a in zip(frames[0]["way"], left_out.mean((1, 2)), strict=True)},
        flush=True,
    )


def write(path: Path, texts: pd.DataFrame) -> None:
    """Write texts and labels as TSV, in which a quote is an ordinary character."""
    rows = [f"{text}\t{label}" for text, label in zip(texts["text"], texts["label"], strict=True)]
    path.write_text("\n".join(["text\tlabel", *rows, ""]), encoding="utf-8")


def right_of(out: Path, frame: pd.DataFrame, labels: np.ndarray, readable: np.ndarray) -> np.ndarray:
    """Return which test texts each method classifies correctly; unreadable texts count as wrong. *Shape:* `(methods, texts)`."""
    names = np.array([column.removeprefix("f1_") for column in frame.columns if column.startswith("f1_")])
    table = np.zeros((len(frame), len(labels)), dtype=np.int8)
    for row, (run, accuracy) in enumerate(zip(frame["run"], frame["accuracy"], strict=True)):
        with np.load(out / "rows" / f"{run}.npz") as arrays:
            right = names[arrays["predicted"]] == labels[readable]
        assert abs(right.mean() - accuracy) < 1e-6
        table[row, readable] = right
    return table


def configuration(name: str, shared: Path, folder: Path, seed: int) -> dict[str, object]:
    """Return the configuration of the demo for the texts of a fold, with one seed and a smaller network."""
    config = yaml.safe_load((ROOT / "configs" / "compare.yaml").read_text(encoding="utf-8"))
    korean = name == "nsmc"
    vectors = str(shared / "vectors" / "ko.reviews.100d.pruned.vec.gz") if korean else "glove-6b-50d"
    config["seed_everything"] = seed
    config["trainer"] |= {"logger": False, "precision": "bf16-mixed"}
    config["model"]["init_args"]["hidden_size"] = 100
    config["compare"] |= {
        "seeds": 1,
        "train_sizes": [None],
        "embedding_lrs": [1e-4],
        "vectors": [vectors],
        "baselines": ["majority", "tfidf", "tfidf:characters", "mean"],
        "output_dir": str(folder / "out"),
        "jobs": 1,
    }
    config["data"]["init_args"] = {
        "train_file": str(folder / "train.tsv"),
        "test_file": str(folder / "test.tsv"),
        "val_fraction": 0.1,
        "tokenizer": "words" if korean else "basic_english",
        "batch_size": 50,
    }
    return config


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the methods on the problems, or judge the rules."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.regret", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["train", "judge"])
    parser.add_argument("--out", type=Path, default=Path("runs", "regret"), help="folder of the stored predictions")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--data", nargs="+", default=list(DATA), choices=DATA)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--problems", type=int, default=2, help="problems of each data set and size")
    given = parser.parse_args(arguments)
    if given.step == "train":
        for seed in range(given.problems):
            for size in given.sizes:
                for name in given.data:
                    train(name, given.shared.resolve(), size, seed, given.out)


if __name__ == "__main__":
    main()
