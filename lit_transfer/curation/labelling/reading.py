"""Reading of the texts to label, and the choice of the tokenizer."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

from lit_transfer.console import print_line
from lit_transfer.data.corpus import read_texts
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, DataError, TokenizerError
from lit_transfer.tasks import MultiLabel
from lit_transfer.tokenizers import get_tokenizer
from lit_transfer.tokenizers.external import Tokenizer
from lit_transfer.tokenizers.scripts import TOKENIZERS_OF, main_script
from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.record import recorded_tokenizer

# Number of texts whose script chooses the tokenizer.
SAMPLE = 1_000


@dataclass(frozen=True)
class Reading:
    """Options for reading a file, from a configuration or from the arguments of the command.

    Attributes:
        file: The file.
        options: Reading options.
        tokenizer: Name of the tokenizer; None for that of the vectors, or of the script.
        max_length: Maximum number of words per text.
        vectors: The pretrained word vectors; None for none.
    """

    file: str
    options: ReadingOptions = field(default_factory=ReadingOptions)
    tokenizer: str | None = None
    max_length: int | None = 400
    vectors: VectorSource | None = None

    @property
    def several(self) -> bool:
        """Whether the configuration is for texts with several labels."""
        options = self.options
        return options.task == MultiLabel.name or bool(options.label_separator or options.label_columns)


def from_configuration(path: str, file: str | None) -> Reading:
    """Return the options in a configuration of `fit`, for its `train_file` or another file.

    Raises:
        ConfigError: The configuration is invalid, or names no file.
    """
    from lit_transfer.config.fit import build, fit_parser, plain_of  # imports Lightning
    from lit_transfer.config.parser import explained

    parser = fit_parser()
    with explained(parser):
        plain = plain_of(parser, parser.parse_args(["--config", path]))
    _, data, _ = build({part: plain[part] for part in ("model", "data", "trainer")})
    file = file or data.arguments.train_file or data.arguments.predict_file
    if file is None:
        raise ConfigError(f"{path} has no data.train_file. Give a file of texts: lightning label FILE --config {path}")
    return Reading(file, data.arguments.reading, data.tokenizer, data.arguments.max_length, data.vectors)


def read_pool(reading: Reading) -> list[str]:
    """Read the texts of a file, each once, without empty ones.

    Raises:
        DataError: The file is missing, damaged, or has no text.
    """
    column = ", ".join(reading.options.texts_in)
    texts = read_texts(reading.file, reading.options)
    kept = list(dict.fromkeys(text for text in texts if text.strip()))
    if not kept:
        raise DataError(f"{reading.file} has no text in column {column!r}; expected texts to label.")
    empty = sum(not text.strip() for text in texts)
    repeated = len(texts) - empty - len(kept)
    if empty or repeated:
        print_line("texts", f"{len(kept):,} to label; left out: {empty:,} empty and {repeated:,} repeated ones")
    return kept


def find_tokenizer(reading: Reading, texts: list[str]) -> tuple[str, Tokenizer]:
    """Return the tokenizer: the given one, that of the vectors, or the first of the script that is installed.

    Raises:
        TokenizerError: The tokenizer is unknown.
    """
    recorded = None if reading.vectors is None else recorded_tokenizer(reading.vectors.open().path)
    if name := reading.tokenizer or recorded:
        return name, get_tokenizer(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in (*TOKENIZERS_OF.get(main_script(texts[:SAMPLE]), ()), *TOKENIZERS_OF["*"]):
            try:
                return name, get_tokenizer(name)
            except TokenizerError:
                continue
    raise AssertionError  # the last tokenizers need nothing
