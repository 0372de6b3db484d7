"""Reading of plain text: a text per line, or fastText's lines of labels and text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lit_transfer.data.reading.delimited import BadFileError, nul_problem
from lit_transfer.data.reading.dialects import find_dialect, num_columns, read_delimited
from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.sources import open_bytes
from lit_transfer.errors import warn
from lit_transfer.files import without_marks

# A label of fastText, with the white space around it. fastText splits lines at these characters only.
_LABEL = re.compile(r"(?:^|(?<=[ \t\v\f\r]))__label__([^ \t\v\f\r]*)[ \t\v\f\r]*")


def read_lines(path: Path, options: ReadingOptions) -> Iterator[Columns]:
    """Read a text file: one text per line, fastText's lines of labels and text, or a tab-separated table."""
    with open_bytes(path) as file:
        text = without_marks(file.read().decode("utf-8"))
    if not text.strip():
        return
    if "\n" not in text:  # line ends of old Macs
        text = text.replace("\r", "\n")
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if "\0" in text:
        raise BadFileError(nul_problem(next(number for number, line in enumerate(lines, 1) if "\0" in line)))
    if "__label__" in text and is_fasttext(lines):
        columns = _read_fasttext(lines)
        _warn_of_joined(path.name, columns["label"])
        yield columns
    elif _is_table(path, lines[:100], options):
        warn(f"{path.name} is a tab-separated table; it is read like a .tsv.")
        yield from read_delimited(path, "\t", options)
    else:
        yield {"text": lines}


def is_fasttext(lines: Sequence[str]) -> bool:
    """Return whether lines are fastText's: one begins with a label, or most have one."""
    if any(line.lstrip().startswith("__label__") for line in lines):
        return True
    filled = [line for line in lines if line.strip()]
    return 2 * sum(_LABEL.search(line) is not None for line in filled) > len(filled)


def _is_table(path: Path, lines: Sequence[str], options: ReadingOptions) -> bool:
    """Return whether a file is a tab-separated table: most lines, or all rows, have as many tabs as the first line."""
    tabs = [line.count("\t") for line in lines if line]
    if tabs[0] == 0:
        return False
    return (
        2 * tabs.count(tabs[0]) > len(tabs) or num_columns(path, find_dialect(path, "\t", options), options.header) > 1
    )


def _warn_of_joined(name: str, labels: Sequence[str | list[str] | None]) -> None:
    """Warn about labels that another label or a space of Unicode is a part of, which for fastText do not end a label."""
    for label in labels:
        for part in [label] if isinstance(label, str) else label or ():
            if "__label__" in part or any(map(str.isspace, part)):
                warn(
                    f"{name} has the label {part!r}, as fastText reads it too: a label ends at a space or a tab only. If it is "
                    "several labels or a label and words, put a space between them.",
                )
                return


def _read_fasttext(lines: Sequence[str]) -> Columns:
    return {
        "text": [_LABEL.sub("", line).strip() if "__label__" in line else line for line in lines],
        "label": [labels if len(labels) > 1 else next(iter(labels), None) for labels in map(_LABEL.findall, lines)],
    }
