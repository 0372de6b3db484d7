"""Labels of other tools: Label Studio's JSON, CSV, fastText's lines, and any other tabular file."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lit_transfer.curation.labelling.choice import IMPORTED
from lit_transfer.curation.labelling.records import Answer, now
from lit_transfer.data.reading.columns import find_column, texts_of
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.files import atomic_write

# Between several labels in a cell.
SEPARATOR = "|"
_SPACES = re.compile(r"\s+")


def read_answers(path: str, text_column: str, label_column: str, several: bool = False) -> list[Answer]:
    """Read the texts that have a label: from Label Studio's JSON, or a tabular file, such as CSV or fastText's lines.

    `text_column` may be a key in Label Studio's `data`. With `several`, labels are a list, or `a|b`.

    Raises:
        DataError: The file is missing or damaged, or has several labels for a text that may have one.
    """
    tasks = _label_studio_tasks(path)
    if tasks is not None:
        pairs = [_of_task(task, text_column, f"{path}, task {number}") for number, task in enumerate(tasks, start=1)]
    else:
        columns = read_tabular(path)
        labels = find_column(columns, label_column, path, "label_column")
        texts = texts_of(columns, ReadingOptions(text_column=text_column), path)
        pairs = [(text, _labels(label, several)) for text, label in zip(texts, labels, strict=True)]
    found = []
    for number, (text, given) in enumerate(pairs, start=1):
        if not given or not text.strip():
            continue
        if len(given) > 1 and not several:
            raise DataError(
                f"{path}, row {number} has {len(given)} labels ({', '.join(given)}); expected one. Give --several if a text "
                "may have several."
            )
        found.append(Answer(text, given, now(), IMPORTED))
    return found


def _label_studio_tasks(path: str) -> list[Any] | None:
    """Return the tasks of Label Studio's JSON; None if the file is something else."""
    if not path.lower().endswith(".json"):
        return None
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None  # reported when it is read as a table
    is_tasks = isinstance(content, list) and content and all(isinstance(task, dict) for task in content)
    return content if is_tasks and all("data" in task for task in content) else None


def _of_task(task: Mapping[str, Any], text_column: str, where: str) -> tuple[str, tuple[str, ...]]:
    data = task["data"]
    if not isinstance(data, dict) or not isinstance(text := data.get(text_column), str):
        keys = ", ".join(data) if isinstance(data, dict) else type(data).__name__
        raise DataError(f"{where} has no text {text_column!r} in its data; it has {keys}. Set --text_column.")
    for annotation in reversed(task.get("annotations") or task.get("completions") or []):
        if not annotation.get("was_cancelled"):
            chosen = [result["value"]["choices"] for result in annotation["result"] if result.get("type") == "choices"]
            if chosen:
                return text, tuple(dict.fromkeys(str(each) for choices in chosen for each in choices))
    return text, ()


def _labels(cell: Any, several: bool) -> tuple[str, ...]:
    if isinstance(cell, dict):  # Label Studio's JSON-MIN
        cell = cell.get("choices")
    if isinstance(cell, list):
        return tuple(dict.fromkeys(str(each) for each in cell))
    if cell is None or not str(cell).strip():
        return ()
    parts = str(cell).split(SEPARATOR) if several else [str(cell)]
    return tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))


def as_csv(answers: Iterable[Answer]) -> str:
    """Return the answers as CSV, several labels of a text as `a|b`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("text", "label", "time", "chosen_by", "split"))
    for each in answers:
        writer.writerow((each.text, SEPARATOR.join(each.labels), each.time, each.chosen_by, each.split))
    return out.getvalue()


def as_fasttext(answers: Iterable[Answer]) -> str:
    """Return the answers as lines of fastText; a space in a label becomes `_`, and a line break in a text a space."""
    lines = []
    for each in answers:
        labels = " ".join(f"__label__{_SPACES.sub('_', label)}" for label in each.labels)
        lines.append(f"{labels} {_SPACES.sub(' ', each.text).strip()}\n")
    return "".join(lines)


def as_label_studio(answers: Iterable[Answer]) -> str:
    """Return the answers as Label Studio's JSON of tasks, for a project with `<Choices name="label" toName="text">`."""
    tasks = [
        {
            "id": number,
            "data": {"text": each.text},
            "annotations": [
                {
                    "result": [
                        {
                            "from_name": "label",
                            "to_name": "text",
                            "type": "choices",
                            "value": {"choices": list(each.labels)},
                        }
                    ],
                    "was_cancelled": False,
                    "created_at": each.time,
                }
            ],
            "meta": {"chosen_by": each.chosen_by, "split": each.split},
        }
        for number, each in enumerate(answers, start=1)
    ]
    return json.dumps(tasks, ensure_ascii=False, indent=1)


EXPORTS: Mapping[str, Callable[[Iterable[Answer]], str]] = {
    ".csv": as_csv,
    ".txt": as_fasttext,
    ".json": as_label_studio,
}
"""Writers by file extension."""


def export(answers: Sequence[Answer], path: Path) -> None:
    """Write the answers in the format of the file extension.

    Raises:
        ConfigError: The extension is not one of `EXPORTS`.
    """
    writer = EXPORTS.get(path.suffix.lower())
    if writer is None:
        raise ConfigError(
            f"--export is {path}; expected a name that ends in .csv, .txt (fastText) or .json (Label Studio)."
        )
    with atomic_write(path) as file:
        file.write(writer(answers))
