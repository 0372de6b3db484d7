"""Reading of tabular files in any known format, from a path, an installed package or a pipe.

Values are not converted: in CSV and TSV each is a str, so that the label 007 and the text NA are preserved.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import gzip
import io
import json
import shutil
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

from lit_transfer.data.reading.hugging_face import BATCH, Columns, first_line, through_datasets
from lit_transfer.data.reading.in_memory import InMemory
from lit_transfer.data.reading.sources import encoding_problem, local_file, open_bytes
from lit_transfer.errors import DataError

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_SNIFFED = 1 << 16  # number of leading bytes for detecting the separator
_LABEL = "__label__"  # fastText's prefix of a label


Source = str | Path | InMemory


class _BadFileError(Exception):
    """A problem with a file; the message is appended to the file name."""


def read_tabular(source: Source, encoding: str | None = None) -> Columns:
    """Read a file of labelled text.

    Args:
        source: A path (`FORMATS` has the file extensions; each may be followed by `.gz`), a file in a `.zip`, a pipe such
            as `/dev/stdin`, or `package:NAME/path/in/it`, a file of an installed package, which is not imported.
        encoding: Encoding of a text file; None for UTF-8.

    Returns:
        Columns by name, all of the same length, with at least one row.

    Raises:
        DataError: The file is missing, in an unknown format, empty, damaged, or not in the encoding.
    """
    if isinstance(source, InMemory) and _num_rows(source.columns):
        return source.columns
    columns: dict[str, list[Any]] = {}
    rows = 0
    for batch in read_batches(source, encoding):
        count = _num_rows(batch)
        for name in batch:
            columns.setdefault(name, [None] * rows)
        for name, values in columns.items():
            values += batch.get(name, [None] * count)
        rows += count
    return dict(columns)


def read_batches(source: Source, encoding: str | None = None) -> Iterator[Columns]:
    """Read a file in batches of rows: CSV, TSV, JSON lines and Parquet in bounded memory, other formats as one batch.

    Args:
        source: As in `read_tabular`.
        encoding: As in `read_tabular`.

    Yields:
        Columns by name, all of the same length. A column of JSON lines is missing in batches before its first value.

    Raises:
        DataError: As in `read_tabular`, after the batches before the faulty one.
    """
    rows = 0
    with contextlib.ExitStack() as stack:
        if isinstance(source, InMemory):
            batches: Iterator[Columns] = iter([source.columns])
        else:
            batches = _read(source, stack.enter_context(local_file(source, encoding)))
        for batch in batches:
            rows += _num_rows(batch)
            yield batch
    if not rows:
        raise DataError(f"{source} has no rows, at most a header; expected at least one row.")


def _num_rows(columns: Columns) -> int:
    return len(next(iter(columns.values()), ()))


def _read(source: str | Path, path: Path) -> Iterator[Columns]:
    reader = FORMATS.get(Path(path.name.lower().removesuffix(".gz")).suffix)
    if reader is None:
        raise DataError(
            f"{source} has an unknown format; expected a name that ends in one of {', '.join(FORMATS)}, optionally with .gz."
        )
    try:
        yield from reader(path)
    except _BadFileError as error:
        raise DataError(f"{source}{error}") from error.__cause__
    except MemoryError:
        raise
    except Exception as error:  # the libraries raise various exceptions for unreadable files
        raise DataError(f"{source} cannot be read: {_reason(path, error)}") from error


def _read_delimited(path: Path, usual: str) -> Iterator[Columns]:
    """Read separated rows; detect the separator if it is not the usual one of the file extension."""
    import pandas as pd

    sep = _separator(path, usual)
    if sep != usual:
        warnings.warn(
            f"{path.name} is separated by {_SEPARATORS[sep]}s, unlike its file extension, which means "
            f"{_SEPARATORS[usual]}s; it is read accordingly.",
            stacklevel=2,
        )
    # A quote in a .tsv is an ordinary character.
    quoting = csv.QUOTE_NONE if usual == sep == "\t" else csv.QUOTE_MINIMAL
    options: dict[str, Any] = {"sep": sep, "quoting": quoting, "na_filter": False}
    try:
        # The header and the first row are read first, as two rows, so that a first row longer than the header is an
        # error. Otherwise pandas would use the first columns as an index and shift the others.
        top = pd.read_csv(path, header=None, nrows=2, dtype=str, **options)
        names = _column_names(top.iloc[0])
        yield from through_datasets("csv", path, string_columns=names, header=0, names=names, **options)
    except pd.errors.EmptyDataError:
        return
    except pd.errors.ParserError as error:
        rule = (
            "A field must have no tab in it"
            if quoting == csv.QUOTE_NONE
            else f'A field with a {_SEPARATORS[sep]}, a quote or a line break in it must be quoted, as in "a ""b""{sep} c"'
        )
        reason = first_line(error).removeprefix("Error tokenizing data. C error: ")
        raise _BadFileError(f" is not a table: {reason} {rule}.") from error


def _separator(path: Path, usual: str) -> str:
    """Detect the column separator: the usual one, unless the header lacks it or the first rows contradict it."""
    with open_bytes(path) as file:
        head = file.read(_SNIFFED)
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)  # the last character may be truncated
    except UnicodeDecodeError:  # reported when the file is read
        return usual
    widths: dict[str, list[int]] = {}
    for sep in [usual, *_SEPARATORS]:
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=sep))
        except csv.Error:
            continue
        # The last row may be truncated.
        widths[sep] = [len(row) for row in rows[: len(rows) - (len(head) == _SNIFFED)][:100] if row]
    regular = {sep: found[0] for sep, found in widths.items() if found and found[0] > 1 and len(set(found)) == 1}
    if usual in regular or not regular:
        return usual
    return max(regular, key=regular.__getitem__)


def _column_names(header: Sequence[Any]) -> list[str]:
    names = [
        f"column {number}" if name is None or name == "" else str(name) for number, name in enumerate(header, start=1)
    ]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _BadFileError(f" has more than one column named {', '.join(twice)}; rename or remove one.")
    return names


def _read_lines(path: Path) -> Iterator[Columns]:
    """Read a .txt file: one text per line, fastText's lines of labels and text, or a tab-separated table."""
    with open_bytes(path) as file:
        text = file.read().decode("utf-8-sig")
    lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    if not text.strip():
        return
    if any(line.startswith(_LABEL) for line in lines):
        yield _read_fasttext(lines)
    elif len({line.count("\t") for line in lines[:100] if line}) == 1 and "\t" in text.split("\n", 1)[0]:
        warnings.warn(f"{path.name} is a tab-separated table; it is read like a .tsv.", stacklevel=2)
        yield from _read_delimited(path, "\t")
    else:
        yield {"text": lines}


def _read_fasttext(lines: Sequence[str]) -> Columns:
    texts, labels = [], []
    for line in lines:
        found = []
        while line.startswith(_LABEL):
            label, _, line = line.partition(" ")
            found.append(label.removeprefix(_LABEL))
            line = line.lstrip()
        texts.append(line)
        labels.append("|".join(found) or None)
    return {"text": texts, "label": labels}


def _read_json_lines(path: Path) -> Iterator[Columns]:
    """Read line by line: `datasets` infers types from the first 10 MB and fails on later keys or other types."""
    with _open_text(path) as file:
        is_list = next((line.lstrip()[0] for line in file if line.strip()), "") == "["
    with _open_text(path) as file:
        lines = enumerate(file, start=1)
        records = (
            iter(_json(file.read(), line=None))
            if is_list
            else (_json(line.strip(), number) for number, line in lines if line.strip())
        )
        numbered = enumerate(records, start=1)
        names: dict[str, None] = {}
        while batch := list(islice(numbered, BATCH)):
            for number, record in batch:
                if not isinstance(record, dict):
                    raise _BadFileError(f", row {number} is {json.dumps(record)[:50]}; expected a JSON object per row.")
                names.update(dict.fromkeys(record))
            yield {name: [record.get(name) for _, record in batch] for name in names}


def _open_text(path: Path) -> IO[str]:
    return io.TextIOWrapper(open_bytes(path), "utf-8-sig", newline="\n")  # JSON has other line ends in its strings


def _json(text: str, line: int | None) -> Any:
    try:
        value = json.loads(text)
        if "\\u" in text:  # a lone surrogate is valid JSON, but cannot be encoded
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace"))
        return value
    except json.JSONDecodeError as error:
        where = f", line {line or error.lineno}, column {error.colno}"
        raise _BadFileError(f"{where} is not JSON: {error.msg}. Expected one JSON object per line.") from error
    except RecursionError as error:
        raise _BadFileError(f", line {line or 1} is nested too deeply to be a row of labelled text.") from error


def _read_parquet(path: Path) -> Iterator[Columns]:
    with _unpacked(path) if path.suffix.lower() == ".gz" else contextlib.nullcontext(path) as file:
        yield from through_datasets("parquet", file, batch_size=BATCH)


def _read_xlsx(path: Path) -> Iterator[Columns]:
    """Read the first sheet of a workbook; its first row has the column names."""
    try:
        import openpyxl
    except ImportError as error:
        raise _BadFileError(
            ' needs openpyxl, which is not installed. Install it with: pip install "lit_transfer[excel]"'
        ) from error
    with _unpacked(path) if path.suffix.lower() == ".gz" else contextlib.nullcontext(path) as file:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            sheets = workbook.worksheets
            if not sheets:
                raise _BadFileError(" has no sheet of rows.")
            if len(sheets) > 1:
                others = ", ".join(repr(sheet.title) for sheet in sheets[1:])
                warnings.warn(f"{path.name}: only the sheet {sheets[0].title!r} is read, not {others}.", stacklevel=2)
            rows = [row for row in sheets[0].iter_rows(values_only=True) if any(cell is not None for cell in row)]
        finally:
            workbook.close()
    if not rows:
        return
    width = max(len(row) for row in rows)
    filled = [(*row, *[None] * (width - len(row))) for row in rows]
    names = _column_names(filled[0])
    yield {name: [row[place] for row in filled[1:]] for place, name in enumerate(names)}


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Decompress a file of a format that needs random access, which gzip lacks."""
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = Path(scratch, path.stem)
        with gzip.open(path) as packed, unpacked.open("wb") as out:
            shutil.copyfileobj(packed, out)
        yield unpacked


FORMATS: Mapping[str, Callable[[Path], Iterator[Columns]]] = {
    ".csv": lambda path: _read_delimited(path, ","),
    ".tsv": lambda path: _read_delimited(path, "\t"),
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".parquet": _read_parquet,
    ".xlsx": _read_xlsx,
    ".txt": _read_lines,
}


def _reason(path: Path, error: Exception) -> str:
    """Describe a problem of a file and its remedy, from the exception of a library."""
    if isinstance(error, UnicodeDecodeError):
        return encoding_problem(path)
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return f"it is not a complete gzip file ({first_line(error)}) Download it again, or rename it without .gz."
    return first_line(error)
