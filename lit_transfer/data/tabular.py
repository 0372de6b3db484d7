"""Tabular files of labelled text: a file of any known format, a file of an installed package, or a dataset -> columns.

Values stay as they are written: in CSV and TSV every one is a str, so that the label 007 and the text NA survive.
"""

from __future__ import annotations

import contextlib
import csv
import glob
import gzip
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from lit_transfer.errors import DataError
from lit_transfer.files import locate

Columns = dict[str, Sequence[Any]]
_BATCH = 10_000  # rows; `datasets` would take the first row group's length, and so fail where it is 0


def read_tabular(source: str | Path) -> Columns:
    """Read a file of labelled text.

    Args:
        source: A path (`FORMATS` has the endings; each may end in `.gz` too) or `package:NAME/path/in/it`, a file of an
            installed package, which is not imported.

    Returns:
        The columns by name, all of one length, at least one row.

    Raises:
        DataError: The file is missing, of an unknown format, empty, broken, or not UTF-8.
    """
    path = locate(source)
    if path.is_dir():
        raise DataError(f"{source} is a directory; a file ending in {_endings()} is wanted.")
    if not path.is_file():
        raise DataError(
            f"There is no file {source} (looked in {Path.cwd()}). Check the path and the working directory."
        )
    reader = FORMATS.get(Path(path.name.lower().removesuffix(".gz")).suffix)
    if reader is None:
        raise DataError(f"{source} is of no known format: its name must end in {_endings()}.")
    if path.stat().st_size == 0:
        raise DataError(f"{source} is empty (0 bytes); a table with a header and at least one row is wanted.")
    try:
        columns = reader(path)
    except (DataError, MemoryError):
        raise
    except Exception as error:  # whatever the libraries below raise, it is the file that they cannot read
        raise DataError(f"{source} cannot be read: {_reason(path, error)}") from error
    if not any(map(len, columns.values())):
        raise DataError(f"{source} has no rows, at most a header; at least one row is wanted.")
    return columns


def read_dataset(name: str) -> dict[str, Columns]:
    """Read all splits of a dataset of the Hugging Face hub or of a local folder.

    Args:
        name: A dataset's name on the hub, a folder that `save_to_disk` wrote, or a folder of data files.

    Returns:
        Split name -> columns; class labels are their names.

    Raises:
        DataError: There is no such dataset, or the hub cannot be reached.
    """
    import datasets

    folder = Path(name).expanduser()
    saved = any((folder / file).is_file() for file in ("dataset_dict.json", "state.json"))
    with _quiet_datasets(), tempfile.TemporaryDirectory() as scratch:
        try:
            if saved:
                loaded = datasets.load_from_disk(str(folder))
            else:
                loaded = datasets.load_dataset(
                    str(folder) if folder.is_dir() else name, cache_dir=scratch if folder.is_dir() else None
                )
        except Exception as error:  # hub, network and parser errors share no base class
            raise DataError(
                f"The dataset {name!r} cannot be loaded: {_first_line(error)} Check the name at "
                "https://huggingface.co/datasets and the network, or download the files and give them as train_file, "
                "val_file, test_file."
            ) from error
        splits = loaded if isinstance(loaded, dict) else {"train": loaded}
        return {split: _columns(part.with_format("arrow")[:], part.features) for split, part in splits.items()}


def _read_delimited(path: Path, sep: str, quoting: int) -> Columns:
    import pandas as pd

    options: dict[str, Any] = {"sep": sep, "quoting": quoting, "na_filter": False}
    try:
        # Header and first row are read beforehand, for the names, and because pandas takes the first columns for an
        # index, and so shifts the others, where the first row is longer than the header; as two rows it is an error.
        top = pd.read_csv(path, header=None, nrows=2, dtype=str, **options)
        names = [str(name) or f"column {number}" for number, name in enumerate(top.iloc[0], start=1)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"{path} has more than one column named {', '.join(twice)}; rename or remove one.")
        return _through_datasets("csv", path, string_columns=names, header=0, names=names, **options)
    except pd.errors.EmptyDataError:
        return {}
    except pd.errors.ParserError as error:
        rule = (
            "A field must have no tab in it"
            if quoting == csv.QUOTE_NONE
            else 'A field with a comma, a quote or a line break in it must be quoted, as in "a ""b"", c"'
        )
        reason = _first_line(error).removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"{path} is not a table: {reason} {rule}.") from error


def _read_json_lines(path: Path) -> Columns:
    """Line by line: `datasets` takes the types from the first 10 MB, and then fails on a new key or a second type."""
    with _open_bytes(path) as file:
        text = file.read().decode("utf-8-sig")
    if text.lstrip().startswith("["):
        records = _json(text, path, line=None)
    else:
        lines = enumerate(text.split("\n"), start=1)
        records = [_json(line.strip(), path, number) for number, line in lines if line.strip()]
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise DataError(f"{path}, row {number} is {json.dumps(record)[:50]}; a JSON object per row is wanted.")
    names = dict.fromkeys(name for record in records for name in record)
    return {name: [record.get(name) for record in records] for name in names}


def _json(text: str, path: Path, line: int | None) -> Any:
    try:
        value = json.loads(text)
        if "\\u" in text:  # half of a surrogate pair is valid JSON but no text that could be written anywhere
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace"))
        return value
    except json.JSONDecodeError as error:
        where = f"line {line or error.lineno}, column {error.colno}"
        raise DataError(f"{path}, {where} is not JSON: {error.msg}. One JSON object a line is wanted.") from error
    except RecursionError as error:
        raise DataError(f"{path}, line {line or 1} is nested too deeply to be a row of labelled text.") from error


def _read_parquet(path: Path) -> Columns:
    if path.suffix.lower() != ".gz":
        return _through_datasets("parquet", path, batch_size=_BATCH)
    with tempfile.TemporaryDirectory() as scratch:  # Parquet is read from its end, gzip only from its start
        unpacked = Path(scratch, "unpacked.parquet")
        with gzip.open(path) as packed, unpacked.open("wb") as out:
            shutil.copyfileobj(packed, out)
        return _through_datasets("parquet", unpacked, batch_size=_BATCH)


FORMATS: dict[str, Callable[[Path], Columns]] = {
    ".csv": lambda path: _read_delimited(path, ",", csv.QUOTE_MINIMAL),
    ".tsv": lambda path: _read_delimited(path, "\t", csv.QUOTE_NONE),
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json_lines,
    ".parquet": _read_parquet,
}


def _through_datasets(builder: str, path: Path, string_columns: Sequence[str] = (), **options: Any) -> Columns:
    """Stream a file through `datasets`, which leaves no copy in the user's cache."""
    import datasets
    import pyarrow as pa

    if string_columns:
        options["features"] = datasets.Features({name: datasets.Value("string") for name in string_columns})
    with _quiet_datasets(), tempfile.TemporaryDirectory() as scratch:  # for its lock file
        data = datasets.load_dataset(
            builder,
            data_files=[glob.escape(str(path.absolute()))],
            split="train",
            streaming=True,
            cache_dir=scratch,
            **options,
        )
        batches = list(data.with_format("arrow").iter(batch_size=_BATCH))
        return _columns(pa.concat_tables(batches), data.features) if batches else {}


def _columns(table: Any, features: Any) -> Columns:
    """The columns of an Arrow table as lists; class labels by name (-1 and null, which have none, as None)."""
    columns: Columns = {name: table[name].to_pylist() for name in table.column_names}
    for name, feature in (features or {}).items():
        if class_names := getattr(feature, "names", None):
            by_id = dict(enumerate(class_names))
            columns[name] = [by_id.get(value) for value in columns[name]]
    return columns


@contextlib.contextmanager
def _quiet_datasets() -> Iterator[None]:
    """No progress bars, no log lines for errors that are reported here, no word to a server about each local file."""
    import datasets

    had_bars, verbosity = datasets.utils.is_progress_bar_enabled(), datasets.utils.logging.get_verbosity()
    counted = datasets.config.HF_UPDATE_DOWNLOAD_COUNTS
    datasets.disable_progress_bars()
    datasets.utils.logging.set_verbosity(datasets.utils.logging.CRITICAL)
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    try:
        yield
    finally:
        datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = counted
        datasets.utils.logging.set_verbosity(verbosity)
        if had_bars:
            datasets.enable_progress_bars()


def _open_bytes(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _endings() -> str:
    return f"{', '.join(FORMATS)}, or one of these and .gz"


def _first_line(error: BaseException) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    return text if text.endswith(".") else text + "."


def _reason(path: Path, error: Exception) -> str:
    """What is wrong with a file and what to do, from the error that a library raised over it."""
    if isinstance(error, UnicodeDecodeError):
        return _where_not_utf8(path)
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return f"it is not a whole gzip file ({_first_line(error)}) Download it again, or name it without .gz."
    return _first_line(error)


def _where_not_utf8(path: Path) -> str:
    offset = 0
    with _open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                if offset == 0 and line.startswith(b"\x1f\x8b"):
                    return "it is compressed by gzip; its name must end in .gz then."
                encoding = "UTF-16" if offset == 0 and line[:2] in (b"\xff\xfe", b"\xfe\xff") else "LATIN1"
                return (
                    f"it is not UTF-8: line {number}, byte {offset + error.start} of the file is "
                    f"0x{line[error.start]:02x}. Convert it from the encoding it has, for example: "
                    f"iconv -f {encoding} -t UTF-8 {path.name} > utf8-{path.name}"
                )
            offset += len(line)
    return "it is not UTF-8."
