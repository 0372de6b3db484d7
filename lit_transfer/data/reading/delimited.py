"""Strict reading of separated rows, such as CSV and TSV, in a known dialect."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from lit_transfer.data.reading.hugging_face import BATCH, Columns
from lit_transfer.data.reading.sources import open_bytes
from lit_transfer.errors import warn
from lit_transfer.files import without_marks

# Noncharacters of Unicode in place of a carriage return, of one at the end of a line, and of a quote, in fields where `csv`
# would interpret them.
_RETURN, _LAST_RETURN, _QUOTE = "\ufdd0", "\ufdd1", "\ufdd2"
_MARKS = re.compile(f"[{_RETURN}{_LAST_RETURN}{_QUOTE}]")
_LONE_RETURN = re.compile("\r(?=\r*[^\r\n])")
# A return at the end of a line whose last field is not quoted, in a file whose lines end without.
_ODD_RETURN = re.compile('(?<!")\r(?=\n)')
_BLOCK = 1 << 20  # number of characters to check at once


class BadFileError(Exception):
    """A problem with a file; the message is appended to the file name.

    Attributes:
        options: Reading options with which the file can be read, if there are any.
    """

    def __init__(self, message: str, **options: Any) -> None:
        super().__init__(message)
        self.options = options


class NotATableError(BadFileError):
    """The rows of a file contradict its dialect; the message begins with the line."""


@dataclass(frozen=True)
class Dialect:
    """Dialect of separated rows.

    Attributes:
        separator: Character between two fields.
        quoted: Whether a field may be in double quotes, a quote in it being doubled; None to decide at the first field
            that begins with a quote.
        escape: Character before a quote in a quoted field, in place of a second quote.
        spaced: Whether spaces after a separator are dropped, as in `"a", "b"`.
        newline: End of a line: a line feed (perhaps after a carriage return), or a carriage return alone.
        skipped: Number of lines before the first row.
    """

    separator: str
    quoted: bool | None = True
    escape: str | None = None
    spaced: bool = False
    newline: str = "\n"
    skipped: int = 0

    def csv_options(self) -> dict[str, Any]:
        """Return the arguments of `csv.reader`, for lines whose escaped quotes have been replaced."""
        options = {"delimiter": self.separator, "skipinitialspace": self.spaced, "strict": True}
        return options if self.quoted else {**options, "quoting": csv.QUOTE_NONE, "escapechar": self.escape}


def read_carefully(
    path: Path,
    dialect: Dialect,
    header: bool,
    names: Sequence[str] = (),
    head: Sequence[str] = (),
    returns: bool | None = None,
    size: int = BATCH,
) -> Iterator[Columns]:
    """Read rows, or the rest of a table, with `csv`.

    Args:
        path: The file.
        dialect: Dialect of its rows.
        header: Whether the first row has the names of the columns.
        names: Names of the columns, if they have been read.
        head: Header of the table, if it has been read.
        returns: Whether lines end with a carriage return and a line feed; None if the first line decides.
        size: Number of rows per batch.

    Raises:
        NotATableError: The rows contradict the dialect. The line is exact for batches of one row.
        BadFileError: Two columns have the same name.
    """
    names, head, count = list(names), list(head), 0
    for begin, end, rows in _chunks(path, dialect, size, skip_blank=not names, returns=returns):
        if header and not head:  # the first chunk is one row
            head = rows[0]
            continue
        if not (rows := _without_blank(rows, len(names) or len(head))):
            continue
        if not names:
            names = column_names(_with_row_names(head, rows[0]) if header else range(1, len(rows[0]) + 1))
        if set(map(len, rows)) != {len(names)}:
            wrong = next(row for row in rows if len(row) != len(names))
            raise NotATableError(_width_problem(begin, len(names), len(wrong), dialect))
        if len(names) > 1 and (head in rows or [f"\ufeff{head[0]}" if head else "", *head[1:]] in rows):
            raise NotATableError(f", line {begin} repeats the header. Remove it where files were put together.")
        if header and len(names) > len(head) and any(row[0] != str(i) for i, row in enumerate(rows, start=count + 1)):
            raise NotATableError(_width_problem(begin, len(head), len(names), dialect))
        if end - begin >= len(rows):
            warn_of_swallowed(path, rows, dialect.separator)
        count += len(rows)
        yield {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
    if head and not names:
        column_names(head)  # refused also without rows


def first_problem(path: Path, dialect: Dialect, header: bool) -> str | None:
    """Return where and how the rows of a file contradict a dialect; None if they do not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in read_carefully(path, dialect, header, size=1):
                pass
    except NotATableError as error:
        return str(error)
    return None


def nul_problem(line: int) -> str:
    """Return what is wrong with a file whose line has a NUL byte."""
    return (
        f", line {line} has a NUL byte, which text does not have. If the file is UTF-16, give its encoding, as in "
        "--data.encoding utf-16-le; otherwise write it again."
    )


def column_names(header: Sequence[Any]) -> list[str]:
    """Return the names of columns, with `column 3` for the third if it has none.

    Raises:
        BadFileError: Two columns have the same name.
    """
    names = [
        f"column {number}" if name is None or name == "" else str(name) for number, name in enumerate(header, start=1)
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadFileError(
            f" has more than one column named {', '.join(twice)}; rename or remove one. If its first row has no names, "
            "set --data.header false."
        )
    return names


def _with_row_names(head: list[str], first: list[str]) -> list[str]:
    """Return the header, with an unnamed first column if the rows have row numbers there, as in files of R's `write.table`."""
    return ["", *head] if len(first) == len(head) + 1 and first[0] == "1" else head


def _without_blank(rows: list[list[str]], width: int) -> list[list[str]]:
    """Drop blank lines, or return them as empty cells of a table with one column."""
    width = width or max(map(len, rows), default=0)
    if width <= 1:
        return [row or [""] for row in rows]
    return [row for row in rows if len(row) > 1 or any(field.strip() for field in row)]


def _width_problem(line: int, wanted: int, found: int, dialect: Dialect) -> str:
    name = "tab" if dialect.separator == "\t" else repr(dialect.separator)
    if dialect.quoted:
        example = f'"a ""b""{dialect.separator} c"'
        rule = f"A field with a {name}, a quote or a line break in it must be quoted, as in {example}"
    else:
        rule = f"A field must have no {name} and no line break in it"
    return f" is not a table: Expected {wanted} fields in line {line}, saw {found}. {rule}."


def _parsing_problem(begin: int, line: int, error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return (
            f" is not a table: EOF inside string: the quote that opens in line {begin} is never closed. A quote in a "
            'quoted field must be doubled, as in "a ""b"" c".'
        )
    if "expected after" in str(error):
        opened = f" (opened in line {begin})" if begin < line else ""
        return (
            f" is not a table: line {line} has more after the quote that closes a field{opened}. A quote in a quoted field "
            'must be doubled, as in "a ""b"" c", and one that opens a field must be closed.'
        )
    return f" is not a table: line {line}: {error}."


def warn_of_swallowed(path: Path, rows: Sequence[Sequence[str]], separator: str) -> None:
    """Warn about a field with line breaks in which a line looks like a row: a quote may be missing."""
    repeated = [
        {value for value, count in Counter(column).items() if count > 1 and value and len(value) < 50}
        for column in zip(*rows, strict=True)
    ]
    if not any(repeated):
        return
    for row in rows:
        for place, field in enumerate(row):
            if "\n" not in field or separator not in field:
                continue
            first, *inner = field.split("\n")
            opening = [*row[:place], *first.split(separator)]
            candidates = [line.split(separator) for line in inner[: None if place == len(row) - 1 else -1]]
            candidates += [opening] if place < len(row) - 1 else []
            for fields in candidates:
                if len(fields) == len(row) and any(map(set.__contains__, repeated, fields)):
                    warn(
                        f"{path.name}: a text with {len(inner) + 1} lines, {field[:30]!r}, has a line that looks like a "
                        "row of its own. If a quote is missing there, add it; if quotes do not enclose fields in this "
                        "file, set --data.quoting none.",
                    )
                    return


# --- Lines ---


def _chunks(
    path: Path, dialect: Dialect, size: int, skip_blank: bool, returns: bool | None
) -> Iterator[tuple[int, int, list[list[str]]]]:
    """Yield rows with the numbers of their first and last line: the first row (after blank ones), then `size` at once."""
    begin = 1 + dialect.skipped
    with _records(path, dialect, returns) as (reader, lines):
        try:
            rows = list(islice(filter(None, reader) if skip_blank else reader, 1))
            while rows:
                if lines.marked:
                    rows = [[_restored(field, path) for field in row] for row in rows]
                yield begin, reader.line_num + dialect.skipped, rows
                begin = reader.line_num + dialect.skipped + 1
                rows = list(islice(reader, size))
        except csv.Error as error:
            raise NotATableError(_parsing_problem(begin, reader.line_num + dialect.skipped, error)) from error


def _restored(field: str, path: Path) -> str:
    """Return a field with the characters that noncharacters stand for."""
    if field.endswith(_LAST_RETURN):
        field = field.removesuffix(_LAST_RETURN)
        warn(
            f"{path.name}: some lines end with a carriage return, unlike the first. It is not taken for a part of the last "
            "field.",
        )
    return _MARKS.sub(lambda mark: '"' if mark[0] == _QUOTE else "\r", field)


@contextlib.contextmanager
def _records(path: Path, dialect: Dialect, returns: bool | None) -> Iterator[tuple[Any, _Lines]]:
    """Open a file as rows, of any length."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        with io.TextIOWrapper(open_bytes(path), "utf-8-sig", newline=dialect.newline) as file:
            lines = _Lines(file, dialect, returns)
            yield (
                csv.reader(lines.escaped() if dialect.quoted and dialect.escape else lines, **dialect.csv_options()),
                lines,
            )
    finally:
        csv.field_size_limit(limit)


class _Lines:
    """The lines of a file, with placeholders for characters that `csv` would interpret.

    Attributes:
        marked: Whether a noncharacter stands for another character in a line so far.
        returns: Whether lines end with a carriage return and a line feed; None before the first line.
    """

    def __init__(self, file: IO[str], dialect: Dialect, returns: bool | None) -> None:
        self.file = file
        self.dialect = dialect
        self.returns = returns
        self.marked = False

    def __iter__(self) -> Iterator[str]:
        number = self.dialect.skipped
        for _ in range(self.dialect.skipped):
            self.file.readline()
        while block := self.file.readlines(_BLOCK):
            if number == 0:
                block[0] = without_marks(block[0])
            text = "".join(block)
            if "\0" in text:
                line = next(i for i, line in enumerate(block, start=number + 1) if "\0" in line)
                raise NotATableError(nul_problem(line))
            if self.returns is None:
                self.returns = block[0].endswith("\r\n")
            if self.dialect.newline == "\n" and text.count("\r") > (text.count("\r\n") if self.returns else 0):
                marked = [_LONE_RETURN.sub(_RETURN, line) for line in block]
                if not self.returns:
                    marked = [_ODD_RETURN.sub(_LAST_RETURN, line) for line in marked]
                self.marked = self.marked or marked != block
                block = marked
            yield from block
            number += len(block)

    def escaped(self) -> Iterator[str]:
        """Yield the lines with doubled quotes in place of escaped ones.

        An escape character is one only before a quote, and before another one in a quoted field.
        """
        escape = self.dialect.escape or ""
        pattern = re.compile(re.escape(escape) + r'.|"', re.DOTALL)
        inside = False

        def doubled(match: re.Match[str]) -> str:
            nonlocal inside
            found = match[0]
            if found == '"':
                inside = not inside
            elif found[1] == '"' and not inside:  # pandas escapes quotes without quoting the field
                self.marked = True
                return _QUOTE
            elif inside and found[1] in ('"', escape):
                return '""' if found[1] == '"' else escape
            return found

        for line in self:
            if escape in line:
                yield pattern.sub(doubled, line)
            else:
                inside ^= line.count('"') % 2 == 1
                yield line
