"""Tables as other programs write them, with the values that are read from them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lit_transfer.data.reading.options import ReadingOptions

Rows = Sequence[Sequence[str]]


class Written(NamedTuple):
    """A file and how it is read.

    Attributes:
        path: The file.
        options: Options for reading it.
        rows: The rows, where the format cannot hold those that were to be written.
    """

    path: Path
    options: ReadingOptions
    rows: Rows


def by_pandas(folder: Path, names: Sequence[str], rows: Rows, **options) -> Written:
    """Write with `DataFrame.to_csv`, to a name such as `table.tsv.gz`, with further arguments."""
    import pandas as pd

    name, encoding = options.pop("name", "table.csv"), options.pop("encoding", "utf-8")
    frame = pd.DataFrame(rows, columns=names, dtype=object)
    frame.to_csv(folder / name, index=False, encoding=encoding, **options)
    return Written(folder / name, ReadingOptions(encoding=None if encoding.startswith("utf-8") else encoding), rows)


def by_pyarrow(folder: Path, names: Sequence[str], rows: Rows) -> Written:
    import pyarrow as pa
    import pyarrow.csv

    table = pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})
    pyarrow.csv.write_csv(table, folder / "table.csv")
    return Written(folder / "table.csv", ReadingOptions(), rows)


def by_pyarrow_as_parquet(folder: Path, names: Sequence[str], rows: Rows) -> Written:
    import pyarrow as pa
    import pyarrow.parquet

    table = pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})
    pyarrow.parquet.write_table(table, folder / "table.parquet")
    return Written(folder / "table.parquet", ReadingOptions(), rows)


def by_openpyxl(folder: Path, names: Sequence[str], rows: Rows) -> Written:
    """Write a workbook. XML turns carriage returns into line feeds, and blank rows are not read, except within one column."""
    import openpyxl

    workbook = openpyxl.Workbook()
    for row in [names, *rows]:
        workbook.active.append([cell if cell else None for cell in row])
    for cells in workbook.active.iter_rows():
        for cell in cells:
            if cell.data_type == "f":
                cell.data_type = "s"
    workbook.save(folder / "table.xlsx")
    read = [[cell.replace("\r\n", "\n").replace("\r", "\n") for cell in row] for row in rows]
    filled = [number for number, row in enumerate(rows) if any(row)] or [-1]
    read = read[: filled[-1] + 1] if len(names) == 1 else [read[number] for number in filled if number >= 0]
    return Written(folder / "table.xlsx", ReadingOptions(), read)


def by_polars(folder: Path, names: Sequence[str], rows: Rows) -> Written:
    """Write as polars does: fields with a separator, quote or line break in quotes, and empty ones too."""

    def field(value: str) -> str:
        if value == "" or any(sign in value for sign in ',"\n\r'):
            return '"' + value.replace('"', '""') + '"'
        return value

    return _written(folder / "table.csv", [names, *rows], field, rows=rows)


def by_spark(folder: Path, names: Sequence[str], rows: Rows) -> Written:
    """Write as Spark does by default: a backslash before quotes, and before backslashes in quoted fields."""

    def field(value: str) -> str:
        if value == "" or any(sign in value for sign in ',"\n\r'):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return value

    return _written(folder / "table.csv", [names, *rows], field, ReadingOptions(escape="\\"), rows=rows)


def by_r_csv(folder: Path, names: Sequence[str], rows: Rows) -> Written:
    """Write as R's `write.csv(row.names = FALSE)` does: all strings in quotes, quotes doubled."""
    return _written(folder / "table.csv", [names, *rows], lambda value: '"' + value.replace('"', '""') + '"', rows=rows)


def by_r_table(folder: Path, names: Sequence[str], rows: Rows) -> Written:
    """Write as R's `write.table(sep = "\\t", qmethod = "double")` does: a column of row names without a name."""

    def field(value: str) -> str:
        return '"' + value.replace('"', '""') + '"'

    lines = ["\t".join(map(field, names))]
    lines += ["\t".join(map(field, [str(number), *row])) for number, row in enumerate(rows, start=1)]
    path = folder / "table.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    return Written(path, ReadingOptions(), rows)


def by_excel(
    folder: Path, names: Sequence[str], rows: Rows, *, separator: str = ";", encoding: str = "utf-8-sig"
) -> Written:
    """Write as Excel saves CSV, with its first line `sep=`."""
    path = folder / "table.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        file.write(f"sep={separator}\r\n")
        csv.writer(file, delimiter=separator).writerows([names, *rows])
    return Written(path, ReadingOptions(encoding=None if encoding == "utf-8-sig" else encoding), rows)


def by_excel_as_unicode_text(folder: Path, names: Sequence[str], rows: Rows) -> Written:
    """Write as Excel saves "Unicode text": tabs, UTF-16, in a file that ends in .txt. One column would be texts by line."""
    path = folder / ("table.txt" if len(names) > 1 else "table.tsv")
    with path.open("w", encoding="utf-16", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([names, *rows])
    return Written(path, ReadingOptions(encoding="utf-16"), rows)


def by_json(folder: Path, names: Sequence[str], rows: Rows, orient: str = "records", lines: bool = False) -> Written:
    import pandas as pd

    path = folder / "table.json"
    pd.DataFrame(rows, columns=names, dtype=object).to_json(path, orient=orient, lines=lines)
    return Written(path, ReadingOptions(), rows)


def _written(
    path: Path,
    table: Rows,
    field: Callable[[str], str],
    options: ReadingOptions | None = None,
    *,
    rows: Rows,
) -> Written:
    text = "".join(",".join(map(field, row)) + "\n" for row in table)
    path.write_text(text, encoding="utf-8", newline="")
    return Written(path, options or ReadingOptions(), rows)


WRITERS: dict[str, Callable[[Path, Sequence[str], Rows], Written]] = {
    "pandas": by_pandas,
    "pandas tsv": lambda *table: by_pandas(*table, name="table.tsv", sep="\t"),
    "pandas tsv, all quoted": lambda *table: by_pandas(*table, name="table.tsv", sep="\t", quoting=csv.QUOTE_ALL),
    "pandas semicolon": lambda *table: by_pandas(*table, sep=";"),
    "pandas all quoted": lambda *table: by_pandas(*table, quoting=csv.QUOTE_ALL, name="table.csv.gz"),
    "pandas for Windows": lambda *table: by_pandas(*table, lineterminator="\r\n", encoding="utf-8-sig"),
    "pandas utf-16": lambda *table: by_pandas(*table, encoding="utf-16", name="table.csv.bz2"),
    "pandas json": by_json,
    "pandas json lines": lambda *table: by_json(*table, lines=True),
    "pandas json columns": lambda *table: by_json(*table, orient="columns"),
    "pandas json split": lambda *table: by_json(*table, orient="split"),
    "polars": by_polars,
    "pyarrow": by_pyarrow,
    "pyarrow parquet": by_pyarrow_as_parquet,
    "openpyxl": by_openpyxl,
    "Spark": by_spark,
    "R write.csv": by_r_csv,
    "R write.table": by_r_table,
    "Excel": by_excel,
    "Excel comma": lambda *table: by_excel(*table, separator=",", encoding="utf-16"),
    "Excel Unicode text": by_excel_as_unicode_text,
}
