"""Splitting of documents into sentences."""

from __future__ import annotations

import re

# Titles and abbreviations that end with a full stop within a sentence.
_SHORT = (
    "mr mrs ms dr st jr sr prof vs etc inc ltd corp co gen sen gov rev lt col capt sgt no vol fig cf al approx dept "
    "jan feb mar apr jun jul aug sep sept oct nov dec e.g i.e u.s u.k a.m p.m"
)
_ABBREVIATION = re.compile(rf"(?:^|[\s(\"'])(?:{'|'.join(map(re.escape, _SHORT.split()))}|[a-z])\.$", re.IGNORECASE)
_LONGEST = max(map(len, _SHORT.split())) + 1
# Final punctuation with closing marks and white space; or the final punctuation of Chinese and Japanese.
_BOUNDARY = re.compile(r"(?P<end>[.!?…]+[\"'”’)\]]*)(?:\s+|$)|[。！？]+[」』”’）]*\s*")
_MARKUP = re.compile(r"(?:<br\s*/?>\s*)+|</?p>|\n\s*\n", re.IGNORECASE)


def split_sentences(text: str) -> list[str]:
    """Split a document into sentences, without surrounding white space.

    A sentence ends at `.`, `!`, `?` or `…` (with closing marks) before white space, at the full stops of Chinese and
    Japanese, and at `<br>`, `<p>` and empty lines. It does not end at a full stop after an initial or a common
    abbreviation, or before a lower-case letter, unless white space precedes the full stop, as in tokenized text.
    """
    return [sentence for part in _MARKUP.split(text) for sentence in _split(part)]


def _split(text: str) -> list[str]:
    sentences, start = [], 0
    for found in _BOUNDARY.finditer(text):
        end, after = found.end(), text[found.end() : found.end() + 1]
        if found["end"] == ".":
            tokenized = text[found.start() - 1 : found.start()].isspace()
            before = text[max(start, found.start() - _LONGEST) : found.start() + 1]
            if not tokenized and (after.islower() or _ABBREVIATION.search(before)):
                continue
        if sentence := text[start:end].strip():
            sentences.append(sentence)
        start = end
    if rest := text[start:].strip():
        sentences.append(rest)
    return sentences
