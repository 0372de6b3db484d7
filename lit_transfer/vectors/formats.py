"""Formats of vectors files.

To add one, implement a `VectorReader` and register it in `FORMATS`; or, from another package, by an entry point in the group
`lit_transfer.vector_formats` that names a `Format`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lit_transfer.errors import VectorsError
from lit_transfer.plugins import find_plugin, plugin_names
from lit_transfer.vectors.readers import gensim_files as native
from lit_transfer.vectors.readers import mapped
from lit_transfer.vectors.readers import npy as arrays
from lit_transfer.vectors.readers.fasttext import FastTextReader, fasttext_header
from lit_transfer.vectors.readers.reader import VectorReader
from lit_transfer.vectors.readers.text import TextReader, explain_text, text_layout
from lit_transfer.vectors.readers.word2vec import Word2VecReader, is_word2vec_binary
from lit_transfer.vectors.source import Source


class Format(NamedTuple):
    """A format of vectors files.

    Attributes:
        sniff: Function that returns whether a file with the given leading bytes is of this format; the first match in
            `FORMATS` is used.
        open: Function that creates a reader from a source and the encoding of its words.
        pickled: Whether loading a file can run code.
    """

    sniff: Callable[[bytes], bool]
    open: Callable[[Source, str], VectorReader]
    pickled: bool = False


def _text(header: bool) -> Callable[[bytes], bool]:
    def sniff(head: bytes) -> bool:
        layout = text_layout(head)
        return layout is not None and (layout.header is not None) == header

    return sniff


FORMATS: dict[str, Format] = {
    "mapped": Format(lambda head: head.startswith(mapped.MAGIC), mapped.MappedReader),
    "npy": Format(lambda head: head.startswith(arrays.MAGIC), arrays.NpyReader),
    "gensim": Format(native.is_gensim, native.GensimReader, pickled=True),
    "word2vec_text": Format(_text(header=True), TextReader),  # and fastText's .vec
    "glove": Format(_text(header=False), TextReader),
    "word2vec_binary": Format(is_word2vec_binary, Word2VecReader),
    "fasttext_bin": Format(lambda head: fasttext_header(head) is not None, FastTextReader),
}


def open_reader(source: Source, format: str, allow_pickle: bool, encoding: str) -> tuple[str, VectorReader]:
    """Open a source in a format, or in the detected one for "auto"; return the format's name and a reader.

    Raises:
        VectorsError: The format is unknown or cannot be detected, or the file is a pickle and `allow_pickle` is False.
    """
    formats = FORMATS | {name: find_plugin("vector_formats", name) for name in plugin_names("vector_formats")}
    names = ", ".join(formats)
    if format != "auto" and format not in formats:
        raise VectorsError(f"vectors_format is {format!r}; expected auto or one of {names}.")
    name = next((name for name in formats if formats[name].sniff(source.head)), None) if format == "auto" else format
    if name is None:
        raise VectorsError(f"{source}: expected one of the formats {names}, {explain_text(source.head)}")
    if formats[name].pickled and not allow_pickle:
        raise VectorsError(
            f"{source}: the file is a pickle of {name}, and loading it can run any code in it. If you trust "
            f"the file, open it with allow_pickle=True, or convert it once in Python: gensim.models.KeyedVectors.load("
            f"{str(source)!r}).save_word2vec_format('vectors.bin', binary=True)."
        )
    return name, formats[name].open(source, encoding)
