r"""Tokenizers: text -> list of tokens, by name.

A tokenizer is any callable from a str to a list of str. `TOKENIZERS` is the table of those that have a short name here;
a longer name is `torchtext:NAME`, or where to import a callable from: `package.module.function` or
`package.module:function`.
"""

from __future__ import annotations

import difflib

from lit_transfer.errors import TokenizerError
from lit_transfer.tokenizers.english import basic_english, ptb, whitespace, words
from lit_transfer.tokenizers.foreign import ForeignTokenizer, Tokenizer, from_import_path, from_torchtext

TOKENIZERS: dict[str, Tokenizer] = {
    "whitespace": whitespace,
    "basic_english": basic_english,
    "words": words,
    "ptb": ptb,
}
_TORCHTEXT = "torchtext:"


def cache_key(tokenizer: Tokenizer) -> str | None:
    """What tells a tokenizer's results from those of others and of its other versions; None where nothing does.

    A callable of one's own may have it as its attribute `cache_key`, a str.
    """
    if not isinstance(tokenizer, ForeignTokenizer):
        return tokenizer.__name__
    own = getattr(tokenizer.function, "cache_key", None)
    return f"{tokenizer.name} {own}" if isinstance(own, str) else None


def get_tokenizer(name: str | Tokenizer, allow_import: bool = True) -> Tokenizer:
    """The tokenizer of a name.

    Args:
        name: A name in `TOKENIZERS`, `torchtext:NAME`, `package.module.function`, `package.module:function`, or the
            callable itself.
        allow_import: Whether a name may import any module there is. A name out of a checkpoint may not: that would
            run whatever code the file names.

    Raises:
        TokenizerError: The name is unknown, cannot be imported, or is not callable; here or, where a callable gives
            something else than a list of str, when it is used.
    """
    if callable(name):
        if isinstance(name, ForeignTokenizer) or name in TOKENIZERS.values():
            return name
        where, what = getattr(name, "__module__", None), getattr(name, "__qualname__", None)
        return ForeignTokenizer(name, f"{where}:{what}" if where and what else repr(name))
    if name in TOKENIZERS:
        return TOKENIZERS[name]
    if name.startswith(_TORCHTEXT):
        return ForeignTokenizer(from_torchtext(name.removeprefix(_TORCHTEXT)), name)
    module, dot, attribute = name.partition(":") if ":" in name else name.rpartition(".")
    if not (dot and all(part.isidentifier() for part in f"{module}.{attribute}".split("."))):
        close = difflib.get_close_matches(name, TOKENIZERS, n=1)
        raise TokenizerError(
            f"There is no tokenizer {name!r}.{f' Did you mean {close[0]!r}?' if close else ''} "
            f"The names are {', '.join(TOKENIZERS)}, torchtext:NAME, or package.module:function for one of your own."
        )
    if not allow_import:
        raise TokenizerError(
            f"The tokenizer {name!r} would be imported because a file says so, which can run any code. If you trust "
            "it, import it yourself and pass the callable explicitly."
        )
    return ForeignTokenizer(from_import_path(name, module, attribute), name)
