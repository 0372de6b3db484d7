"""`lightning vectors inspect|convert|train|adapt`: inspect, convert, train and adapt word vectors."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn

from lit_transfer.console import print_commands, print_summary, program, progress
from lit_transfer.data.alignment import align
from lit_transfer.data.corpus import read_texts
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.tokenized import tokenize
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.errors import ConfigError
from lit_transfer.escaping import printable
from lit_transfer.files import output_file
from lit_transfer.pretraining.target import tokenizer_for
from lit_transfer.pretraining.text import UnlabelledText, describe
from lit_transfer.tokenizers.registry import get_tokenizer
from lit_transfer.vectors import WordVectors
from lit_transfer.vectors import convert as write_mapped
from lit_transfer.vectors.adaptation import adapt_vectors
from lit_transfer.vectors.inspection import inspect as look_into
from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.record import recorded_tokenizer
from lit_transfer.vectors.training import train_vectors


@dataclass(frozen=True)
class Text(ReadingOptions):
    """Text, with or without labels.

    Args:
        train_file: File of texts, in any format that `fit` reads.
        tokenizer: Tokenizer, by name or as an import path.
    """

    train_file: str | None = None
    tokenizer: str = "basic_english"

    def tokens(self) -> list[list[str]]:
        """Return the tokens of each text.

        Raises:
            LitTransferError: There is no text, or it cannot be read.
        """
        if self.train_file is None:
            raise ConfigError("There is no text. Give --data.train_file.")
        texts = read_texts(self.train_file, ReadingOptions.from_values(vars(self)))
        return tokenize(texts, get_tokenizer(self.tokenizer)).sentences()


def inspect(
    file: str,
    *,
    words: list[str] = [],
    nearest: int = 10,
    format: str = "auto",
    allow_pickle: bool = False,
    data: Text = Text(),
) -> None:
    """Show the format, words, dimension, norms, neighbours, and coverage of your text.

    Examples:
      lightning vectors inspect glove-6b-50d --words "[film, dull]" --data.train_file t.tsv

    Args:
        file: Vectors file, or name of an installed package of vectors.
        words: Words whose nearest neighbours are shown, as [a, b].
        nearest: Neighbours per word.
        format: Format of the file; auto detects it from the first bytes.
        allow_pickle: Whether to read files that can run code; for trusted files only.
        data: Text whose coverage is shown.

    Raises:
        LitTransferError: The arguments, the vectors or the text are invalid.
    """
    vectors = WordVectors.open(file, format, allow_pickle=allow_pickle)
    found = look_into(vectors, words, nearest)
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
    for word in words:
        near = found.neighbours.get(word)
        lines.append(
            (word, "not found" if near is None else ", ".join(f"{other} {cosine:.2f}" for other, cosine in near))
        )
    if data.train_file is not None:
        vocabulary = Vocabulary.from_counts(Counter(token for text in data.tokens() for token in text))
        source = VectorSource(file, format, "zeros", allow_pickle=allow_pickle)
        lines += [
            ("coverage" if i == 0 else "", line) for i, line in enumerate(align(vocabulary, source).coverage.lines())
        ]
    print_summary(lines)


def convert(file: str, out: str, *, format: str = "auto", allow_pickle: bool = False) -> None:
    """Convert any format to the memory-mapped format, which is fast to look up.

    Examples:
      lightning vectors convert vectors.txt vectors.mapped

    Args:
        file: Vectors file, or name of an installed package of vectors.
        out: File to write.
        format: Format of the file; auto detects it from the first bytes.
        allow_pickle: Whether to read files that can run code; for trusted files only.

    Raises:
        LitTransferError: The arguments or the vectors are invalid.
    """
    made = write_mapped(WordVectors.open(file, format, allow_pickle=allow_pickle), out)
    _print_line(f"{made.path}: {made.count:,} words, {made.dim} dimensions")


def train(*, out: str, dim: int = 100, data: Text = Text(), **arguments: Any) -> None:
    """Train vectors with gensim on labelled or unlabelled text.

    Examples:
      lightning vectors train --data.train_file t.tsv --dim 100 --out own.vec

    Args:
        out: File to write; settings go to OUT.json.
        dim: Number of values per word.
        data: The text.

    Raises:
        LitTransferError: The arguments or the text are invalid.
    """
    target = output_file(out)
    sentences = data.tokens()
    settings = {
        "text": data.train_file,
        "text_column": ", ".join(data.texts_in),
        "where": data.where,
        "tokenizer": data.tokenizer,
        "texts": len(sentences),
        "tokens": sum(map(len, sentences)),
    }
    with epochs_shown() as on_epoch:
        words = train_vectors(sentences, target, dim=dim, settings=settings, on_epoch=on_epoch, **arguments)
    _print_line(f"{target}: {words:,} words, {dim} dimensions")
    _print_use(target)


def adapt(
    *, start: str, start_format: str = "auto", out: str, data: UnlabelledText = UnlabelledText(), **arguments: Any
) -> None:
    """Continue training pretrained vectors on your unlabelled text.

    Examples:
      lightning vectors adapt --start glove-6b-50d --data.train_file texts.txt --out adapted.mapped

    Args:
        start: Vectors to start from: a file, or the name of a package.
        start_format: Format of --start; auto detects it from the first bytes.
        out: File to write; settings go to OUT.json.
        data: The text.

    Raises:
        LitTransferError: The arguments, the vectors or the text are invalid.
    """
    target = output_file(out)
    vectors = WordVectors.open(start, start_format)
    text = data.open()
    with epochs_shown() as on_epoch:
        tokenizer = tokenizer_for(data.target, data.tokenizer)
        settings = {"text": {**asdict(data), "tokenizer": tokenizer}, "tokenizer": tokenizer}
        found = adapt_vectors(text, vectors, target, settings=settings, on_epoch=on_epoch, **arguments)
    print_summary([("file", str(target)), *describe(text), *found.lines()])
    _print_use(target)


def _print_use(vectors: Path) -> None:
    print_commands(
        [("train a classifier with these vectors", f"{program()} fit ... --data.vectors {shlex.quote(str(vectors))}")]
    )


def _print_line(line: str) -> None:
    Console().print(printable(line), markup=False, soft_wrap=True)


@contextmanager
def epochs_shown() -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar over epochs; yield the function to call after each epoch."""
    columns = *Progress.get_default_columns(), MofNCompleteColumn(), TextColumn("epochs")
    with progress(*columns, description="training", transient=False) as update:
        yield lambda done, total: update(completed=done, total=total)
