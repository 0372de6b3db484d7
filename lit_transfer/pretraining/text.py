"""Unlabelled text as tokenized sentences on disk."""

from collections.abc import Callable
from dataclasses import dataclass

from lit_transfer.arguments import Arguments, argument
from lit_transfer.data.reading.options import Where
from lit_transfer.errors import ConfigError
from lit_transfer.files import expanded
from lit_transfer.pretraining.target import find_held_out, read_target, tokenizer_for
from lit_transfer.pretraining.unlabelled.documents import Documents, Layout
from lit_transfer.pretraining.unlabelled.store import SentenceStore, open_store
from lit_transfer.tokenizers.registry import get_tokenizer


@dataclass(frozen=True)
class UnlabelledText(Arguments):
    """Unlabelled text, and how it is split into sentences.

    Raises:
        ConfigError: A value is invalid.
    """

    train_file: str | list[str] | None = argument(None)
    """Files of unlabelled text: `.txt`, tabular files in any format of `fit`, patterns such as `texts/*.txt`, or
    `package:NAME/path`."""
    layout: Layout = argument("auto")
    """Layout of documents in a text file: one per line (`lines`), or separated by empty lines (`blocks`); `auto` detects it from
    the first megabyte."""
    text_column: str = argument("text")
    """Name of the column with the texts in tabular files."""
    where: Where | None = argument(None)
    """Values, or lists of values, by column: only rows of tabular files with these values are kept."""
    target: str | None = argument(None)
    """Configuration of the target task, as for `fit`. Sentences of its validation and test splits are dropped from the text."""
    tokenizer: str | Callable[[str], list[str]] | None = argument(None)
    """Tokenizer, as in `TextDataModule`; must be that of the vectors. None for that of the target, or `basic_english` without a
    target."""
    min_length: int = argument(3, least=1)
    """Minimum number of words per sentence; shorter sentences are dropped."""
    max_length: int = argument(64, least=1)
    """Maximum number of words per sentence; longer sentences are split."""
    cache_dir: str | None = argument(None)
    """Cache folder; if None, the user's cache folder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_length > self.max_length:
            raise ConfigError(
                f"min_length is {self.min_length}, but max_length is {self.max_length}; expected min_length of at most "
                "max_length."
            )

    def open(self) -> SentenceStore:
        """Read the text as tokenized sentences, which are cached on disk.

        Raises:
            ConfigError: There is no text, or the target is invalid.
            DataError: The text cannot be read.
        """
        if not self.train_file:
            raise ConfigError("There is no unlabelled text. Set --data.train_file.")
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
