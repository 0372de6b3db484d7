"""Tokenizers for text with spaces between words: `whitespace`, `basic_english`, `words`, `ptb`."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby


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
