"""Text -> list of tokens, by name."""

from lit_transfer.tokenizers.english import basic_english, ptb, whitespace, words
from lit_transfer.tokenizers.foreign import ForeignTokenizer, Tokenizer
from lit_transfer.tokenizers.registry import TOKENIZERS, cache_key, get_tokenizer

__all__ = [
    "TOKENIZERS",
    "ForeignTokenizer",
    "Tokenizer",
    "basic_english",
    "cache_key",
    "get_tokenizer",
    "ptb",
    "whitespace",
    "words",
]
