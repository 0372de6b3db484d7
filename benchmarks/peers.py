"""Speed and accuracy of prediction from raw texts: the demo's model beside other text classifiers.

    OMP_NUM_THREADS=1 python -m benchmarks.peers --sentence FOLDER > benchmarks/results/peers.md

All systems learn from the train split of the demo and classify its test texts, tokenization included, on one thread. Flair,
model2vec, fastText and sentence-transformers have a row if they are installed:

    pip install flair sentence-transformers "model2vec[distill]" fasttext-community

The sentence transformer is the folder of a model such as all-MiniLM-L6-v2; the model of model2vec is distilled from it, with 256
dimensions. Flair has the same vectors and the same sizes of the network, but is trained for one epoch only, since training does
not change the speed; its accuracy is not compared.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import seed_everything

from benchmarks.demo import DEMO, MODEL, make_demo_trainer
from benchmarks.speed.common import machine, quiet
from lit_transfer import TextClassifier, TextDataModule, WordVectors, load
from lit_transfer.deploy.onnx.export import export
from lit_transfer.layers.precision import has_bf16
from lit_transfer.runtime import load as load_exported
from lit_transfer.tokenizers.registry import get_tokenizer

# From texts to the indices of their classes.
Predict = Callable[[Sequence[str]], np.ndarray]


def main() -> None:
    """Train all systems, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sentence", help="folder of a sentence-transformers model")
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    seed_everything(1, verbose=False)
    data = TextDataModule(**DEMO["data"]["init_args"])
    data.setup("fit")
    with tempfile.TemporaryDirectory() as folder:
        with quiet():
            systems = dict(train_all(data, Path(folder), given.sentence))
        test = data.split("test")
        found = measure(systems, list(test.texts), given.turns)
    first = statistics.median(next(iter(found.values())))
    print(
        f"# Prediction beside other text classifiers\n\n{machine()}; {len(test.texts):,} test texts of the demo, one thread,"
    )
    print(f"medians of {given.turns} alternating turns of processor time; see `python -m benchmarks.peers --help`.\n")
    print("| system | texts/s | ours is faster by | test accuracy |\n|---|--:|--:|--:|")
    for name, rates in found.items():
        accuracy = "" if name == FLAIR else f"{(systems[name](test.texts) == test.labels).mean():.1%}"
        rate = statistics.median(rates)
        print(f"| {name} | {rate:,.0f} | {first / rate:.2f} | {accuracy} |")
    if not has_bf16():
        print("\nThis processor has no bfloat16 instructions, so that `--precision bf16` was not measured.")


def measure(systems: dict[str, Predict], texts: list[str], turns: int) -> dict[str, list[float]]:
    """Return texts per second of processor time in each turn; the first turn is a warm-up."""
    rates: dict[str, list[float]] = {name: [] for name in systems}
    for turn in range(turns + 1):
        for name, predict in systems.items():
            start = time.process_time()
            predict(texts)
            if turn:
                rates[name].append(len(texts) / (time.process_time() - start))
    return rates


def train_all(data: TextDataModule, folder: Path, sentence: str | None) -> Iterator[tuple[str, Predict]]:
    """Yield the name and the prediction function of each installed system; the first is ours."""
    yield from train_ours(data, folder)
    if importlib.util.find_spec("fasttext"):
        yield "fastText, word bigrams", train_fasttext(data, folder)
    if sentence is not None:
        from sentence_transformers import SentenceTransformer

        encoder = SentenceTransformer(sentence, device="cpu")
        options = {"show_progress_bar": False, "batch_size": 64}
        name = Path(sentence).name
        yield f"{name} + logistic regression", train_regression(data, lambda texts: encoder.encode(texts, **options))
        if importlib.util.find_spec("model2vec"):
            from model2vec.distill import distill

            static = distill(model_name=sentence, pca_dims=256)
            yield f"model2vec of {name} + logistic regression", train_regression(data, static.encode)
    if importlib.util.find_spec("flair"):
        yield FLAIR, train_flair(data, folder)


def train_ours(data: TextDataModule, folder: Path) -> Iterator[tuple[str, Predict]]:
    """Train the frozen mode of the demo; yield it in each precision and as an exported network."""
    model = TextClassifier("frozen", **MODEL)
    model.quiet = True
    trainer = make_demo_trainer(str(folder / "ours"))
    trainer.fit(model, data)
    best: Any = trainer.checkpoint_callback
    predictor = load(best.best_model_path)
    export(predictor, folder / "exported", int8=True)
    yield "lit_transfer", lambda texts: predictor.predict_proba(texts).argmax(1)
    if has_bf16():
        half = load(best.best_model_path, precision="bf16")
        yield "lit_transfer, bf16", lambda texts: half.predict_proba(texts).argmax(1)
    exported = load_exported(folder / "exported")
    yield "lit_transfer, ONNX int8", lambda texts: exported.predict_proba(texts).argmax(1)


def train_fasttext(data: TextDataModule, folder: Path) -> Predict:
    """Train fastText with word bigrams and the defaults of compare's first setting."""
    import fasttext

    train, split = data.split("train"), get_tokenizer(data.tokenizer)
    assert train.labels is not None
    rows = [
        f"__label__{label} {' '.join(split(text))}\n" for text, label in zip(train.texts, train.labels, strict=True)
    ]
    np.random.default_rng(1).shuffle(rows)  # fastText reads them in order, and those of the demo are sorted by class
    (folder / "train.txt").write_text("".join(rows), encoding="utf-8")
    model = fasttext.train_supervised(
        str(folder / "train.txt"), lr=0.5, epoch=10, wordNgrams=2, bucket=200_000, thread=1, verbose=0
    )

    def predict(texts: Sequence[str]) -> np.ndarray:
        names, _ = model.predict([" ".join(split(text)) for text in texts])
        return np.array([int(name[0].removeprefix("__label__")) for name in names])

    return predict


def train_regression(data: TextDataModule, encode: Callable[[list[str]], Any]) -> Predict:
    """Fit a logistic regression on vectors of the texts."""
    from sklearn.linear_model import LogisticRegression

    train = data.split("train")
    model = LogisticRegression(max_iter=1000).fit(encode(list(train.texts)), train.labels)
    return lambda texts: model.predict(encode(list(texts)))


FLAIR = "Flair, BiLSTM"


def train_flair(data: TextDataModule, folder: Path) -> Predict:
    """Train Flair's recurrent document embedding over the demo's vectors for one epoch."""
    import flair
    from flair.data import Corpus, Sentence
    from flair.datasets import FlairDatapointDataset
    from flair.embeddings import DocumentRNNEmbeddings, WordEmbeddings
    from flair.models import TextClassifier as FlairClassifier
    from flair.trainers import ModelTrainer
    from gensim.models import KeyedVectors

    flair.device = torch.device("cpu")
    split, train = get_tokenizer(data.tokenizer), data.split("train")
    assert train.labels is not None
    source = WordVectors.open(DEMO["data"]["init_args"]["vectors"])
    vectors = KeyedVectors(source.dim)
    for words, rows in source.chunks():
        vectors.add_vectors(list(words), np.asarray(rows, dtype=np.float32))
    vectors.save(str(folder / "vectors.kv"))
    sentences = [Sentence(split(text)) for text in train.texts]
    for sentence, label in zip(sentences, train.labels.tolist(), strict=True):
        sentence.add_label("class", data.labels[label])
    corpus = Corpus(train=FlairDatapointDataset(sentences), sample_missing_splits=False)
    document = DocumentRNNEmbeddings(
        [WordEmbeddings(str(folder / "vectors.kv"))],
        hidden_size=MODEL["hidden_size"],
        rnn_type="LSTM",
        bidirectional=True,
        reproject_words=False,
    )
    classes = corpus.make_label_dictionary("class")
    model = FlairClassifier(document, label_dictionary=classes, label_type="class")
    ModelTrainer(model, corpus).train(str(folder / "flair"), mini_batch_size=50, max_epochs=1, save_final_model=False)
    index = {name: number for number, name in enumerate(data.labels)}

    def predict(texts: Sequence[str]) -> np.ndarray:
        made = [Sentence(split(text)) for text in texts]
        model.predict(made, mini_batch_size=256)
        return np.array([index[sentence.get_label("class").value] for sentence in made])

    return predict


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    main()
