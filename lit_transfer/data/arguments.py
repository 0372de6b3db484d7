"""Arguments of `TextDataModule`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lit_transfer.arguments import LARGEST_SEED, Arguments, argument
from lit_transfer.cache import default_folder
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError
from lit_transfer.files import expanded
from lit_transfer.vectors.lookup import VectorSource


@dataclass(frozen=True)
class SourceArguments(Arguments):
    """Where the texts come from, and where predictions go."""

    train_file: str | None = argument(None)
    """File of training texts and labels."""
    val_file: str | None = argument(None)
    """File of validation texts and labels; if None, `val_fraction` of the train file is used."""
    test_file: str | None = argument(None)
    """File of test texts and labels; if None, `test_fraction` of the train file is used."""
    predict_file: str | None = argument(None)
    """File of texts to classify; needs no labels."""
    predict_output: str | None = argument(None)
    """CSV file to write the predictions to, instead of a new file in the folder of the run."""
    dataset: str | None = argument(None)
    """Name of a dataset on the Hugging Face hub, or a folder with a dataset, instead of files."""


# The fields of the base classes come first, those of the last one before all others.
@dataclass(frozen=True)
class DataArguments(ReadingOptions, SourceArguments):
    """Arguments of `TextDataModule`; those of the base classes are `SourceArguments` and `ReadingOptions`.

    Raises:
        ConfigError: A value is invalid.
    """

    val_fraction: float = argument(0.1)
    """Share of the train file, 0 to 1, for a stratified validation split if there is no val file."""
    val_folds: int | None = argument(None, least=2, resume="data")
    """Number of folds of the training texts to validate on, instead of `val_fraction` or `val_file`, when labels are few: a
    network is trained outside each fold and validated on it, which determines the number of epochs and the calibration; then
    the model is trained on all training texts."""
    test_fraction: float = argument(0.0)
    """Share of the train file, 0 to 1, for a stratified test split if there is no test file."""
    drop_overlap: bool = argument(False)
    """Whether texts that are also in the val or the test split are dropped from the train split."""
    train_size: int | None = argument(None, least=1)
    """Maximum number of training texts, a stratified sample drawn with the seed of `seed_everything`. A smaller sample is a
    subset of a larger one. None for no limit."""
    tokenizer: str | Callable[[str], list[str]] = argument("basic_english", stored="always")
    """Name of a tokenizer: `basic_english`, `whitespace`, `words`, `ptb`, `hangul`, `jamo`, `kiwi` or `mecab-ko` (Korean
    morphemes, with options as in `kiwi:tags,repeats`), `spacy:LANG`, `torchtext:NAME`, or the import path of a callable."""
    min_freq: int = argument(1)
    """Minimum frequency of a word in the train split; rarer words are unknown."""
    max_vocab_size: int | None = argument(None)
    """Maximum number of words in the vocabulary; the most frequent are kept. None for no limit."""
    max_length: int | None = argument(400, least=1, stored="always")
    """Maximum number of words per text; longer texts are truncated. None for no limit."""
    vectors: str | None = argument(None)
    """File of pretrained vectors, or name of an installed package of vectors (`glove-6b-50d`)."""
    vectors_format: str = argument("auto")
    """Format of the vectors; `auto` detects it from the first bytes."""
    oov: Literal["normal", "mean", "zeros", "subword"] = argument("normal")
    """Rule for words without a vector: `normal`, `mean`, `zeros` or `subword`, see `lit_transfer.data.alignment.align`."""
    case_fallback: bool = argument(True)
    """Whether a word without a vector may take the vector of another case of it."""
    allow_pickle: bool = argument(False)
    """Whether vectors may be read from a pickle (a native gensim file), which can run code; use for trusted files only."""
    min_coverage: float = argument(0.0, least=0, most=1)
    """Minimum share of the tokens, 0 to 1, that must have a vector."""
    batch_size: int = argument(50, least=1, resume="data")
    """Number of texts per batch and process."""
    max_tokens: int | None = argument(None, least=1, resume="data")
    """Maximum number of words per batch and process, including padding. None for no limit."""
    num_workers: int = argument(0, least=0)
    """Number of processes that prepare batches and run a tokenizer that is not built in (built-in ones are faster in one
    process); 0 for the main process, which is usually sufficient."""
    seed: int = argument(0, least=0, most=LARGEST_SEED)
    """Seed of the split, and of vectors for words without one. Batches are shuffled with the seed of `seed_everything`."""
    cache: bool = argument(True)
    """Whether texts and tokens of files are cached for later runs. A custom tokenizer needs an attribute `cache_key`, a string
    that changes whenever its results may change."""
    cache_dir: str | None = argument(None)
    """Cache folder; if None, the user's cache folder."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.val_folds is not None and self.val_file is not None:
            raise ConfigError(
                f"val_folds is {self.val_folds}, but there is a val_file: {self.val_file}. Give one of them."
            )

    @property
    def reading(self) -> ReadingOptions:
        """Options for reading files."""
        return self.of(ReadingOptions)

    @property
    def files(self) -> dict[str, str | None]:
        """File of each split."""
        return {"train": self.train_file, "val": self.val_file, "test": self.test_file, "predict": self.predict_file}

    @property
    def source(self) -> VectorSource | None:
        """Location of the pretrained vectors, and how words are looked up."""
        if self.vectors is None:
            return None
        return VectorSource(str(self.vectors), self.vectors_format, self.oov, self.case_fallback, self.allow_pickle)

    @property
    def cache_folder(self) -> Path | None:
        """Cache folder; None without a cache."""
        if not self.cache:
            return None
        return default_folder() if self.cache_dir is None else expanded(self.cache_dir)
