r"""Tokenizers by name.

A tokenizer is any callable from a str to a list of str. `TOKENIZERS` has the built-in rules by name; `KoreanTokenizer`
has those with options. Other names are `spacy:LANG`, `torchtext:NAME`, or the import path of a callable:
`package.module.function` or `package.module:function`. A built-in rule followed by `:straight`, as in
`basic_english:straight`, replaces typographic quotes by straight ones first. Installed packages add names by entry points in
the group `lit_transfer.tokenizers`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from lit_transfer.errors import TokenizerError
from lit_transfer.plugins import find_plugin, plugin_names
from lit_transfer.tokenizers.english import basic_english, ptb, whitespace, words
from lit_transfer.tokenizers.external import (
    ExternalTokenizer,
    SpacyTokenizer,
    Tokenizer,
    from_import_path,
    from_torchtext,
)
from lit_transfer.tokenizers.korean import ANALYSERS, KoreanTokenizer, hangul, jamo
from lit_transfer.tokenizers.quotes import STRAIGHT, StraightQuotes

TOKENIZERS: dict[str, Tokenizer] = {
    "whitespace": whitespace,
    "basic_english": basic_english,
    "words": words,
    "ptb": ptb,
    "hangul": hangul,
    "jamo": jamo,
}
_EXTERNAL: dict[str, Callable[[str], Tokenizer]] = {"torchtext": from_torchtext, "spacy": SpacyTokenizer}
_OTHER_NAMES = "spacy:LANG, torchtext:NAME, or package.module:function for your own"


def name_of(tokenizer: Tokenizer) -> str:
    """Return the name of a tokenizer, as `get_tokenizer` takes it."""
    return (
        tokenizer.name
        if isinstance(tokenizer, ExternalTokenizer | KoreanTokenizer | StraightQuotes)
        else tokenizer.__name__
    )


def cache_key(tokenizer: Tokenizer) -> str | None:
    """Return a key that identifies a tokenizer and its version, or None if there is no such key.

    A custom callable may provide the key as its attribute `cache_key`, a str.
    """
    if isinstance(tokenizer, KoreanTokenizer):
        return tokenizer.cache_key
    if not isinstance(tokenizer, ExternalTokenizer):
        return name_of(tokenizer)
    own = getattr(tokenizer.function, "cache_key", None)
    return f"{tokenizer.name} {own}" if isinstance(own, str) else None


def get_tokenizer(name: str | Tokenizer, allow_import: bool = True) -> Tokenizer:
    """Return a tokenizer by name.

    Args:
        name: A name in `TOKENIZERS`, a name that `KoreanTokenizer` accepts, `spacy:LANG`, `torchtext:NAME`,
            `package.module.function`, `package.module:function`, or the callable itself.
        allow_import: Whether a name may import an arbitrary module. Must be False for names from a checkpoint, since
            an import runs code.

    Raises:
        TokenizerError: The name is unknown, cannot be imported, or is not callable. A callable that does not return a
            list of str raises the error when it is called.
    """
    if callable(name):
        if isinstance(name, ExternalTokenizer | KoreanTokenizer | StraightQuotes) or name in TOKENIZERS.values():
            return name
        where, what = getattr(name, "__module__", None), getattr(name, "__qualname__", None)
        return ExternalTokenizer(name, f"{where}:{what}" if where and what else repr(name))
    if name in TOKENIZERS:
        return TOKENIZERS[name]
    if (plugin := find_plugin("tokenizers", name)) is not None:
        return ExternalTokenizer(plugin, name)
    scheme, colon, rest = name.partition(":")
    if rest == STRAIGHT and scheme in TOKENIZERS:
        return StraightQuotes(TOKENIZERS[scheme], name)
    if scheme in ANALYSERS:
        return KoreanTokenizer(name)
    if colon and scheme in _EXTERNAL:
        return ExternalTokenizer(_EXTERNAL[scheme](rest), name)
    module, dot, attribute = name.partition(":") if colon else name.rpartition(".")
    if not (dot and all(part.isidentifier() for part in f"{module}.{attribute}".split("."))):
        names = [
            *TOKENIZERS,
            *plugin_names("tokenizers"),
            *(analyser for analyser in ANALYSERS if analyser not in TOKENIZERS),
        ]
        close = difflib.get_close_matches(name, names, n=1)
        raise TokenizerError(
            f"There is no tokenizer {name!r}.{f' Did you mean {close[0]!r}?' if close else ''} "
            f"Expected one of {', '.join(names)}, {_OTHER_NAMES}."
        )
    if not allow_import:
        raise TokenizerError(
            f"The tokenizer {name!r} is named by a file, and importing it can run any code. If you trust it, import "
            "it yourself and pass the callable explicitly."
        )
    return ExternalTokenizer(from_import_path(name, module, attribute), name)
