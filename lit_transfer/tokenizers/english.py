"""Tokenizers for text with spaces between words: `whitespace`, `basic_english`, `words`, `ptb`."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import groupby


def whitespace(text: str) -> list[str]:
    """Split at white space and change nothing; for text that is already tokenized."""
    return text.split()


def basic_english(text: str) -> list[str]:
    """Lowercase, split off `' . , ( ) ! ?`, and drop `" ; :` and `<br />`, as torchtext's `basic_english` does."""
    text = text.lower().replace('"', "").replace("<br />", " ").replace(";", " ").replace(":", " ")
    for sign in "'.,()!?":  # a chain of replacements takes a quarter of the time of str.translate or a regex
        text = text.replace(sign, f" {sign} ")
    return text.split()


@cache
def _words_pattern() -> re.Pattern[str]:
    r"""Return a pattern of words with combining marks (Hindi vowel signs, a decomposed é), which `\w` excludes."""
    marks = [code for code in range(0x300, 0x20000) if unicodedata.category(chr(code))[0] == "M"]
    marks += [0x200C, 0x200D, *range(0xE0100, 0xE01F0)]  # joiners (Persian, Hindi); variation selectors
    runs = [[code for _, code in run] for _, run in groupby(enumerate(sorted(marks)), lambda pair: pair[1] - pair[0])]
    extend = "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)
    return re.compile(rf"\w[\w{extend}]*|\S[{extend}]*")


def words(text: str) -> list[str]:
    """Split into runs of letters, digits and underscores of any script, and single other characters; keep the case."""
    return _words_pattern().findall(text)


_PTB_CLITICS = r"s|m|d|ll|re|ve"
_PTB_SHORT = r"t|em|n|til|cause|\d+s?"  # whole words that start with an apostrophe: 'em, '90s
# Spellings that the Treebank replaces, then the tokens.
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
    """Split raw text into Penn Treebank tokens, as in SST and in GloVe's training text; keep the case.

    Contractions (`n't`, `'s`, `'re`, `can not`, `gon na`) and punctuation are split off, except inside numbers and
    abbreviations. Quotes become ` `` ` and `''`. Brackets are kept, and -LRB- and -RRB- become brackets, since GloVe has
    `(` and `)`. Text that is already tokenized does not change. Source: the rules of Robert MacIntyre's Treebank
    tokenizer (1995), applied at every sentence end instead of only at the end of the text.
    """
    for pattern, replacement in _PTB_NORMAL:
        text = pattern.sub(replacement, text)
    return _PTB_TOKEN.findall(text)
