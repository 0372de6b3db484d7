"""Tokenized texts: each distinct word once, and the tokens as indices in one flat array."""

from __future__ import annotations

import multiprocessing
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from lit_transfer.tokenizers.external import Tokenizer
from lit_transfer.tokenizers.normalization import normalize

# Placeholder for the unknown word of a text without words; no tokenizer returns it.
NO_WORD = ""
# Minimum number of texts for several processes; fewer take one process a fraction of a second.
PARALLEL_FROM = 10_000


@dataclass(frozen=True)
class TokenizedTexts:
    """Tokenized texts, independent of a vocabulary.

    Attributes:
        words: Distinct words in order of appearance; the first is `NO_WORD`.
        numbers: Index into `words` of each token. *Shape:* `(tokens,)`, int32.
        offsets: Start offset of each text, and the end of the last. *Shape:* `(texts + 1,)`, int64.
        num_cut: Number of texts truncated to `max_length`.
        num_cut_words: Number of words beyond `max_length`.
    """

    words: list[str]
    numbers: np.ndarray
    offsets: np.ndarray
    num_cut: int
    num_cut_words: int = 0

    @classmethod
    def of_words(cls, texts: Sequence[Sequence[str]]) -> TokenizedTexts:
        """Return texts from their words; a text without words becomes one unknown word."""
        words = list(dict.fromkeys([NO_WORD, *(word for text in texts for word in text)]))
        number = {word: i for i, word in enumerate(words)}
        numbers = [[number[word] for word in text] or [0] for text in texts]
        offsets = np.cumsum([0, *map(len, numbers)], dtype=np.int64)
        return cls(words, np.concatenate([np.array(each, np.int32) for each in numbers]), offsets, 0)

    def counts(self) -> Counter[str]:
        """Return the frequency of each word."""
        frequency = np.bincount(self.numbers, minlength=len(self.words)).tolist()
        return Counter(dict(zip(self.words[1:], frequency[1:], strict=True)))

    def sentences(self) -> list[list[str]]:
        """Return the words of each text; an empty list for a text without words."""
        running = [self.words[number] for number in self.numbers.tolist()]
        texts = (running[begin:end] for begin, end in pairwise(self.offsets.tolist()))
        return [[word for word in text if word != NO_WORD] for text in texts]

    def take(self, rows: np.ndarray) -> TokenizedTexts:
        """Return the given rows in the given order; `words` and the numbers of what was cut remain those of all texts."""
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        where = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return replace(self, numbers=self.numbers[where], offsets=offsets)


def tokenize(
    texts: Sequence[str], tokenizer: Tokenizer, max_length: int | None = None, processes: int = 1
) -> TokenizedTexts:
    """Tokenize texts after normalization to NFC.

    A tokenizer with a method `many` (from an iterable of texts to an iterator of their words) receives all texts at once,
    and a progress bar is shown: such tokenizers are slow, and use several cores themselves.

    Args:
        texts: The texts; a text without words becomes one unknown word.
        tokenizer: Callable from a text to its words.
        max_length: Maximum number of words per text; longer texts are truncated.
        processes: Number of processes for many texts; does not affect the result. They are forked like the workers of a
            `DataLoader`; one process is used on systems without fork.
    """
    many = getattr(tokenizer, "many", None)
    if (
        many is None
        and processes > 1
        and len(texts) >= PARALLEL_FROM
        and "fork" in multiprocessing.get_all_start_methods()
    ):
        return _tokenize_in_processes(texts, tokenizer, max_length, processes)
    number = {NO_WORD: 0}
    numbers, offsets, num_cut, num_cut_words = array("i"), array("q", [0]), 0, 0
    normalized = map(normalize, texts)
    split = map(tokenizer, normalized) if many is None else _with_progress(many(normalized), len(texts))
    for tokens in split:
        tokens = tokens or [NO_WORD]
        if max_length is not None and len(tokens) > max_length:
            num_cut, num_cut_words = num_cut + 1, num_cut_words + len(tokens) - max_length
            tokens = tokens[:max_length]
        numbers.extend([number.setdefault(token, len(number)) for token in tokens])
        offsets.append(len(numbers))
    return TokenizedTexts(
        list(number), np.array(numbers, np.int32), np.array(offsets, np.int64), num_cut, num_cut_words
    )


def _with_progress(split: Iterable[list[str]], total: int) -> Iterator[list[str]]:
    """Show a progress bar on the terminal while many texts are tokenized."""
    if total < PARALLEL_FROM or not sys.stderr.isatty():
        yield from split
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(split, "tokenizing", total=total, console=Console(stderr=True), transient=True)


def _tokenize_in_processes(
    texts: Sequence[str], tokenizer: Tokenizer, max_length: int | None, processes: int
) -> TokenizedTexts:
    bounds = np.linspace(0, len(texts), 4 * processes + 1, dtype=int).tolist()
    with ProcessPoolExecutor(
        processes, multiprocessing.get_context("fork"), _start_process, (texts, tokenizer, max_length)
    ) as pool:
        parts = list(pool.map(_tokenize_part, bounds[:-1], bounds[1:]))
    return joined(parts)


def joined(parts: Sequence[TokenizedTexts]) -> TokenizedTexts:
    """Return the texts of several parts, one after another."""
    number = {NO_WORD: 0}
    numbers = [
        np.array([number.setdefault(word, len(number)) for word in part.words], np.int32)[part.numbers]
        for part in parts
    ]
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return TokenizedTexts(
        list(number),
        np.concatenate(numbers),
        offsets,
        sum(part.num_cut for part in parts),
        sum(part.num_cut_words for part in parts),
    )


# The work of a process, inherited by fork, so that texts and tokenizer need not be pickled.
_work: tuple[Sequence[str], Tokenizer, int | None]


def _start_process(*work: Any) -> None:
    global _work
    _work = work
    torch.set_num_threads(1)  # a tokenizer that uses torch would deadlock, since threads do not survive a fork


def _tokenize_part(start: int, stop: int) -> TokenizedTexts:
    texts, tokenizer, max_length = _work
    return tokenize(texts[start:stop], tokenizer, max_length)
