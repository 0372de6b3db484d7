r"""Tokenizers: text -> list of tokens, by name.

A tokenizer is any callable from a str to a list of str. `TOKENIZERS` is the table of those that have a short name here;
a longer name is `torchtext:NAME`, or where to import a callable from: `package.module.function` or
`package.module:function`.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import groupby
from typing import Any

from lit_transfer.errors import TokenizerError

Tokenizer = Callable[[str], list[str]]


def whitespace(text: str) -> list[str]:
    """Split at white space, change nothing: for text that is tokenized already."""
    return text.split()


def basic_english(text: str) -> list[str]:
    """Lower case, split off `' . , ( ) ! ?`, drop `" ; :` and `<br />`: what torchtext calls `basic_english`."""
    text = text.lower().replace('"', "").replace("<br />", " ").replace(";", " ").replace(":", " ")
    for sign in "'.,()!?":  # a chain of replacements takes a quarter of the time of str.translate or a regex
        text = text.replace(sign, f" {sign} ")
    return text.split()


@cache
def _words_pattern() -> re.Pattern[str]:
    r"""Python's `\w` knows no combining marks (Hindi's vowel signs, a decomposed é): their ranges are spelled out."""
    marks = [code for code in range(0x300, 0x20000) if unicodedata.category(chr(code))[0] == "M"]
    marks += [0x200C, 0x200D, *range(0xE0100, 0xE01F0)]  # joiners (Persian, Hindi); variation selectors
    runs = [[code for _, code in run] for _, run in groupby(enumerate(sorted(marks)), lambda pair: pair[1] - pair[0])]
    extend = "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)
    return re.compile(rf"\w[\w{extend}]*|\S[{extend}]*")


def words(text: str) -> list[str]:
    """Runs of letters, digits and underscores of any script, and every other sign by itself; the case is kept."""
    return _words_pattern().findall(text)


_PTB_CLITICS = r"s|m|d|ll|re|ve"
_PTB_SHORT = r"t|em|n|til|cause|\d+s?"  # whole words that start with an apostrophe: 'em, '90s
# First, what the Treebank writes in another way, then the tokens one after the other.
_PTB_NORMAL = [
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in [
        (r"<br\s*/?>", " "),
        (r"-lrb-", "("),
        (r"-rrb-", ")"),
        (r"\\([/*])", r"\1"),
        (r"…", "..."),
        (r"[\u2013\u2014]", "--"),
        (r"[\u2018\u2019]", "'"),
        (r"“|(?<![^\s(\[{<`])\"", " `` "),
        (r"”|\"", " '' "),
        (rf"(?<![^\s(\[{{])'(?=\w)(?!(?:{_PTB_CLITICS}|{_PTB_SHORT}|tis|twas)\b)", " ` "),
    ]
]
_PTB_TOKEN = re.compile(
    rf"""
      (?:[a-z]\.){{2,}}                                               # U.S., e.g.
    | (?:mr|mrs|ms|dr|st|jr|sr|prof|vs|etc|inc|ltd|corp|co|gen|sen|gov|rev|lt)\.(?!\w)
    | [b-hj-z]\.(?=\s+\w)                                             # an initial
    | \.{{2,}} | -{{2,}} | `` | ''
    | (?:can(?=not\b) | gon(?=na\b) | wan(?=na\b) | got(?=ta\b) | lem(?=me\b) | gim(?=me\b))
    | (?:'t(?=is\b) | 't(?=was\b))
    | n't\b | '(?:{_PTB_CLITICS}|{_PTB_SHORT})\b
    | [\w\u0300-\u036f-]+?(?=n't\b)                                   # the do of don't
    | \d+(?:[,.:/]\d+)+(?:-?\w+)*                                     # 1,000 10:30 1/2
    | [\w\u0300-\u036f]+(?:(?:[-.]|'(?!(?:{_PTB_CLITICS})\b))[\w\u0300-\u036f]+)*
    | \S
    """,
    re.IGNORECASE | re.VERBOSE,
)


def ptb(text: str) -> list[str]:
    """Penn Treebank tokens of raw text, as in SST and in GloVe's training text; the case is kept.

    Splits `n't`, `'s`, `'re` and the like, `can not`, `gon na`; punctuation, but not inside numbers and abbreviations;
    quotes become ` `` ` and `''`; brackets stay themselves, and -LRB-, -RRB- become them, since GloVe has `(` and `)`.
    Tokens that are split already stay as they are. Source: the rules of Robert MacIntyre's Treebank tokenizer (1995),
    applied to every sentence end instead of to the last alone.
    """
    for pattern, replacement in _PTB_NORMAL:
        text = pattern.sub(replacement, text)
    return _PTB_TOKEN.findall(text)


TOKENIZERS: dict[str, Tokenizer] = {
    "whitespace": whitespace,
    "basic_english": basic_english,
    "words": words,
    "ptb": ptb,
}
_TORCHTEXT = "torchtext:"


class ForeignTokenizer:
    """A tokenizer from outside, whose every result is checked to be a list of str. It pickles if the callable does.

    Args:
        function: The callable, str -> list of str.
        name: What messages call it, and what `get_tokenizer` finds it by if it can be imported.
    """

    def __init__(self, function: Callable[[str], Any], name: str):
        self.function = function
        self.name = name

    def __call__(self, text: str) -> list[str]:
        """The tokens of a text; a TokenizerError if the callable gives anything but a list of str."""
        tokens = self.function(text)
        if not isinstance(tokens, list):
            raise TokenizerError(
                f"The tokenizer {self.name!r} gave {type(tokens).__name__} for {text[:50]!r}; a list of str is wanted."
            )
        for token in tokens:
            if not isinstance(token, str):
                raise TokenizerError(
                    f"The tokenizer {self.name!r} gave a list with {token!r} ({type(token).__name__}) for "
                    f"{text[:50]!r}; a list of str is wanted."
                )
        return tokens

    def __repr__(self) -> str:
        return f"ForeignTokenizer({self.name!r})"


def cache_key(tokenizer: Tokenizer) -> str | None:
    """What tells a tokenizer's results from those of others and of its other versions; None where nothing does.

    A callable of one's own may have it as its attribute `cache_key`, a str.
    """
    if not isinstance(tokenizer, ForeignTokenizer):
        return tokenizer.__name__
    own = getattr(tokenizer.function, "cache_key", None)
    return f"{tokenizer.name} {own}" if isinstance(own, str) else None


def is_builtin(name: str) -> bool:
    """Whether a name stands for a tokenizer of this table or of torchtext, which needs no import of anything else."""
    return name in TOKENIZERS or name.startswith(_TORCHTEXT)


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
        return ForeignTokenizer(_from_torchtext(name.removeprefix(_TORCHTEXT)), name)
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
    return ForeignTokenizer(_imported(name, module, attribute), name)


def _from_torchtext(name: str) -> Tokenizer:
    try:
        from torchtext.data.utils import get_tokenizer as torchtext_tokenizer
    except ImportError as error:
        raise TokenizerError(
            f"The tokenizer 'torchtext:{name}' needs torchtext 0.6.0, which is not installed. "
            'Install it with: pip install "lit_transfer[torchtext]"'
        ) from error
    except Exception as error:  # torchtext >= 0.7 loads a compiled library that does not fit a current torch
        raise TokenizerError(
            f"The tokenizer 'torchtext:{name}' needs torchtext 0.6.0; the one installed does not load beside this "
            f'torch ({error}). Install the right one with: pip install "lit_transfer[torchtext]"'
        ) from error
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what the error below says
            return torchtext_tokenizer(name)
    except ValueError as error:
        raise TokenizerError(
            f"torchtext has no tokenizer {name!r}. It has: basic_english, spacy, moses, toktok, revtok, subword."
        ) from error
    except (ImportError, OSError, AttributeError) as error:  # spacy fails with the last two where its model is missing
        raise TokenizerError(
            f"The tokenizer 'torchtext:{name}' needs a package or a model that is not installed: {error}. "
            "Install it, or take one of ours: " + ", ".join(TOKENIZERS) + "."
        ) from error


def _imported(name: str, module: str, attribute: str) -> Tokenizer:
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise TokenizerError(
            f"The tokenizer {name!r} cannot be imported: {error}. Is its module installed or on PYTHONPATH? "
            f"The names that need no import are {', '.join(TOKENIZERS)}."
        ) from error
    except AttributeError as error:
        raise TokenizerError(f"The tokenizer {name!r} is not there: {error}.") from error
    if not callable(found):
        raise TokenizerError(f"The tokenizer {name!r} is {type(found).__name__}, not callable; str -> list is wanted.")
    return found
