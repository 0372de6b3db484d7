"""Reading of tabular files in any known format, from a path, an installed package or a pipe.

Values are not converted: in CSV and TSV each is a str, so that the label 007 and the text NA are preserved.
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

from lit_transfer.data.reading.binary import read_parquet, read_xlsx
from lit_transfer.data.reading.delimited import BadFileError
from lit_transfer.data.reading.dialects import read_delimited
from lit_transfer.data.reading.hugging_face import Columns, first_line
from lit_transfer.data.reading.in_memory import InMemory
from lit_transfer.data.reading.json_rows import read_json
from lit_transfer.data.reading.options import OtherDialectError, ReadingOptions
from lit_transfer.data.reading.sources import (
    COMPRESSION,
    encoding_problem,
    local_file,
    opening,
    unmarked_encoding,
    without_compression,
)
from lit_transfer.data.reading.text_lines import read_lines
from lit_transfer.errors import DataError

Source = str | Path | InMemory


def read_tabular(source: Source, options: ReadingOptions | None = None) -> Columns:
    """Read a file of labelled text.

    Args:
        source: A path (`FORMATS` has the file extensions; each may be followed by one of `COMPRESSION`), a file in a `.zip`,
            a pipe such as `/dev/stdin`, or `package:NAME/path/in/it`, a file of an installed package, which is not imported.
        options: Reading options; None for the defaults.

    Returns:
        Columns by name, all of the same length, with at least one row.

    Raises:
        DataError: The file is missing, in an unknown format, empty, damaged, or not in the encoding.
    """
    if isinstance(source, InMemory) and _num_rows(source.columns):
        return source.columns
    columns: dict[str, list[object]] = {}
    rows = 0
    for batch in read_batches(source, options):
        count = _num_rows(batch)
        for name in batch:
            columns.setdefault(name, [None] * rows)
        for name, values in columns.items():
            values += batch.get(name, [None] * count)
        rows += count
    return dict(columns)


def read_batches(
    source: Source, options: ReadingOptions | None = None, only: Collection[str] | None = None
) -> Iterator[Columns]:
    """Read a file in batches of rows: CSV, TSV, JSON lines and Parquet in bounded memory, other formats as one batch.

    With `only`, other columns may be omitted to save time, if the file has all of these. A column of JSON lines is missing in
    batches before its first value.

    Raises:
        DataError: As in `read_tabular`, after the batches before the faulty one.
    """
    rows = 0
    options = options or ReadingOptions()
    with contextlib.ExitStack() as stack:
        if isinstance(source, InMemory):
            batches: Iterator[Columns] = iter([source.columns])
        else:
            path = stack.enter_context(local_file(source, options.encoding))
            batches = _read(source, path, options, only)
        for batch in batches:
            rows += _num_rows(batch)
            yield batch
        if not rows:
            begins = "" if isinstance(source, InMemory) else opening(path)
            raise DataError(f"{source} has no rows, at most a header{begins}; expected at least one row.")


def _num_rows(columns: Columns) -> int:
    return len(next(iter(columns.values()), ()))


def _read(source: str | Path, path: Path, options: ReadingOptions, only: Collection[str] | None) -> Iterator[Columns]:
    reader = FORMATS.get(Path(without_compression(path.name.lower())).suffix)
    if reader is None:
        raise DataError(
            f"{source} has an unknown format; expected a name that ends in one of {', '.join(FORMATS)}, optionally with "
            f"{' or '.join(COMPRESSION)}."
        )
    if unmarked_encoding(path):
        raise DataError(f"{source} cannot be read: {encoding_problem(path)}")
    try:
        yield from reader(path, options, only)
    except BadFileError as error:
        if error.options:
            raise OtherDialectError(f"{source}{error}", error.options) from error.__cause__
        raise DataError(f"{source}{error}") from error.__cause__
    except MemoryError:
        raise
    except Exception as error:  # the libraries raise various exceptions for unreadable files
        raise DataError(f"{source} cannot be read: {_reason(path, error)}") from error


Reader = Callable[[Path, ReadingOptions, Collection[str] | None], Iterator[Columns]]
FORMATS: Mapping[str, Reader] = {
    ".csv": lambda path, options, _: read_delimited(path, ",", options),
    ".tsv": lambda path, options, _: read_delimited(path, "\t", options),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), lambda path, *_: read_json(path)),
    ".parquet": lambda path, _, only: read_parquet(path, only),
    ".xlsx": lambda path, options, _: read_xlsx(path, options),
    ".tab": lambda path, options, _: read_delimited(path, "\t", options),
    # fastText's files are named by their split.
    **dict.fromkeys((".txt", ".train", ".valid", ".test", ".ft"), lambda path, options, _: read_lines(path, options)),
}


def _reason(path: Path, error: Exception) -> str:
    """Describe a problem of a file and its remedy, from the exception of a library."""
    if isinstance(error, UnicodeDecodeError):
        return encoding_problem(path)
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error | lzma.LZMAError):
        kind = COMPRESSION.get(path.suffix.lower(), ("compressed", None))[0]
        return f"it is not a complete {kind} file ({first_line(error)}) Download it again, or rename it without {path.suffix}."
    return first_line(error)
