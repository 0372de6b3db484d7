"""Unlabelled text as tokenized sentences on disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lit_transfer.arguments import check_range
from lit_transfer.data.reading.options import Where
from lit_transfer.errors import ConfigError
from lit_transfer.files import expanded
from lit_transfer.pretraining.target import find_held_out, read_target, tokenizer_for
from lit_transfer.pretraining.unlabelled.documents import Documents, Layout
from lit_transfer.pretraining.unlabelled.store import SentenceStore, open_store
from lit_transfer.tokenizers.registry import get_tokenizer


@dataclass(frozen=True)
class UnlabelledText:
    """Unlabelled text.

    Args:
        train_file: Files of unlabelled text: `.txt`, tabular files, patterns such as `texts/*.txt`, or `package:NAME/path`.
        layout: Layout of documents in a text file: one per line (`lines`), or separated by empty lines (`blocks`); `auto`
            detects it from the first megabyte.
        text_column: Name of the column with the texts in tabular files.
        where: Values, or lists of values, by column: only rows of tabular files with these values are kept.
        tokenizer: Tokenizer, as in `TextDataModule`; must be that of the vectors. None for that of the target, or `basic_english`
            without a target.
        target: Configuration of the target task, as for `fit`. Sentences of its validation and test splits are dropped.
        min_length: Minimum number of words per sentence; shorter sentences are dropped.
        max_length: Maximum number of words per sentence; longer sentences are split.
        cache_dir: Cache folder; if None, the user's cache folder.
    """

    train_file: str | list[str] | None = None
    layout: Layout = "auto"
    text_column: str = "text"
    where: Where | None = None
    tokenizer: str | Callable[[str], list[str]] | None = None
    target: str | None = None
    min_length: int = 3
    max_length: int = 64
    cache_dir: str | None = None

    def open(self) -> SentenceStore:
        """Read the text as tokenized sentences, which are cached on disk.

        Raises:
            ConfigError: An argument is invalid.
            DataError: The text cannot be read.
        """
        if not self.train_file:
            raise ConfigError("There is no unlabelled text. Set --data.train_file.")
        check_range(1, min_length=self.min_length, max_length=self.max_length)
        if self.min_length > self.max_length:
            raise ConfigError(
                f"min_length is {self.min_length}, but max_length is {self.max_length}; expected min_length of at most "
                "max_length."
            )
        documents = Documents(self.train_file, self.layout, self.text_column, self.where)
        held_out, key = (None, "") if self.target is None else find_held_out(read_target(self.target))
        return open_store(
            documents,
            get_tokenizer(tokenizer_for(self.target, self.tokenizer)),
            min_length=self.min_length,
            max_length=self.max_length,
            held_out=held_out,
            held_out_key=key,
            folder=None if self.cache_dir is None else expanded(self.cache_dir),
        )


def describe(store: SentenceStore) -> list[tuple[str, str]]:
    """Return a summary of the text before training, as pairs of name and value."""
    dropped = [
        f"{store.totals['exact']:,} that are also in the target's held-out texts",
        f"{store.totals['near']:,} near duplicates",
        f"{store.totals['short']:,} too short",
    ]
    return [
        ("documents", f"{store.num_documents:,} of {store.totals['documents']:,} read"),
        ("sentences", f"{store.num_sentences:,}; dropped: {', '.join(dropped)}"),
        ("tokens", f"{len(store.numbers):,}, {len(store.words) - 1:,} distinct"),
    ]
