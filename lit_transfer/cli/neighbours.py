"""`lightning neighbours`: the nearest words of a word before and after training, side by side."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lit_transfer.console import printable
from lit_transfer.inference.analysis.neighbours import Neighbours, find_neighbours
from lit_transfer.inference.loading import load


def neighbours_parser() -> ArgumentParser:
    """Return the parser of `lightning neighbours`."""
    parser = ArgumentParser(
        prog="lightning neighbours",
        formatter_class=RawDescriptionHelpFormatter,
        description="Show what training did to the vectors: the nearest words before and after, side by side. Neighbours are\n"
        "words of the training's vocabulary; those that are new are bold.\n\n"
        "  lightning neighbours best.ckpt play film",
    )
    parser.add_argument("ckpt", help="checkpoint that `lightning fit` wrote")
    parser.add_argument("words", nargs="+", metavar="WORD", help="words, written as the tokenizer gives them")
    parser.add_argument("--nearest", type=int, default=10, metavar="N", help="neighbours of each (default: 10)")
    parser.add_argument("--vectors", metavar="FILE", help="where the pretrained vectors are now, if they were moved")
    return parser


def main(args: Sequence[str]) -> None:
    """Run `lightning neighbours`.

    Raises:
        LitTransferError: What the user can fix.
    """
    values = neighbours_parser().parse_args(list(args))
    console = Console()
    for found in find_neighbours(load(values.ckpt, vectors=values.vectors), values.words, values.nearest):
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
        return "not in the training text; its pretrained vector is used as it is"
    if found.cosine is None:
        return "no pretrained vector to start from"
    if found.cosine > 1 - 1e-6:
        return "its vector stayed as it was"
    return f"cosine of its vector to the one before training: {found.cosine:.3f}"
