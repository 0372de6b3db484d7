"""Pretrained vectors: files in any format, and lookup of words in them."""

from lit_transfer.vectors.formats import FORMATS
from lit_transfer.vectors.readers.reader import Problems
from lit_transfer.vectors.word_vectors import WordVectors, convert

__all__ = ["FORMATS", "Problems", "WordVectors", "convert"]
