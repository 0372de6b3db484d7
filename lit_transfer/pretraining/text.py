"""From the arguments that say where unlabelled text is to its sentences on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lit_transfer.errors import ConfigError
from lit_transfer.pretraining.target import find_held_out, read_target
from lit_transfer.pretraining.unlabelled.documents import Documents, Layout
from lit_transfer.pretraining.unlabelled.store import SentenceStore, open_store
from lit_transfer.tokenizers.registry import get_tokenizer


def open_text(
    train_file: str | list[str] | None = None,
    layout: Layout = "auto",
    text_column: str = "text",
    where: dict[str, Any] | None = None,
    tokenizer: str | Callable[[str], list[str]] = "basic_english",
    target: str | None = None,
    min_length: int = 3,
    max_length: int = 64,
    cache_dir: str | None = None,
) -> SentenceStore:
    """Read unlabelled text, split it into sentences and these into words; the result is kept on disk for the next run.

    Args:
        train_file: Files of unlabelled text: `.txt`, or the tabular files that `fit` reads; patterns such as `texts/*.txt`;
            `package:NAME/path`.
        layout: How a text file holds its documents: one a line (`lines`), or `blocks` divided by empty lines; `auto`
            looks at the first megabyte.
        text_column: The column of tabular files that has the texts.
        where: Column -> value or list of values: the rows of tabular files that are kept.
        tokenizer: As `fit` has it; it must be that of the task and of the vectors.
        target: The task's `fit` configuration. Sentences of its validation and test splits are left out of the text.
        min_length: Words of a sentence, at least; shorter ones are left out.
        max_length: Words of a sentence, at most; a longer one becomes several.
        cache_dir: Where the sentences are kept; the user's own cache folder if None.

    Raises:
        ConfigError: An argument cannot be used.
        DataError: The text cannot be read.
    """
    if not train_file:
        raise ConfigError("There is no unlabelled text. Give --data.train_file.")
    for name, value in {"min_length": min_length, "max_length": max_length}.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}, but it must be at least 1.")
    if min_length > max_length:
        raise ConfigError(f"min_length is {min_length}, but max_length is only {max_length}.")
    documents = Documents(train_file, layout, text_column, where)
    held_out, key = (None, "") if target is None else find_held_out(read_target(target))
    return open_store(
        documents,
        get_tokenizer(tokenizer),
        min_length=min_length,
        max_length=max_length,
        held_out=held_out,
        held_out_key=key,
        folder=None if cache_dir is None else Path(cache_dir).expanduser(),
    )


def describe(store: SentenceStore) -> list[tuple[str, str]]:
    """What is worth knowing of a text before training on it, as names and values."""
    left_out = [
        f"{store.facts['exact']:,} that are also in the target's held-out texts",
        f"{store.facts['near']:,} nearly so",
        f"{store.facts['short']:,} too short",
    ]
    return [
        ("documents", f"{store.num_documents:,} of {store.facts['documents']:,} read"),
        ("sentences", f"{store.num_sentences:,}; left out: {', '.join(left_out)}"),
        ("running words", f"{len(store.numbers):,}, {len(store.words) - 1:,} different"),
    ]
