"""Texts after the tokenizer: each word once, and the running text as numbers in one flat array."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lit_transfer.tokenizers import Tokenizer
from lit_transfer.vocabulary import Vocabulary

# Stands for the one unknown word of a text without words; no tokenizer gives it.
NO_WORD = ""


@dataclass(frozen=True)
class TokenizedTexts:
    """The words of some texts, whatever vocabulary they are to be encoded with.

    Attributes:
        words: the different words, in order of appearance; the first is `NO_WORD`.
        numbers: index into `words` of each running word. *Shape:* `(tokens,)`, int32.
        offsets: where each text begins, and the end. *Shape:* `(texts + 1,)`, int64.
        num_cut: number of texts that were longer than `max_length`.
    """

    words: list[str]
    numbers: np.ndarray
    offsets: np.ndarray
    num_cut: int

    def counts(self) -> Counter[str]:
        """How often each word occurs."""
        frequency = np.bincount(self.numbers, minlength=len(self.words)).tolist()
        return Counter(dict(zip(self.words[1:], frequency[1:], strict=True)))

    def encode(self, vocabulary: Vocabulary) -> np.ndarray:
        """The ids of the running words in a vocabulary. *Shape:* `(tokens,)`, int32."""
        return np.array(vocabulary.encode(self.words), dtype=np.int32)[self.numbers]

    def take(self, rows: np.ndarray) -> TokenizedTexts:
        """Some of the texts, in the order given; `words` and `num_cut` stay those of all."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        where = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return TokenizedTexts(self.words, self.numbers[where], offsets, self.num_cut)


def tokenize(texts: Iterable[str], tokenizer: Tokenizer, max_length: int | None = None) -> TokenizedTexts:
    """Splits texts into words.

    Args:
        texts: the texts; one without words becomes one unknown word.
        tokenizer: from a text to its words.
        max_length: words of a text that are kept, at most.
    """
    number = {NO_WORD: 0}
    numbers, offsets, num_cut = array("i"), array("q", [0]), 0
    for text in texts:
        tokens = tokenizer(text) or [NO_WORD]
        if max_length is not None and len(tokens) > max_length:
            tokens, num_cut = tokens[:max_length], num_cut + 1
        numbers.extend([number.setdefault(token, len(number)) for token in tokens])
        offsets.append(len(numbers))
    return TokenizedTexts(list(number), np.array(numbers, dtype=np.int32), np.array(offsets, dtype=np.int64), num_cut)
