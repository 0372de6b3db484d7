"""Tokenizers, by name."""

from lit_transfer.tokenizers.english import basic_english, ptb, whitespace, words
from lit_transfer.tokenizers.external import ExternalTokenizer, Tokenizer
from lit_transfer.tokenizers.korean import KoreanTokenizer, hangul, jamo
from lit_transfer.tokenizers.registry import TOKENIZERS, cache_key, get_tokenizer, name_of

__all__ = [
    "TOKENIZERS",
    "ExternalTokenizer",
    "KoreanTokenizer",
    "Tokenizer",
    "basic_english",
    "cache_key",
    "get_tokenizer",
    "hangul",
    "jamo",
    "name_of",
    "ptb",
    "whitespace",
    "words",
]
