"""Vocabulary: token <-> id; padding 0, unknown 1, then the most frequent word first, ties by the word."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain

from lit_transfer.errors import ConfigError, DataError

SPECIALS = ("<pad>", "<unk>")


class _Ids(dict[str, int]):
    """Word -> id, where a word that is missing has the unknown id."""

    def __missing__(self, token: str) -> int:
        return Vocabulary.unk_id


class Vocabulary:
    """The words of a training text, numbered.

    The ids 0 and 1 belong to padding and to the unknown word, not to any word of a text: a text that contains the
    literal `<pad>` or `<unk>` gets the unknown id for it.

    Args:
        tokens: All tokens by id, `<pad>` and `<unk>` first, none twice: what another vocabulary's `tokens` gave.
        counts: How often each occurred in the training text (`<unk>`: all words that got no id of their own); zeros
            if not given.

    Raises:
        DataError: The tokens do not start with the two special ones, one is there twice, or the counts are not as many.
    """

    pad_id = 0
    unk_id = 1

    def __init__(self, tokens: Sequence[str], counts: Sequence[int] | None = None):
        self.tokens = list(tokens)
        self.counts = [0] * len(self.tokens) if counts is None else [int(count) for count in counts]
        if tuple(self.tokens[:2]) != SPECIALS:
            raise DataError(f"A vocabulary's first tokens are {list(SPECIALS)}, but these are {self.tokens[:2]}.")
        if len(self.counts) != len(self.tokens):
            raise DataError(f"A vocabulary of {len(self.tokens)} tokens came with {len(self.counts)} counts.")
        self._ids = _Ids((token, i) for i, token in enumerate(self.tokens) if i > self.unk_id)
        if len(self._ids) != len(self.tokens) - len(SPECIALS) or any(special in self._ids for special in SPECIALS):
            twice = [token for token, count in Counter(self.tokens).items() if count > 1]
            raise DataError(f"A vocabulary has each token once, but these are there more than once: {twice[:5]}.")

    @classmethod
    def build(cls, tokenized: Iterable[Sequence[str]], min_freq: int = 1, max_size: int | None = None) -> Vocabulary:
        """Count the words of tokenized texts and number them; see `from_counts`."""
        return cls.from_counts(Counter(chain.from_iterable(tokenized)), min_freq, max_size)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], min_freq: int = 1, max_size: int | None = None) -> Vocabulary:
        """Number the words of a table of frequencies.

        Args:
            counts: Word -> how often it occurred.
            min_freq: Words that occurred less often get no id of their own.
            max_size: At most so many words, the most frequent ones; padding and unknown come on top. None: no limit.

        Raises:
            ConfigError: `min_freq` or `max_size` is below 1.
        """
        for name, value in (("min_freq", min_freq), ("max_size", max_size)):
            if value is not None and value < 1:
                raise ConfigError(f"{name} of a vocabulary is {value}, but it must be at least 1.")
        words = ((word, count) for word, count in counts.items() if count >= min_freq and word not in SPECIALS)
        kept = sorted(words, key=lambda word: (-word[1], word[0]))[:max_size]
        unknown = sum(counts.values()) - sum(count for _, count in kept)
        return cls([*SPECIALS, *(word for word, _ in kept)], [0, unknown, *(count for _, count in kept)])

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The ids of one text's tokens."""
        return [self._ids[token] for token in tokens]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the tokens in their order, hexadecimal: two vocabularies that give the same ids have the same."""
        return hashlib.sha256(json.dumps(self.tokens).encode("ascii")).hexdigest()

    def __getitem__(self, token: str) -> int:
        return self._ids[token]

    def __contains__(self, token: object) -> bool:
        """Whether the word has an id of its own."""
        return token in self._ids

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, digest {self.digest[:8]})"
