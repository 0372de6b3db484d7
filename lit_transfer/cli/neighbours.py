"""`lightning neighbours`: show the nearest neighbours of words before and after training."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lit_transfer.analysis.neighbours import Neighbours, find_neighbours
from lit_transfer.escaping import printable
from lit_transfer.prediction.loading import load_network


def neighbours(ckpt: str, word: str, *words: str, nearest: int = 10, vectors: str | None = None) -> None:
    """Show the nearest neighbours of words before and after training, side by side.

    Examples:
      lightning neighbours best.ckpt play film

    Neighbours are words of the vocabulary; new ones are bold.

    Args:
        ckpt: Checkpoint written by `lightning fit`.
        word: A word, as returned by the tokenizer.
        words: Further words.
        nearest: Neighbours per word.
        vectors: Path of the pretrained vectors, if they were moved.

    Raises:
        LitTransferError: The arguments, the model or the vectors are invalid.
    """
    console = Console()
    for found in find_neighbours(load_network(ckpt, vectors=vectors), [word, *words], nearest):
        title = Text.assemble((printable(found.word), "bold"), f"  {_what_happened(found)}")
        console.print(title, soft_wrap=True)
        if found.before or found.after:
            console.print(_table(found))


def _table(found: Neighbours) -> Table:
    table = Table("before training", "cosine", "after training", "cosine")
    before, after = found.before or [], found.after or []
    known = {word for word, _ in before}
    for i in range(max(len(before), len(after))):
        cells = []
        for side, is_new in ((before, False), (after, bool(before))):
            word, cosine = side[i] if i < len(side) else ("", None)
            style = "bold" if is_new and word not in known else ""
            cells += [Text(printable(word), style), Text("" if cosine is None else f"{cosine:.3f}")]
        table.add_row(*cells)
    return table


def _what_happened(found: Neighbours) -> str:
    if found.before is None and found.after is None:
        return "neither in the vocabulary nor in the pretrained vectors"
    if found.after is None:
        return "not in the training text; its pretrained vector is used unchanged"
    if found.cosine is None:
        return "no pretrained vector"
    if found.cosine > 1 - 1e-6:
        return "its vector did not change"
    return f"cosine between its vectors before and after training: {found.cosine:.3f}"
