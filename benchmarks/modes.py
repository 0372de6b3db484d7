"""Accuracy of the four modes beside TF-IDF with logistic regression, on the very same rows: the README's table.

    python benchmarks/modes.py --data demo --seeds 3
    python benchmarks/modes.py --data sst2 trec mr --seeds 3 --shared ../shared

Every run stops early and keeps its best epoch by the validation part; the test part is looked at once, at the end.
`--set hidden_size=200 lr=3e-3` changes an argument of the model or of the data, `--validation` prints the validation
accuracy instead, for choosing defaults.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import logging
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.transfer import MODES

DEMO = yaml.safe_load((Path(__file__).parents[1] / "configs" / "frozen.yaml").read_text(encoding="utf-8"))


def data_arguments(name: str, shared: Path) -> dict[str, Any]:
    if name == "demo":
        return dict(DEMO["data"]["init_args"])
    folder = shared / "data" / name
    arguments: dict[str, Any] = {"vectors": str(shared / "vectors" / "glove.6B.100d.pruned.txt.gz")}
    if name in ("mr", "sst2"):  # lower-case words with spaces between them already
        arguments["tokenizer"] = "whitespace"
    if name == "mr":  # no official split
        return {**arguments, "train_file": str(folder / "all.tsv"), "test_fraction": 0.1}
    arguments |= {"train_file": str(folder / "train.tsv"), "test_file": str(folder / "test.tsv")}
    return {**arguments, "val_file": str(folder / "dev.tsv")} if (folder / "dev.tsv").exists() else arguments


def train(
    data: TextDataModule, arguments: dict[str, Any], seed: int, epochs: int, validation: bool
) -> tuple[float, int]:
    """Accuracy in percent, and the epochs it took."""
    os.environ["PL_GLOBAL_SEED"] = str(seed)
    seed_everything(seed, verbose=False)
    model = TextClassifier(**arguments)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            callbacks=[
                EarlyStopping("val_accuracy", mode="max", patience=4),
                ModelCheckpoint(folder, monitor="val_accuracy", mode="max", save_weights_only=True),
            ],
        )
        trainer.fit(model, data)
        if validation:
            return 100 * trainer.checkpoint_callback.best_model_score.item(), trainer.current_epoch  # type: ignore[union-attr]
        figures = trainer.test(model, data, ckpt_path="best", verbose=False)[0]
    return 100 * figures["test_accuracy"], trainer.current_epoch


def tfidf(data: TextDataModule, validation: bool) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train, test = data.part("train"), data.part("val" if validation else "test")
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\S+"), LogisticRegression(C=10, max_iter=1000)
    )
    return 100 * model.fit(train.texts, train.labels).score(test.texts, test.labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["demo"])
    parser.add_argument("--modes", nargs="+", default=list(MODES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=DEMO["trainer"]["max_epochs"])
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[1] / ".." / "shared")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--validation", action="store_true")
    options = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    changed = {name: yaml.safe_load(value) for name, value in (item.split("=", 1) for item in options.set)}
    defaults = {
        k: v for k, v in DEMO["model"]["init_args"].items() if k not in ("transfer", "optimizer", "lr_scheduler")
    }
    names = inspect.signature(TextClassifier).parameters
    model_changes = {k: (float(v) if isinstance(v, str) and k == "lr" else v) for k, v in changed.items() if k in names}
    data_changes = {k: v for k, v in changed.items() if k not in names}

    print("| data | " + " | ".join(options.modes) + " | TF-IDF |")
    print("|---" * (len(options.modes) + 2) + "|")
    for name in options.data:
        cells = []
        for mode in options.modes:
            begin = time.perf_counter()
            data = TextDataModule(**{**data_arguments(name, options.shared), **data_changes})
            runs = [
                train(data, {**defaults, **model_changes, "transfer": mode}, seed, options.epochs, options.validation)
                for seed in range(1, options.seeds + 1)
            ]
            scores = [score for score, _ in runs]
            deviation = f" ± {statistics.stdev(scores):.1f}" if len(scores) > 1 else ""
            cells.append(f"{statistics.mean(scores):.1f}{deviation}")
            print(
                f"  {name} {mode}: {cells[-1]} {[round(s, 1) for s in scores]} epochs {[e for _, e in runs]} "
                f"{time.perf_counter() - begin:.0f} s",
                flush=True,
            )
        print(f"| {name} | " + " | ".join(cells) + f" | {tfidf(data, options.validation):.1f} |", flush=True)


if __name__ == "__main__":
    main()
