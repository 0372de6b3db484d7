"""Files of pretrained vectors in any format -> the rows for the words asked for."""

from lit_transfer.vectors.formats import FORMATS
from lit_transfer.vectors.readers.reader import Problems
from lit_transfer.vectors.word_vectors import WordVectors, convert

__all__ = ["FORMATS", "Problems", "WordVectors", "convert"]
