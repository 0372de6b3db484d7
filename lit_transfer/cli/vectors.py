"""`lightning vectors inspect|convert|train|adapt`: inspect, convert, train and adapt word vectors."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser
from rich.console import Console
from rich.progress import Progress, TextColumn

from lit_transfer.console import print_facts, printable
from lit_transfer.data.alignment import align
from lit_transfer.data.corpus import read_texts
from lit_transfer.data.tokenized import tokenize
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.text import describe, open_text
from lit_transfer.vectors import WordVectors, convert
from lit_transfer.vectors.adaptation import adapt_vectors
from lit_transfer.vectors.inspection import inspect
from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.record import recorded_tokenizer
from lit_transfer.vectors.training import train_vectors

# The arguments of the data module that these commands have, for the text and its tokenization.
TEXT_ARGUMENTS = {"train_file", "text_column", "encoding", "where", "tokenizer"}
OTHER_ARGUMENTS = set(signature(TextDataModule).parameters) - TEXT_ARGUMENTS


def vectors_parser() -> ArgumentParser:
    """Return the parser of `lightning vectors`."""
    parser = ArgumentParser(prog="lightning vectors", description=__doc__)
    commands = parser.add_subcommands(required=True)

    look = ArgumentParser(
        description="Show the format, words, dimension, norms, neighbours, and coverage of your text."
    )
    look.add_argument("file", type=str, help="vectors file, or name of an installed package of vectors")
    look.add_argument("--words", type=list[str], default=[], help="words whose nearest neighbours are shown: [a, b]")
    look.add_argument("--nearest", type=int, default=10, help="neighbours per word")
    look.add_argument(
        "--format", type=str, default="auto", help="format of the file; auto detects it from the first bytes"
    )
    look.add_argument(
        "--allow_pickle", type=bool, default=False, help="read files that can run code; for trusted files only"
    )
    look.add_class_arguments(TextDataModule, "data", skip=OTHER_ARGUMENTS)
    commands.add_subcommand("inspect", look, help="show the contents of a file, and its coverage of your text")

    change = ArgumentParser(description="Convert any format to the memory-mapped format, which is fast to look up.")
    change.add_argument("file", type=str, help="vectors file, or name of an installed package of vectors")
    change.add_argument("out", type=str, help="file to write")
    change.add_argument(
        "--format", type=str, default="auto", help="format of the file; auto detects it from the first bytes"
    )
    change.add_argument(
        "--allow_pickle", type=bool, default=False, help="read files that can run code; for trusted files only"
    )
    commands.add_subcommand("convert", change, help="convert a file to the memory-mapped format")

    learn = ArgumentParser(description="Train vectors with gensim on labelled or unlabelled text.")
    learn.add_argument("--out", type=Path, required=True, help="file to write; settings go to OUT.json")
    learn.add_function_arguments(train_vectors, skip={"sentences", "out", "settings", "on_epoch"})
    learn.add_class_arguments(TextDataModule, "data", skip=OTHER_ARGUMENTS)
    commands.add_subcommand("train", learn, help="train vectors on your text")

    move = ArgumentParser(description="Continue training pretrained vectors on your unlabelled text.")
    move.add_argument(
        "--start", type=str, required=True, help="vectors to start from: a file, or the name of a package"
    )
    move.add_argument(
        "--start_format", type=str, default="auto", help="format of --start; auto detects it from the first bytes"
    )
    move.add_argument("--out", type=Path, required=True, help="file to write; settings go to OUT.json")
    move.add_function_arguments(adapt_vectors, skip={"sentences", "start", "out", "settings", "on_epoch"})
    move.add_function_arguments(open_text, "data")
    commands.add_subcommand("adapt", move, help="continue training pretrained vectors on your text")
    return parser


def main(args: Sequence[str]) -> None:
    """Run `lightning vectors`.

    Raises:
        LitTransferError: The arguments, the vectors or the text are invalid.
    """
    parser = vectors_parser()
    config = parser.parse_args(list(args))
    command = config.subcommand
    values = parser.instantiate_classes(config)[command]
    {"inspect": _inspect, "convert": _convert, "train": _train, "adapt": _adapt}[command](values)


def _tokens(data: TextDataModule) -> list[list[str]]:
    if data.files["train"] is None:
        raise ConfigError("There is no text. Give --data.train_file.")
    return tokenize(read_texts(data.files["train"], data.reading), data.split_tokens).sentences()


def _inspect(values: Any) -> None:
    vectors = WordVectors.open(values.file, values.format, allow_pickle=values.allow_pickle)
    found = inspect(vectors, values.words, values.nearest)
    least, mean, most = found.norms
    lines = [
        ("file", str(vectors.path)),
        ("format", vectors.format),
        ("words", f"{found.rows:,}" + (", and n-grams for others" if vectors.has_subwords else "")),
        ("dimensions", f"{vectors.dim}"),
        ("norms", f"{least:.3f} to {most:.3f}, mean {mean:.3f}"),
    ]
    if tokenizer := recorded_tokenizer(vectors.path):
        lines.append(("tokenizer", tokenizer))
    if vectors.problems:
        lines.append(("skipped", str(vectors.problems)))
    for word in values.words:
        near = found.neighbours.get(word)
        lines.append(
            (word, "not found" if near is None else ", ".join(f"{other} {cosine:.2f}" for other, cosine in near))
        )
    if values.data.files["train"] is not None:
        vocabulary = Vocabulary.from_counts(Counter(token for text in _tokens(values.data) for token in text))
        source = VectorSource(values.file, values.format, "zeros", allow_pickle=values.allow_pickle)
        lines += [
            ("coverage" if i == 0 else "", line) for i, line in enumerate(align(vocabulary, source).coverage.lines())
        ]
    print_facts(lines)


def _convert(values: Any) -> None:
    made = convert(WordVectors.open(values.file, values.format, allow_pickle=values.allow_pickle), values.out)
    Console().print(
        printable(f"{made.path}: {made.count:,} words, {made.dim} dimensions"), markup=False, soft_wrap=True
    )


def _train(values: Any) -> None:
    sentences = _tokens(values.data)
    data = values.data
    settings = {
        "text": str(data.files["train"]),
        "text_column": ", ".join(data.reading.texts_in),
        "where": data.reading.where,
        "tokenizer": data.tokenizer,
        "texts": len(sentences),
        "tokens": sum(map(len, sentences)),
    }
    arguments = {k: v for k, v in vars(values).items() if k not in ("data", "out", "config")}
    with _epochs(f"{values.algorithm} {values.dim}d", values.epochs) as on_epoch:
        words = train_vectors(sentences, values.out, settings=settings, on_epoch=on_epoch, **arguments)
    Console().print(printable(f"{values.out}: {words:,} words, {values.dim} dimensions"), markup=False, soft_wrap=True)


def _adapt(values: Any) -> None:
    start = WordVectors.open(values.start, values.start_format)
    where = vars(values.data)
    text = open_text(**where)
    arguments = {k: v for k, v in vars(values).items() if k not in ("data", "start", "start_format", "out", "config")}
    with _epochs(f"skip-gram {start.dim}d", values.epochs) as on_epoch:
        settings = {"text": where, "tokenizer": where["tokenizer"]}
        found = adapt_vectors(text, start, values.out, settings=settings, on_epoch=on_epoch, **arguments)
    print_facts([("file", str(values.out)), *describe(text), *found.lines()])


@contextmanager
def _epochs(title: str, epochs: int) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar over epochs; yield the function to call after each epoch."""
    columns = (*Progress.get_default_columns(), TextColumn("{task.completed}/{task.total} epochs"))
    with Progress(*columns, console=Console(file=sys.stderr)) as bar:
        task = bar.add_task(title, total=epochs)
        yield lambda done, _: bar.update(task, completed=done)
