"""Unlabelled text in files, read as a stream of documents in bounded memory."""

from __future__ import annotations

import csv
import glob
import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

from lit_transfer.errors import DataError
from lit_transfer.files import PACKAGE_SCHEME, locate

Layout = Literal["auto", "lines", "blocks"]

MAX_LETTERS = 1 << 20
"""Maximum number of characters per document; longer documents are split."""

_TEXT_ENDINGS = (".txt", ".text")
_ROWS_AT_ONCE = 10_000
# Number of characters of a text file for detecting its layout.
_HEAD_BYTES = 1 << 20


class Documents:
    """Documents of text files and text columns of tabular files, in file order; may be iterated repeatedly.

    Args:
        sources: Paths, patterns such as `texts/*.txt`, or `package:NAME/path`. Text files end in `.txt`, tabular files in
            `.csv`, `.tsv`, `.jsonl` or `.parquet`; all may be compressed with gzip.
        layout: Layout of documents in a text file: one per line (`lines`), or separated by empty lines (`blocks`); `auto`
            chooses `blocks` if the first megabyte has an empty line between two others.
        text_column: Name of the column with the texts in tabular files.
        where: Values, or lists of values, by column: only rows of tabular files with these values are kept.

    Raises:
        DataError: A file is missing or in an unknown format, or a pattern has no match.
    """

    def __init__(
        self,
        sources: str | Sequence[str],
        layout: Layout = "auto",
        text_column: str = "text",
        where: Mapping[str, Any] | None = None,
    ) -> None:
        self.paths = [path for source in ([sources] if isinstance(sources, str) else sources) for path in _find(source)]
        if not self.paths:
            raise DataError("There is no unlabelled text. Give at least one file.")
        self.layout = layout
        self.text_column = text_column
        self.where = where

    def __iter__(self) -> Iterator[str]:
        """Yield the documents, except blank ones.

        Raises:
            DataError: A file is empty, damaged, not UTF-8, or lacks the column.
        """
        for path in self.paths:
            kind, packed = _kind(path)
            if path.stat().st_size == 0:
                raise DataError(f"{path} is empty (0 bytes); expected unlabelled text.")
            read = _read_text if kind in _TEXT_ENDINGS else _COLUMN_READERS[kind]
            found = False
            try:
                for text in read(path, packed, self):
                    if text.strip():
                        found = True
                        yield from (text[at : at + MAX_LETTERS] for at in range(0, len(text), MAX_LETTERS))
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path} is not UTF-8: byte 0x{error.object[error.start]:02x}, {error.reason}. Convert it, for example: "
                    f"iconv -f LATIN1 -t UTF-8 {path.name} > utf8-{path.name}"
                ) from error
            except (gzip.BadGzipFile, EOFError) as error:
                raise DataError(f"{path} is not a complete gzip file ({error}). Download it again.") from error
            except OSError as error:
                raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
            if not found:
                raise DataError(f"{path} has no text{self._kept()}; expected at least one document.")

    def _kept(self) -> str:
        return f" where {dict(self.where)}" if self.where else ""


def _find(source: str) -> list[Path]:
    if source.startswith(PACKAGE_SCHEME) or not glob.has_magic(source) or Path(source).exists():
        path = locate(source)
        if path.is_dir():
            raise DataError(
                f"{source} is a directory; expected a file. Give a pattern, such as {source.rstrip('/')}/*.txt."
            )
        if not path.is_file():
            raise DataError(f"There is no file {source} (looked in {Path.cwd()}). Check the path.")
        paths = [path]
    else:
        paths = [Path(name) for name in sorted(glob.glob(str(Path(source).expanduser()), recursive=True))]
        paths = [path for path in paths if path.is_file()]
        if not paths:
            raise DataError(f"No file matches {source} (looked in {Path.cwd()}). Check the pattern.")
    for path in paths:
        _kind(path)
    return paths


def _kind(path: Path) -> tuple[str, bool]:
    """Return the file extension without `.gz`, and whether the file is compressed."""
    name = path.name.lower()
    kind = Path(name.removesuffix(".gz")).suffix
    if kind not in _TEXT_ENDINGS and kind not in _COLUMN_READERS:
        known = ", ".join([*_TEXT_ENDINGS[:1], *_COLUMN_READERS])
        raise DataError(
            f"{path} has an unknown format; expected a name that ends in one of {known}, optionally with .gz."
        )
    return kind, name.endswith(".gz")


def _open(path: Path, packed: bool) -> IO[str]:
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


# --- Text files ---


def _read_text(path: Path, packed: bool, reading: Documents) -> Iterator[str]:
    blocks = reading.layout == "blocks" or (reading.layout == "auto" and _has_blocks(path, packed))
    with _open(path, packed) as lines:
        if not blocks:
            yield from iter(lambda: lines.readline(MAX_LETTERS), "")
            return
        block: list[str] = []
        size = 0
        for line in iter(lambda: lines.readline(MAX_LETTERS), ""):
            if size and (not line.strip() or size + len(line) > MAX_LETTERS):
                yield "".join(block)
                block, size = [], 0
            if line.strip():
                block.append(line)
                size += len(line)
        yield "".join(block)


def _has_blocks(path: Path, packed: bool) -> bool:
    with _open(path, packed) as stream:
        lines = [line.strip() for line in stream.read(_HEAD_BYTES).strip().split("\n")]
    return "" in lines


# --- Tabular files ---


def _read_delimited(path: Path, packed: bool, reading: Documents) -> Iterator[str]:
    import pandas as pd

    tabs = ".tsv" in path.suffixes[-2:]
    options: dict[str, Any] = {
        "sep": "\t" if tabs else ",",
        "quoting": csv.QUOTE_NONE if tabs else csv.QUOTE_MINIMAL,
        "compression": "gzip" if packed else None,
        "na_filter": False,
        "dtype": str,
    }
    try:
        names = list(pd.read_csv(path, nrows=0, **options).columns)
        columns = _columns(path, names, reading)
        for part in pd.read_csv(path, usecols=columns, chunksize=_ROWS_AT_ONCE, **options):
            yield from _kept_texts({column: part[column].tolist() for column in columns}, reading)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path} is not a tabular file: {str(error).splitlines()[0]}.") from error


def _read_json_lines(path: Path, packed: bool, reading: Documents) -> Iterator[str]:
    with _open(path, packed) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise DataError(
                    f"{path}, line {number} is not JSON: {error}. Expected one JSON object per line."
                ) from error
            if not isinstance(record, dict):
                raise DataError(f"{path}, line {number} is {line.strip()[:50]}; expected a JSON object.")
            columns = _columns(path, list(record), reading)
            yield from _kept_texts({column: [record[column]] for column in columns}, reading)


def _read_parquet(path: Path, packed: bool, reading: Documents) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if packed:
        raise DataError(f"{path}: a Parquet file needs random access, which gzip does not allow. Decompress it first.")
    try:
        with pq.ParquetFile(path) as file:
            columns = _columns(path, file.schema_arrow.names, reading)
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
                yield from _kept_texts({column: batch.column(column).to_pylist() for column in columns}, reading)
    except pa.ArrowException as error:
        raise DataError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}.") from error


_COLUMN_READERS = {
    ".csv": _read_delimited,
    ".tsv": _read_delimited,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}


def _columns(path: Path, names: Sequence[str], reading: Documents) -> list[str]:
    """Return the columns to read: the texts, then those in `where`."""
    columns = [reading.text_column, *(name for name in reading.where or {} if name != reading.text_column)]
    for column in columns:
        if column not in names:
            raise DataError(f"{path} has no column {column!r}; its columns are {', '.join(map(repr, names[:20]))}.")
    return columns


def _kept_texts(columns: Mapping[str, Sequence[Any]], reading: Documents) -> Iterator[str]:
    """Yield the texts of the rows that match `where`; values are compared as strings."""
    wanted = {
        name: {str(one) for one in (value if isinstance(value, list | tuple) else [value])}
        for name, value in (reading.where or {}).items()
    }
    for row, text in enumerate(columns[reading.text_column]):
        if text is not None and all(str(columns[name][row]) in values for name, values in wanted.items()):
            yield str(text)
