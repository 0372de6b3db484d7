"""Reading of JSON: an object per line, a list of objects, or columns, as pandas writes them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from lit_transfer.data.reading.delimited import BadFileError
from lit_transfer.data.reading.hugging_face import BATCH, Columns
from lit_transfer.data.reading.sources import open_bytes
from lit_transfer.files import without_marks


def read_json(path: Path) -> Iterator[Columns]:
    """Read JSON in batches, and objects per line in bounded memory.

    A column is missing in batches before its first value. Booleans are spelled as in JSON, `true` and `false`.
    """
    # Not by `datasets`, which infers types from the first 10 MB and fails on later keys or other types.
    with _open_text(path) as file:
        filled = (line for line in file if line.strip())
        first, second = next(filled, ""), next(filled, None)
    if not first:
        return
    is_document = first.lstrip()[:1] == "[" or second is None or _is_begun(first)
    with _open_text(path) as file:
        if is_document:
            yield from _batches(_records(_parse(file.read(), line=None)))
        else:
            yield from _batches(_parse(line, number) for number, line in enumerate(map(str.strip, file), 1) if line)


def spelled(value: Any) -> Any:
    """Return a boolean as JSON spells it, and any other value as it is."""
    return ("true" if value else "false") if value is True or value is False else value


def _batches(records: Iterable[Any]) -> Iterator[Columns]:
    numbered = enumerate(records, start=1)
    names: dict[str, None] = {}
    while batch := list(islice(numbered, BATCH)):
        for number, record in batch:
            if not isinstance(record, dict):
                raise BadFileError(f", row {number} is {json.dumps(record)[:50]}; expected a JSON object per row.")
            if not record.keys() <= names.keys():
                names.update(dict.fromkeys(record))
        columns: Columns = {name: [record.get(name) for _, record in batch] for name in names}
        yield {
            name: list(map(spelled, values)) if bool in set(map(type, values)) else values
            for name, values in columns.items()
        }


def _records(document: Any) -> list[Any]:
    """Return the rows of a document: a list, or an object in one of the forms that pandas writes."""
    if not isinstance(document, dict):
        return document if isinstance(document, list) else [document]
    data, names = document.get("data"), document.get("columns")
    if isinstance(data, list) and isinstance(names, list) and all(isinstance(row, list) for row in data):
        return [dict(zip(map(str, names), row, strict=True)) for row in data]  # orient="split"
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        return data  # orient="table"
    parts = list(document.values())
    if parts and all(isinstance(part, list) for part in parts):
        if len({len(part) for part in parts}) > 1:
            lengths = ", ".join(f"{name} {len(part):,}" for name, part in document.items())
            raise BadFileError(
                f" has columns of different lengths: {lengths}. Expected one value of each for every row."
            )
        return [dict(zip(document, row, strict=True)) for row in zip(*parts, strict=True)]
    if parts and all(isinstance(part, dict) and part.keys() == parts[0].keys() for part in parts) and parts[0]:
        if all(key.isdigit() for key in document):
            return parts  # orient="index"
        return [{name: part[row] for name, part in document.items()} for row in parts[0]]  # orient="columns"
    return [document]


def _open_text(path: Path) -> IO[str]:
    return io.TextIOWrapper(open_bytes(path), "utf-8-sig", newline="\n")  # JSON has other line ends in its strings


def _is_begun(line: str) -> bool:
    """Return whether a line is the beginning of a JSON document that goes over several lines."""
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        return error.pos >= len(line.rstrip())
    except RecursionError:
        return False
    return False


class _SameKeyError(Exception):
    """An object has a key twice."""


def _as_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _SameKeyError(next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number])))
    return values


_STRICT = json.JSONDecoder(object_pairs_hook=_as_dict)  # as fast as json.loads, which takes the last of equal keys


def _parse(text: str, line: int | None) -> Any:
    try:
        value = _STRICT.decode(without_marks(text) if line in (None, 1) else text)
        if "\\u" in text:  # a lone surrogate is valid JSON, but cannot be encoded
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", errors="replace"))
        return value
    except _SameKeyError as error:
        where = f", line {line}" if line else ""
        raise BadFileError(f"{where} has an object with the key {str(error)!r} twice. Remove or rename one.") from error
    except json.JSONDecodeError as error:
        where = f", line {line or error.lineno}, column {error.colno}"
        comma = " Remove the comma at the end of the line." if line and text.endswith(",") else ""
        raise BadFileError(
            f"{where} is not JSON: {error.msg}.{comma} Expected one JSON object per line, as in "
            '{"text": "fine", "label": "good"}, a list of such objects, or columns, as in {"text": ["fine"], "label": ["good"]}.'
        ) from error
    except RecursionError as error:
        raise BadFileError(f", line {line or 1} is nested too deeply to be a row of labelled text.") from error
