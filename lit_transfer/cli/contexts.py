"""`lightning contexts`: compare the LSTM states of a word in different sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lit_transfer.analysis.contexts import Contexts, plot_similarities, read_contexts
from lit_transfer.config.reading import TrainFile, read_unlabelled
from lit_transfer.console import print_line
from lit_transfer.errors import ConfigError
from lit_transfer.escaping import printable
from lit_transfer.files import atomic_write, is_standard_output, output_file
from lit_transfer.prediction.loading import as_network, load_with_record

# Maximum number of sentences of a file to search for the closest ones.
MOST_SEARCHED = 2000


def contexts(
    ckpt: str,
    word: str,
    *sentence: str,
    most: int = 8,
    out: str | None = None,
    vectors: str | None = None,
    data: TrainFile = TrainFile(),
) -> None:
    """Show how the LSTM states of a word differ between sentences, although its vector is the same.

    Examples:
      lightning contexts best.ckpt play --data.train_file t.tsv
      lightning contexts best.ckpt play "i play the guitar" "a play in two acts" "they play football"

    Args:
        ckpt: Checkpoint written by `lightning fit`.
        word: The word.
        sentence: Sentences that contain the word.
        most: Number of sentences in the table.
        out: Heat map of the similarities to write (.png).
        vectors: Path of the pretrained vectors, if they were moved.
        data: File of sentences, instead of SENTENCE.

    Raises:
        LitTransferError: The arguments, the model or the sentences are invalid.
    """
    if bool(sentence) == (data.train_file is not None):
        raise ConfigError("Expected either sentences or --data.train_file FILE.")
    if most < 2:
        raise ConfigError(f"Expected --most of at least 2, got {most}.")
    target = None if out is None else output_file(out)
    predictor, record = load_with_record(ckpt, vectors=vectors)
    sentences = list(sentence) if data.train_file is None else read_unlabelled(data.train_file, data, record)
    found = read_contexts(as_network(predictor, ckpt), word, sentences, MOST_SEARCHED)
    rows = np.linspace(0, len(found.sentences) - 1, min(most, len(found.sentences))).round().astype(int)
    shown = Contexts(found.word, [found.sentences[row] for row in rows], found.states[rows])
    console = Console()
    head = f"cosines between the states of {printable(found.word)} (between its static vectors: 1)"
    console.print(Text(head, "bold"), soft_wrap=True)
    if missing := len(sentence) and len(sentence) - len(found.sentences):
        console.print(Text(f"{missing} of the given sentences do not contain the word"), soft_wrap=True)
    console.print(_matrix(shown))
    console.print(_closest(found, rows.tolist()))
    if target is not None:
        with atomic_write(target, "wb") as file:
            plot_similarities(shown, file)
        if not is_standard_output(target):
            print_line("heat map", str(target))


def _matrix(shown: Contexts) -> Table:
    table = Table("", *(str(i + 1) for i in range(len(shown.sentences))))
    for i, row in enumerate(shown.similarities().tolist()):
        table.add_row(str(i + 1), *(f"{cosine:.2f}" for cosine in row))
    return table


def _closest(found: Contexts, rows: Sequence[int]) -> Table:
    """Return a table with the closest of all sentences, by state, for each sentence shown."""
    table = Table("", "sentence", "closest by state", "cosine")
    unit = found.states / np.linalg.norm(found.states, axis=1, keepdims=True).clip(min=1e-12)
    for i, row in enumerate(rows):
        cosines = unit @ unit[row]
        cosines[[found.sentences[j] == found.sentences[row] for j in range(len(cosines))]] = -np.inf
        best = int(cosines.argmax())
        other = ("", "") if np.isinf(cosines[best]) else (found.sentences[best], f"{cosines[best]:.2f}")
        table.add_row(str(i + 1), Text(printable(found.sentences[row])), Text(printable(other[0])), other[1])
    return table
