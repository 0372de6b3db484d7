"""The record of trained vectors, `OUT.json`: the training settings and the tokenizer of the text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lit_transfer.files import atomic_write


def record_path(vectors: Path) -> Path:
    """Return the path of the record of a vectors file."""
    return vectors.with_name(vectors.name + ".json")


def write_record(vectors: Path, record: dict[str, Any]) -> None:
    """Write the record of a vectors file."""
    with atomic_write(record_path(vectors)) as file:
        json.dump(record, file, indent=2, ensure_ascii=False)


def read_record(vectors: Path) -> dict[str, Any]:
    """Return the record of a vectors file; empty if it is missing or unreadable."""
    path = record_path(vectors)
    try:
        record = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def recorded_tokenizer(vectors: Path) -> str | None:
    """Return the name of the tokenizer that the vectors were trained with, or None if unknown."""
    name = read_record(vectors).get("tokenizer")
    return name if isinstance(name, str) else None
