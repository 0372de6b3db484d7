"""Reading of Parquet files and Excel workbooks."""

from __future__ import annotations

import contextlib
import re
import shutil
import string
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from lit_transfer.data.reading.delimited import BadFileError, column_names
from lit_transfer.data.reading.hugging_face import BATCH, Columns, columns_of_table
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.sources import open_bytes, without_compression
from lit_transfer.errors import missing_package, warn

_MERGED = re.compile(rb'<(?:\w+:)?mergeCell [^>]*?ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
_LETTERS = string.ascii_uppercase.encode()


def read_parquet(path: Path, only: Collection[str] | None = None) -> Iterator[Columns]:
    """Read a Parquet file in batches of rows, class labels by name."""
    import pyarrow.parquet as pq

    with _unpacked(path) as plain, pq.ParquetFile(plain) as file:
        schema = file.schema_arrow
        if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
            raise BadFileError(f" has more than one column named {', '.join(twice)}; rename or remove one.")
        wanted = None if only is None or not set(only) <= set(schema.names) else list(only)
        for batch in file.iter_batches(BATCH, columns=wanted):
            yield columns_of_table(batch, schema)


def read_xlsx(path: Path, options: ReadingOptions) -> Iterator[Columns]:
    """Read the first sheet of a workbook. Blank rows are skipped; in a sheet of one column, only those at the end."""
    try:
        import openpyxl
        from openpyxl.utils.escape import unescape
    except ImportError as error:
        raise BadFileError(missing_package("", "openpyxl", "excel", error)) from error  # appended to the file name
    with _unpacked(path) as plain:
        workbook = openpyxl.load_workbook(plain, read_only=True, data_only=True)
        try:
            sheets = workbook.worksheets
            if not sheets:
                raise BadFileError(" has no sheet of rows.")
            if len(sheets) > 1:
                others = ", ".join(repr(sheet.title) for sheet in sheets[1:])
                warn(f"{path.name}: only the sheet {sheets[0].title!r} is read, not {others}.")
            rows = list(sheets[0].iter_rows(values_only=True))
            first = sheets[0].title
            with zipfile.ZipFile(plain) as archive, archive.open(sheets[0]._worksheet_path) as written:
                merged = _merged_cells(written)
        finally:
            workbook.close()
        _warn_of_merged(path.name, merged)
        if any(None in row for row in rows):
            _warn_of_formulas(path.name, openpyxl.load_workbook(plain, read_only=True)[first], rows)

    def value(cell: Any) -> Any:
        # Excel escapes control characters: _x000D_ is a carriage return.
        return unescape(cell).replace("\r\n", "\n").replace("\r", "\n") if isinstance(cell, str) else cell

    filled = [number for number, row in enumerate(rows) if any(cell is not None for cell in row)]
    if not filled:
        return
    width = max(place + 1 for row in rows for place, cell in enumerate(row) if cell is not None)
    rows = [rows[number] for number in (filled if width > 1 else range(filled[0], filled[-1] + 1))]
    table = [[value(cell) for cell in (*row, *[None] * width)[:width]] for row in rows]
    names = column_names(table.pop(0) if options.header else range(1, width + 1))
    yield {
        name: list(values)
        for name, values in zip(names, zip(*table, strict=True) if table else [()] * width, strict=True)
    }


def _merged_cells(sheet: IO[bytes]) -> list[str]:
    """Return the ranges of merged cells in the XML of a sheet, below its first row, such as `B2:B5`."""
    found: list[bytes] = []
    before = b""
    while block := sheet.read(1 << 20):
        found += _MERGED.findall(before + block)
        before = block[-100:]
    return sorted({cells.decode() for cells in found if cells.split(b":")[1].strip(_LETTERS) != b"1"})


def _warn_of_merged(name: str, merged: Sequence[str]) -> None:
    if merged:
        warn(
            f"{name} has merged cells, {', '.join(merged[:5])}{' ...' if len(merged) > 5 else ''}: only the first cell of each "
            "has the value, the others are empty. Unmerge them, and fill in the value.",
        )


def _warn_of_formulas(name: str, sheet: Any, rows: Sequence[Sequence[object]]) -> None:
    """Warn about formulas whose values the program that wrote the workbook did not compute."""
    places = []
    for row, cells in zip(rows, sheet.iter_rows(), strict=False):
        if None in row:
            places += [
                f"{cell.coordinate} ({cell.value})"
                for value, cell in zip(row, cells, strict=False)
                if value is None and cell.data_type == "f"
            ]
    sheet.parent.close()
    if places:
        warn(
            f"{name} has {len(places):,} formulas without a stored value, such as in {', '.join(places[:3])}: these cells are "
            "empty. Open the workbook in Excel or LibreOffice and save it, or write values in place of the formulas.",
        )


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """Provide a file that can be read at any position, decompressed according to its file extension."""
    if without_compression(path.name) == path.name:
        yield path
        return
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = Path(scratch, path.stem)
        with open_bytes(path) as packed, unpacked.open("wb") as out:
            shutil.copyfileobj(packed, out)
        yield unpacked
