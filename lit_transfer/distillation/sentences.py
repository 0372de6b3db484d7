"""Sentences of unlabelled text for distillation, without tokenization, and a random sample of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from lit_transfer.pretraining.unlabelled.documents import Documents
from lit_transfer.pretraining.unlabelled.leakage import HeldOutTexts, without_duplicates
from lit_transfer.pretraining.unlabelled.sentences import split_sentences

MAX_WORDS = 64
"""Maximum number of words per sentence; longer sentences are split, as in pretraining."""


class Sentences:
    """Sentences of documents, as a stream; duplicates of held-out texts are dropped.

    A teacher reads the sentences, while pretraining reads their tokens.

    Attributes:
        counts: Number of documents read so far, and of dropped sentences: `exact` and `near` duplicates of held-out texts,
            and `short` sentences, which have fewer than `min_words` words, separated by white space.
    """

    def __init__(self, documents: Documents, held_out: HeldOutTexts | None = None, min_words: int = 3) -> None:
        self.documents = documents
        self.held_out = held_out
        self.min_words = min_words
        self.counts: dict[str, int] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the sentences, with single spaces between words.

        Raises:
            DataError: A file cannot be read.
        """
        self.counts = dict.fromkeys(("documents", "exact", "near", "short"), 0)
        for document in self.documents:
            self.counts["documents"] += 1
            for sentence in without_duplicates(split_sentences(document), self.held_out, self.counts):
                words = sentence.split()
                for at in range(0, len(words), MAX_WORDS):
                    part = words[at : at + MAX_WORDS]
                    if len(part) < self.min_words:
                        self.counts["short"] += 1
                    else:
                        yield " ".join(part)


def sample(items: Iterable[str], size: int, rng: random.Random) -> list[str]:
    """Draw a random sample without replacement from a stream (reservoir sampling; Vitter 1985, algorithm R).

    The sample has the order of the stream; a shorter stream is returned as a whole.
    """
    kept: list[tuple[int, str]] = []
    for number, item in enumerate(items):
        if number < size:
            kept.append((number, item))
        elif (place := rng.randint(0, number)) < size:
            kept[place] = (number, item)
    return [item for _, item in sorted(kept)]
