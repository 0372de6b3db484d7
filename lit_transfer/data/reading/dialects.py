"""Detection of the dialect of separated rows, and reading in it."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

from lit_transfer.data.reading.blocks import Blocks
from lit_transfer.data.reading.delimited import (
    BadFileError,
    Dialect,
    NotATableError,
    column_names,
    first_problem,
    read_carefully,
    warn_of_swallowed,
)
from lit_transfer.data.reading.hugging_face import BATCH, Columns
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.sources import open_bytes
from lit_transfer.errors import warn
from lit_transfer.files import without_marks

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_SNIFFED = 1 << 16  # number of leading bytes for detecting the separator
_SEP_LINE = re.compile(r'"?sep=(.)"?\r?', re.IGNORECASE)  # first line that gives Excel the separator


def read_delimited(path: Path, usual: str, options: ReadingOptions) -> Iterator[Columns]:
    """Read separated rows in batches; `usual` is the separator implied by the file extension.

    Raises:
        BadFileError: The rows contradict the dialect; the message names another one that they follow, if there is one.
    """
    dialect = find_dialect(path, usual, options)
    if dialect.separator != usual and options.separator is None and not dialect.skipped:
        warn(
            f"{path.name} is separated by {SEPARATORS[dialect.separator]}s, unlike its file extension, which means "
            f"{SEPARATORS[usual]}s; it is read accordingly.",
        )
    try:
        yield from read_rows(path, dialect, options.header)
    except NotATableError as error:
        problem = first_problem(path, dialect, options.header) or str(error)
        readable = _readable(path, dialect, options.header)
        given = " ".join(f"--data.{name} {quote(value)}" for name, value in readable.items())
        named = f" All rows can be read with {given}." if given else ""
        raise BadFileError(problem + named, **readable) from error


def find_dialect(path: Path, usual: str, options: ReadingOptions) -> Dialect:
    """Return the dialect of a file; properties that are not among the options are detected."""
    with open_bytes(path) as file:
        head = file.read(_SNIFFED)
    try:
        # The last character may be truncated.
        text = without_marks(codecs.getincrementaldecoder("utf-8")().decode(head))
    except UnicodeDecodeError:  # reported when the file is read
        return Dialect(options.separator or usual)
    newline = "\r" if "\r" in text and "\n" not in text else "\n"
    said = _SEP_LINE.fullmatch(text.split("\n", 1)[0])
    separator = options.separator or (said[1] if said else _separator(text, usual, len(head) == _SNIFFED))
    dialect = Dialect(separator, options.quoting != "none", options.escape, newline=newline, skipped=1 if said else 0)
    if options.quoting == "auto" and options.escape is None and usual == separator == "\t":
        return replace(dialect, quoted=None)
    return dialect


def read_rows(
    path: Path, dialect: Dialect, header: bool = True, names: Sequence[str] = (), head: Sequence[str] = ()
) -> Iterator[Columns]:
    """Read rows in batches of columns. Values are str, as they are written.

    A blank line is an empty cell of a table with one column, and is skipped in others. Without a header, columns are numbered,
    beginning with 1. `names` and `head` are those of a table that has been read in part, see `read_carefully`.

    Raises:
        NotATableError: The rows contradict the dialect; `first_problem` finds the line.
        BadFileError: Two columns have the same name.
    """
    if dialect.escape or dialect.spaced or dialect.newline == "\r" or not dialect.separator.isascii():
        yield from read_carefully(path, dialect, header, names, head)
        return
    names, head = list(names), list(head)
    with open_bytes(path) as file:
        for _ in range(dialect.skipped):
            file.readline()
        blocks = Blocks(file, dialect.separator, dialect.quoted)
        for columns, has_breaks in blocks:
            if not names:
                head = [column.pop(0) for column in columns] if header else []
                names = column_names(head or range(1, len(columns) + 1))
            if len(names) != len(columns) or (len(names) > 1 and head and _repeats(head, columns)):
                raise NotATableError(" has rows that differ from its header.")
            if has_breaks:
                warn_of_swallowed(path, list(zip(*columns, strict=True)), dialect.separator)
            for begin in range(0, len(columns[0]), BATCH):
                yield {name: column[begin : begin + BATCH] for name, column in zip(names, columns, strict=True)}
    if not blocks.rest:
        return
    rest = replace(dialect, skipped=dialect.skipped + blocks.num_lines)
    if dialect.quoted is None:
        rest = replace(rest, quoted=_is_quoted(path, dialect, header))
        yield from read_rows(path, rest, header and not names, names, head)
    else:
        rest = replace(rest, spaced=dialect.quoted and _is_spaced(path, dialect, header))
        yield from read_carefully(path, rest, header and not names, names, head, blocks.returns)


def num_columns(path: Path, dialect: Dialect, header: bool) -> int:
    """Return the number of columns of a file; 0 if it has no rows, or rows that contradict the dialect."""
    width = 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for columns in read_rows(path, dialect, header):
                width = len(columns)
    except BadFileError:
        return 0
    return width


def _is_spaced(path: Path, dialect: Dialect, header: bool) -> bool:
    """Return whether fields are quoted after a separator and a space, as in `"a", "b"`."""
    separator = dialect.separator.encode()
    sep, rare = re.escape(separator), separator + b' "'
    # After a separator and a space, a quote opens a field unless it closes one.
    pattern, before = re.compile(sep + b' +"(?!["\r\n]|' + sep + b")"), b""
    with open_bytes(path) as file:
        while block := file.read(1 << 20):
            if rare in before + block and pattern.search(before + block):
                return num_columns(path, replace(dialect, spaced=True), header) > 0
            before = block[-8:]
    return False


def _repeats(head: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Return whether a row repeats the header, also behind the byte order mark of a file that was appended."""
    marked = f"\ufeff{head[0]}"
    if head[0] not in columns[0] and marked not in columns[0]:
        return False
    rows = set(zip(*columns, strict=True))
    return tuple(head) in rows or (marked, *head[1:]) in rows


def _readable(path: Path, dialect: Dialect, header: bool) -> dict[str, str]:
    """Return the option that reads all rows of a file that contradicts a dialect; empty if there is none."""
    others: list[dict[str, str]] = [{"escape": "\\"}] if dialect.escape is None else []
    others.append({"quoting": "none" if dialect.quoted else "minimal"})
    if dialect.escape is None:  # MySQL escapes separators instead of quoting fields
        others.append({"quoting": "none", "escape": "\\"})
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
    """Return whether a TSV file has quoted fields, as in files of pandas and R, rather than quotes in its texts."""
    if header and _has_quoted_names(path, dialect):  # the usual case, without reading the file for it
        return True
    if not num_columns(path, replace(dialect, quoted=True), header):
        return False
    plain = replace(dialect, quoted=False)
    if not num_columns(path, plain, header):
        return True
    # Both readings are possible. Quotes enclose fields if they enclose names, if a field has doubled quotes in it, or if a
    # column has no field without.
    unquoted: set[int] = set()
    width = num_rows = returns = 0
    for rows in read_rows(path, plain, header):
        width, num_rows = len(rows), num_rows + len(next(iter(rows.values())))
        for place, (name, values) in enumerate(rows.items()):
            if header and len(name) > 2 and name[0] == name[-1] == '"':
                return True
            enclosed = [field for field in values if len(field) > 1 and field[0] == field[-1] == '"']
            if any(_has_doubled(field) for field in enclosed):
                return True
            returns += sum("\r" in field for field in enclosed)
            if header or len(enclosed) < len(values):
                unquoted.add(place)
    if len(unquoted) < width:
        return True
    other = sum(len(next(iter(rows.values()))) for rows in read_rows(path, replace(dialect, quoted=True), header))
    if other < num_rows or returns:
        warn(
            f"{path.name}: quotes could enclose line breaks, which would give {other:,} rows instead of {num_rows:,}. They are "
            "taken for a part of the texts; for the other reading, set --data.quoting minimal.",
        )
    return False


def _has_quoted_names(path: Path, dialect: Dialect) -> bool:
    """Return whether the first line has names in quotes only."""
    with open_bytes(path) as file:
        for _ in range(dialect.skipped):
            file.readline()
        names = without_marks(file.readline(_SNIFFED)).rstrip(b"\r\n").split(dialect.separator.encode())
    return all(len(name) > 2 and name[:1] == name[-1:] == b'"' and b'"' not in name[1:-1] for name in names)


def _has_doubled(field: str) -> bool:
    """Return whether all quotes within an enclosed field are doubled, and there are some, or whether it is empty."""
    inner = field[1:-1]
    return not inner or ('""' in inner and '"' not in inner.replace('""', ""))


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
