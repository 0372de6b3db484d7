"""The record beside trained vectors, `OUT.json`: how they were made, and by which tokenizer their text was split."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lit_transfer.files import written_whole


def record_path(vectors: Path) -> Path:
    """Return the path of the record of a file of vectors."""
    return vectors.with_name(vectors.name + ".json")


def write_record(vectors: Path, record: dict[str, Any]) -> None:
    """Write the record of a file of vectors."""
    with written_whole(record_path(vectors)) as file:
        json.dump(record, file, indent=2, ensure_ascii=False)


def read_record(vectors: Path) -> dict[str, Any]:
    """Return the record of a file of vectors; an empty one where there is none that can be read."""
    path = record_path(vectors)
    try:
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def recorded_tokenizer(vectors: Path) -> str | None:
    """Return the name of the tokenizer that split the text of the vectors, None where that is not known."""
    name = read_record(vectors).get("tokenizer")
    return name if isinstance(name, str) else None
