"""Accuracy and training time of lit_transfer, fastText, and TF-IDF with logistic regression, on the same words.

The time includes reading the vectors and training, but not reading the text.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import seed_everything

from benchmarks.corpora import NAMES, accuracy_arguments
from benchmarks.demo import MODEL, make_demo_trainer
from benchmarks.speed.common import Options, Row, clock, quiet, run_python
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.data.corpus import SPLITS
from lit_transfer.tokenizers.registry import get_tokenizer


def ours(data: TextDataModule, transfer: str) -> tuple[float, float]:
    """Train with early stopping as in the configurations; return the seconds, and the test accuracy of the best epoch."""
    for name in SPLITS:
        data.encoded(name)
    with quiet(), tempfile.TemporaryDirectory() as folder:
        seed_everything(1, verbose=False)
        begin = clock()
        data._alignment = None  # the time includes reading the vectors
        trainer = make_demo_trainer(folder)
        trainer.fit(TextClassifier(transfer=transfer, **MODEL), data)  # type: ignore[arg-type]
        seconds = clock() - begin
        figures = trainer.test(datamodule=data, ckpt_path="best", verbose=False)[0]
    return seconds, 100 * figures["test_accuracy"]


def tfidf(parts: dict[str, tuple[list[list[str]], np.ndarray]]) -> tuple[float, float]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), analyzer="word", token_pattern=r"(?u)\S+"),
        LogisticRegression(C=10, max_iter=1000),
    )
    joined = {name: [" ".join(tokens) for tokens in texts] for name, (texts, _) in parts.items()}
    begin = clock()
    model.fit(joined["train"], parts["train"][1])
    return clock() - begin, 100 * model.score(joined["test"], parts["test"][1])


def fasttext(parts: dict[str, tuple[list[list[str]], np.ndarray]], python: str, vectors: str | None) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for name, (texts, labels) in parts.items():
            files[name] = f"{folder}/{name}.txt"
            Path(files[name]).write_text(
                "".join(
                    f"__label__{label} {' '.join(tokens)}\n"
                    for tokens, label in zip(texts, labels.tolist(), strict=True)
                ),
                encoding="utf-8",
            )
        script = Path(__file__).with_name("peer_fasttext.py")
        return run_python(python, script, {"files": files, "vectors": vectors, "folder": folder})


def measure(options: Options) -> list[Row]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            arguments = accuracy_arguments(name, options.shared, Path(folder, name))
            data = TextDataModule(**arguments)
            split = get_tokenizer(data.tokenizer)
            parts = {
                part: ([split(text) for text in data.split(part).texts], data.split(part).labels)
                for part in ("train", "test")
            }
            found = {
                "lit_transfer, frozen": ours(data, "frozen"),
                "lit_transfer, init": ours(data, "init"),
                "TF-IDF + logistic regression": tfidf(parts),  # type: ignore[arg-type]
            }
            if options.fasttext_python:
                for what, vectors in (("fastText", None), ("fastText with -pretrainedVectors", arguments["vectors"])):
                    found[what] = tuple(fasttext(parts, options.fasttext_python, vectors))  # type: ignore[arg-type]
            else:
                rows.append(Row(f"{name}: fastText", "not measured: no --fasttext-python"))
            best = 0.0
            for what, (seconds, accuracy) in sorted(found.items(), key=lambda item: item[1][0]):
                front = "on the Pareto front" if accuracy > best else ""
                best = max(best, accuracy)
                rows.append(Row(f"{name}: {what}", f"{accuracy:.1f} % after {seconds:.1f} s", "", front))
    return rows
