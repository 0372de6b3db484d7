"""The formats, each a row: one more is one class (or function) that gives a Table, and one row here."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lit_transfer.errors import VectorsError
from lit_transfer.vectors.arrays import MAGIC, ArrayTable
from lit_transfer.vectors.source import Source
from lit_transfer.vectors.table import Table
from lit_transfer.vectors.text import TextTable, text_layout


class Format(NamedTuple):
    """One format.

    Attributes:
        sniff: whether a file's first bytes are of this format; the first row of the table that says yes is taken.
        open: the source and the words' encoding -> the table.
    """

    sniff: Callable[[bytes], bool]
    open: Callable[[Source, str], Table]


def _text(header: bool, trailing: bool) -> Callable[[bytes], bool]:
    def sniff(head: bytes) -> bool:
        layout = text_layout(head)
        return layout is not None and (layout.header is not None, layout.trailing and header) == (header, trailing)

    return sniff


FORMATS: dict[str, Format] = {
    "npy": Format(lambda head: head.startswith(MAGIC), ArrayTable),
    "word2vec_text": Format(_text(header=True, trailing=False), TextTable),
    "fasttext_vec": Format(_text(header=True, trailing=True), TextTable),
    "glove": Format(_text(header=False, trailing=False), TextTable),
}


def detect(source: Source, format: str) -> str:
    """The name of the format: the given one, or for "auto" what the first bytes show.

    Raises:
        VectorsError: there is no such format, or the bytes are of none.
    """
    names = ", ".join(FORMATS)
    if format in FORMATS:
        return format
    if format != "auto":
        raise VectorsError(f"vectors_format {format!r} is not known. Use auto, or one of: {names}.")
    for name, row in FORMATS.items():
        if row.sniff(source.head):
            return name
    raise VectorsError(
        f"{source}: begins with {source.head[:16]!r}, which is none of the formats: {names}. Is it a file of vectors?"
    )
