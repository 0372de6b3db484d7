"""Data quality checks: duplicates, overlap between splits, contradicting labels, text lengths."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lit_transfer.data.corpus import Split
from lit_transfer.data.texts import Texts
from lit_transfer.errors import DataError, warn
from lit_transfer.tasks import Task
from lit_transfer.tokenizers.scripts import main_script

SPACE_TOKENIZERS = ("whitespace", "basic_english", "ptb")
SAMPLE = 500  # number of texts for detecting the script and damage
# The letters that windows-1252 (or latin-1) has for the bytes of a character in UTF-8 after the first.
_LATER = re.escape(bytes(range(0x80, 0xC0)).decode("cp1252", "ignore") + bytes(range(0x80, 0xA0)).decode("latin-1"))
# Of the scripts that separate words by spaces: others have zero-width spaces between words.
_LETTER = "A-Za-z\u00c0-\u024f\u0370-\u052f\uac00-\ud7a3"
# What texts are full of that were decoded or escaped once too often or too seldom, and the remedy.
_DAMAGE = (
    (
        re.compile(r"&(?:[A-Za-z]{2,8}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});"),
        "HTML entities",
        "Replace them by their characters, as html.unescape does in Python",
    ),
    (
        re.compile(f"[{_LETTER}]+[\u00ad\u200b\u2060\ufeff][{_LETTER}]+"),
        "invisible characters inside of words",
        "Remove them, as re.sub('[\\u00ad\\u200b\\u2060\\ufeff]', '', text) does in Python",
    ),
    (
        re.compile("\\w*[\ufb00-\ufb06]\\w*"),
        "ligatures, as text copied from a PDF has",
        "Replace them by their letters, as unicodedata.normalize('NFKC', text) does in Python",
    ),
    (
        # As in exports of MySQL and PostgreSQL, but not in C:\new, and not LaTeX's \nu.
        re.compile(r"\\n\\n|[.!?,]\\n|\\[nrt](?![a-z{])"),
        "escapes of line breaks or tabs, which are glued to words",
        "Replace them by a space, as text.replace('\\\\n', ' ') does in Python",
    ),
    (
        re.compile(r'^=".*"$'),
        "formulas of Excel instead of their values",
        "Write the file again without them",
    ),
    (
        re.compile(r"\x1b\$[()]?[A-D@]"),
        "escape sequences of an encoding such as ISO-2022-JP",
        "Give the encoding, as in --data.encoding iso2022_jp",
    ),
    (
        re.compile(r"\x1b\[[0-9;]*[A-Za-z]"),
        "codes of a terminal, such as those of colours",
        "Remove them, as re.sub(r'\\x1b\\[[0-9;]*[A-Za-z]', '', text) does in Python",
    ),
    (re.compile(r"\\u[0-9a-fA-F]{4}"), "escapes of JSON", "Read the original file as JSON, and write its texts again"),
    (
        re.compile("\ufffd"),
        "characters in place of lost ones",
        "Read the original file in its encoding, and write it again as UTF-8",
    ),
    (
        # Accented letters, quotes and dashes, Cyrillic, and Korean.
        re.compile(f"Ã[{_LATER}]|â€[{_LATER}]|(?:[ÐÑ][{_LATER}]){{2}}|[ëìí][{_LATER}]{{2}}"),
        "letters of UTF-8 that was read as windows-1252",
        "Read the original file as UTF-8, or repair the texts, as text.encode('cp1252').decode('utf-8') does in Python",
    ),
)
_MOST_DAMAGED = 0.01  # share of the texts that may have them
QUANTILES = {"5%": 0.05, "median": 0.5, "95%": 0.95, "longest": 1.0}


@dataclass(frozen=True)
class DataQuality:
    """Result of the checks; texts are compared character by character.

    Attributes:
        sizes: Number of texts in each split.
        repeated: Number of texts in each split that occur earlier in the same split.
        in_train: Number of texts in each other split that are also in the train split.
        contradicting: Number of distinct texts with different labels, over all splits.
        of_classes: Remarks on the classes.
    """

    sizes: dict[str, int]
    repeated: dict[str, int]
    in_train: dict[str, int]
    contradicting: int
    of_classes: Sequence[str] = ()

    def lines(self) -> list[tuple[str, str]]:
        """Return the findings as pairs of name and value; empty if there are none."""
        lines = []
        if repeated := [f"{name} {self._share(name, count)}" for name, count in self.repeated.items() if count]:
            lines.append(("repeated texts", ", ".join(repeated)))
        if shared := [f"{self._share(name, count)} of {name}" for name, count in self.in_train.items() if count]:
            lines.append(("also in train", ", ".join(shared) + "; --data.drop_overlap true drops them from train"))
        if self.contradicting:
            lines.append(("contradictions", f"{self.contradicting:,} texts occur with different labels"))
        return lines + [("" if number else "labels", note) for number, note in enumerate(self.of_classes)]

    def _share(self, name: str, count: int) -> str:
        return f"{count:,} ({count / self.sizes[name]:.1%})"


def check_data_quality(parts: Mapping[str, Split], task: Task) -> DataQuality:
    """Check the splits of a corpus, `train` and others; texts are compared by hash, without unpacking them."""
    keys = {name: Texts.of(part.texts).keys() for name, part in parts.items()}
    repeated = {name: len(part) - len(np.unique(part)) for name, part in keys.items()}
    in_train = {name: int(np.isin(part, keys["train"]).sum()) for name, part in keys.items() if name != "train"}
    labelled = {name: part.labels for name, part in parts.items() if part.labels is not None}
    contradicting, notes = 0, []
    if labelled:
        labels = task.distinct(np.concatenate(list(labelled.values())))
        texts = np.concatenate([keys[name] for name in labelled])
        pairs = np.unique(np.stack([texts, labels]), axis=1)  # (2, different pairs of text and label)
        contradicting = int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
        notes = task.quality_notes(labelled)
    return DataQuality({name: len(part) for name, part in parts.items()}, repeated, in_train, contradicting, notes)


def without_overlap(parts: Mapping[str, Split]) -> Split:
    """Return the train split without the texts that are also in another split.

    Raises:
        DataError: No text would remain.
    """
    train = parts["train"]
    others = [Texts.of(part.texts).keys() for name, part in parts.items() if name != "train"]
    kept = np.flatnonzero(~np.isin(Texts.of(train.texts).keys(), np.concatenate([np.empty(0, np.int64), *others])))
    if not len(kept):
        raise DataError(
            f"drop_overlap leaves no text of {train.source}: all of its texts are also in {' or '.join(parts)}. Give other "
            "splits."
        )
    return train.take(kept)


def length_line(lengths: np.ndarray) -> str:
    """Return a line with quantiles of the text lengths in words. *Shape:* `(texts,)`."""
    values = np.quantile(lengths, list(QUANTILES.values()), method="inverted_cdf")
    return ", ".join(f"{name} {int(value)}" for name, value in zip(QUANTILES, values, strict=True)) + " words"


def warn_of_damage(texts: Sequence[str]) -> None:
    """Warn if more than a few of the first texts have damage such as HTML entities: their words are then others."""
    sample = texts[:SAMPLE]
    for pattern, what, remedy in _DAMAGE:
        found = [match[0] for text in sample if (match := pattern.search(text))]
        if len(found) > max(1, _MOST_DAMAGED * len(sample)):
            warn(f"{len(found) / len(sample):.1%} of the texts have {what}, such as {found[0]!r}. {remedy}.")


def warn_of_script(texts: Sequence[str], tokenizer: str) -> None:
    """Warn if Korean text is split only at white space and punctuation."""
    if tokenizer.partition(":")[0] in SPACE_TOKENIZERS and main_script(texts[:SAMPLE]) == "HANGUL":
        warn(
            f"The text is Korean, but the tokenizer {tokenizer} splits it at white space: words keep their particles and "
            "endings, so most words are rare and few have a vector. Use --data.tokenizer kiwi for morphemes "
            '(pip install "lit_transfer[korean]"), or hangul for vectors trained with it.',
        )
