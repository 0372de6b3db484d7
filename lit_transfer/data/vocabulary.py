"""The vocabulary: token <-> id. Padding is 0, unknown is 1; then words by descending frequency, ties alphabetically."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain

from lit_transfer.arguments import check_range
from lit_transfer.errors import DataError

SPECIALS = ("<pad>", "<unk>")


class _Ids(dict[str, int]):
    """Ids by word; a missing word has the unknown id."""

    def __missing__(self, token: str) -> int:
        return Vocabulary.unk_id


class Vocabulary:
    """Mapping between the words of a training text and ids.

    The ids 0 and 1 are reserved for padding and the unknown word; a literal `<pad>` or `<unk>` in a text is unknown.

    Args:
        tokens: Distinct tokens by id, beginning with `<pad>` and `<unk>`, as in the attribute `tokens`.
        counts: Frequency of each token in the training text (for `<unk>`, of all words without an id); zeros if None.

    Raises:
        DataError: The tokens do not begin with the special ones, a token is repeated, or the number of counts differs.
    """

    pad_id = 0
    unk_id = 1

    def __init__(self, tokens: Sequence[str], counts: Sequence[int] | None = None):
        self.tokens = list(tokens)
        self.counts = [0] * len(self.tokens) if counts is None else [int(count) for count in counts]
        if tuple(self.tokens[:2]) != SPECIALS:
            raise DataError(f"The first tokens of the vocabulary are {self.tokens[:2]}; expected {list(SPECIALS)}.")
        if len(self.counts) != len(self.tokens):
            raise DataError(
                f"The vocabulary has {len(self.counts)} counts; expected one for each of {len(self.tokens)} tokens."
            )
        self._ids = _Ids((token, i) for i, token in enumerate(self.tokens) if i > self.unk_id)
        if len(self._ids) != len(self.tokens) - len(SPECIALS) or any(special in self._ids for special in SPECIALS):
            twice = [token for token, count in Counter(self.tokens).items() if count > 1]
            raise DataError(f"The vocabulary has repeated tokens: {twice[:5]}; expected each token once.")

    @classmethod
    def build(cls, tokenized: Iterable[Sequence[str]], min_freq: int = 1, max_size: int | None = None) -> Vocabulary:
        """Build a vocabulary from tokenized texts; see `from_counts`."""
        return cls.from_counts(Counter(chain.from_iterable(tokenized)), min_freq, max_size)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], min_freq: int = 1, max_size: int | None = None) -> Vocabulary:
        """Build a vocabulary from word frequencies.

        Args:
            counts: Frequency of each word.
            min_freq: Minimum frequency; rarer words are unknown.
            max_size: Maximum number of words, not counting padding and unknown; the most frequent are kept. None for no
                limit.

        Raises:
            ConfigError: `min_freq` or `max_size` is below 1.
        """
        check_range(1, min_freq=min_freq, max_size=max_size)
        words = ((word, count) for word, count in counts.items() if count >= min_freq and word not in SPECIALS)
        kept = sorted(words, key=lambda word: (-word[1], word[0]))[:max_size]
        unknown = sum(counts.values()) - sum(count for _, count in kept)
        return cls([*SPECIALS, *(word for word, _ in kept)], [0, unknown, *(count for _, count in kept)])

    def union(self, other: Vocabulary) -> Vocabulary:
        """Return a vocabulary with the words of both, and the sums of their frequencies."""
        counts = Counter(dict(zip(self.tokens, self.counts, strict=True)))
        counts.update(dict(zip(other.tokens, other.counts, strict=True)))
        # A word without a frequency is kept too.
        words = {word: max(count, 1) for word, count in counts.items() if word not in SPECIALS}
        joined = self.from_counts(words)
        joined.counts[self.unk_id] = counts[SPECIALS[self.unk_id]]
        return joined

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Return the ids of tokens."""
        return [self._ids[token] for token in tokens]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the ordered tokens, hexadecimal; equal for vocabularies that give the same ids."""
        return hashlib.sha256(json.dumps(self.tokens).encode("ascii")).hexdigest()

    def __getitem__(self, token: str) -> int:
        return self._ids[token]

    def __contains__(self, token: object) -> bool:
        """Return whether a word has an id."""
        return token in self._ids

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens, digest {self.digest[:8]})"
