"""Detection of the dialect of separated rows, and reading in it."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from lit_transfer.data.reading.delimited import (
    BadFileError,
    Dialect,
    NotATableError,
    first_problem,
    num_columns,
    read_rows,
)
from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.sources import open_bytes

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_SNIFFED = 1 << 16  # number of leading bytes for detecting the separator
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?', re.IGNORECASE)  # first line that Excel takes for the separator


def read_delimited(path: Path, usual: str, options: ReadingOptions) -> Iterator[Columns]:
    """Read separated rows in batches.

    Args:
        path: The file.
        usual: Separator that the file extension means.
        options: How the file is written.

    Raises:
        BadFileError: The rows contradict the dialect; the message names another one that they follow, if there is one.
    """
    dialect = find_dialect(path, usual, options)
    if dialect.separator != usual and options.separator is None and not dialect.skipped:
        warnings.warn(
            f"{path.name} is separated by {SEPARATORS[dialect.separator]}s, unlike its file extension, which means "
            f"{SEPARATORS[usual]}s; it is read accordingly.",
            stacklevel=2,
        )
    try:
        yield from read_rows(path, dialect, options.header)
    except NotATableError as error:
        problem = first_problem(path, dialect, options.header) or str(error)
        readable = _readable(path, dialect, options.header)
        named = "".join(f" All rows can be read with --data.{name} {quote(value)}." for name, value in readable.items())
        raise BadFileError(problem + named, **readable) from error


def find_dialect(path: Path, usual: str, options: ReadingOptions) -> Dialect:
    """Return the dialect of a file, as far as the options do not say it."""
    with open_bytes(path) as file:
        head = file.read(_SNIFFED)
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)  # the last character may be truncated
    except UnicodeDecodeError:  # reported when the file is read
        return Dialect(options.separator or usual)
    newline = "\r" if "\r" in text and "\n" not in text else "\n"
    said = _SEP_LINE.fullmatch(text.split("\n", 1)[0])
    separator = options.separator or (said[1] if said else _separator(text, usual, len(head) == _SNIFFED))
    dialect = Dialect(separator, options.quoting != "none", options.escape, newline=newline, skipped=1 if said else 0)
    if options.quoting == "auto" and options.escape is None and usual == separator == "\t":
        dialect = replace(dialect, quoted=_is_quoted(path, dialect, options.header))
    # A quote after a separator and a space opens a field, unless it closes one.
    sep = re.escape(separator.encode())
    if dialect.quoted and _matches(path, separator.encode() + b' "', sep + b' +"(?!["\r\n]|' + sep + b")"):
        spaced = replace(dialect, spaced=True)
        dialect = spaced if num_columns(path, spaced, options.header) else dialect
    return dialect


def _readable(path: Path, dialect: Dialect, header: bool) -> dict[str, str]:
    """Return the option that reads all rows of a file that contradicts a dialect; empty if there is none."""
    others: list[dict[str, str]] = [{"escape": "\\"}] if dialect.escape is None else []
    others.append({"quoting": "none" if dialect.quoted else "minimal"})
    others += [{"separator": separator} for separator in (*SEPARATORS, " ") if separator != dialect.separator]
    as_texts: dict[str, str] = {}
    for option in others:
        changes: dict[str, Any] = {**option, "quoted": True}
        if quoting := changes.pop("quoting", None):
            changes["quoted"] = quoting == "minimal"
        columns = num_columns(path, replace(dialect, **changes), header)
        if columns > 1:
            return option
        if columns == 1 and "separator" not in option:  # any file is a column in a separator that it lacks
            as_texts = as_texts or option
    return as_texts


def _is_quoted(path: Path, dialect: Dialect, header: bool) -> bool:
    """Return whether a TSV file has fields in quotes, as pandas and R write them, rather than quotes in its texts."""
    if not _matches(path, b"", rb'(?:^(?:\xef\xbb\xbf)?|[\t\n\r])"'):
        return False
    is_plain = num_columns(path, replace(dialect, quoted=False), header) > 0
    if not is_plain or not num_columns(path, dialect, header):
        return not is_plain and num_columns(path, dialect, header) > 0
    # Both readings are possible. Quotes enclose fields if they enclose names, if a field has doubled quotes in it, or if a
    # column has no field without.
    unquoted: set[int] = set()
    columns = 0
    for rows in read_rows(path, replace(dialect, quoted=False), header):
        columns = len(rows)
        for place, (name, values) in enumerate(rows.items()):
            fields = [name, *values] if header else values
            if header and len(name) > 2 and name[0] == name[-1] == '"':
                return True
            enclosed = [field for field in fields if len(field) > 1 and field[0] == field[-1] == '"']
            if any(
                field == '""' or ('""' in field[1:-1] and '"' not in field[1:-1].replace('""', ""))
                for field in enclosed
            ):
                return True
            if len(enclosed) < len(fields):
                unquoted.add(place)
    return len(unquoted) < columns


def _matches(path: Path, rare: bytes, pattern: bytes) -> bool:
    """Return whether a file matches a pattern of a few bytes; `rare` is a part that is looked for first."""
    compiled, before = re.compile(pattern), b""
    with open_bytes(path) as file:
        while block := file.read(1 << 20):
            block = before + block
            if rare in block and compiled.search(block):
                return True
            before = block[-8:]
    return False


def _separator(text: str, usual: str, truncated: bool) -> str:
    """Detect the column separator: the usual one, unless the header lacks it or the first rows contradict it."""
    widths: dict[str, list[int]] = {}
    text = re.sub("\r(?!\n)", " " if "\n" in text else "\n", text)  # one in a field would be an error
    for sep in [usual, *SEPARATORS]:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=sep))
        except csv.Error:
            continue
        # The last row may be truncated.
        widths[sep] = [len(row) for row in rows[: len(rows) - truncated][:100] if row]
    regular = {sep: found[0] for sep, found in widths.items() if found and found[0] > 1 and len(set(found)) == 1}
    if usual in regular or not regular:
        return usual
    return max(regular, key=regular.__getitem__)
