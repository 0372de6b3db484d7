"""Output formats of predictions: tab-separated, CSV, JSON lines, or a table for the terminal."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lit_transfer.data.labels import JOIN
from lit_transfer.tasks import Task
from lit_transfer.tasks.prediction import Prediction, rounded
from lit_transfer.tasks.task import Label

# Label of a text for which the model is unsure.
UNSURE = "unsure"
_CONTROL = re.compile(r"[\\\x00-\x1f\x7f-\x9f]")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}

Writer = Callable[[Sequence[str], Sequence[Prediction]], str]


def escape(text: str) -> str:
    r"""Escape control characters (`\t`, `\n`, `\x1b`) and backslashes, so that a text is one field of one line."""
    return _CONTROL.sub(lambda found: _ESCAPES.get(found[0]) or f"\\x{ord(found[0]):02x}", text)


def csv_row(values: Iterable[Any]) -> list[Any]:
    """Replace NUL by U+FFFD in a row: Python 3.10's `csv` cannot write it, and many readers of CSV stop at it."""
    return [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in values]


def label_field(label: Label) -> str:
    """Return a label as one field: several are joined by `|`, and None is `unsure`."""
    return UNSURE if label is None else label if isinstance(label, str) else JOIN.join(label)


def ranked(prediction: Prediction, top_k: int | None) -> list[tuple[str, float]]:
    """Return the `top_k` most probable classes (all if None) with their probabilities, in descending order."""
    return sorted(prediction.probabilities.items(), key=lambda item: -item[1])[:top_k]


def _columns(top_k: int | None, task: Task) -> list[str]:
    if task.several:
        ranks = range(1, (top_k or 0) + 1)
        return ["text", "labels", "confidences", *(name for n in ranks for name in (f"label_{n}", f"confidence_{n}"))]
    others = [name for rank in range(2, (top_k or 1) + 1) for name in (f"label_{rank}", f"confidence_{rank}")]
    return ["text", "label", "confidence", *others]


def _values(text: str, prediction: Prediction, top_k: int | None, task: Task) -> list[str]:
    """Return the label (or unsure) with its confidence, then the other classes in descending order.

    Several labels are joined by `|`, as are their probabilities; `top_k` classes follow, whether they are labels or not.
    """
    others = ranked(prediction, top_k) if top_k else []
    if task.several:
        shares = [f"{prediction.probabilities[name]:.6f}" for name in prediction.labels or ()]
        first = [label_field(prediction.labels), JOIN.join(shares)]
    else:
        first, others = [label_field(prediction.label), f"{prediction.confidence:.6f}"], others[1:]
    return [text, *first, *(value for name, share in others for value in (name, f"{share:.6f}"))]


def _lines(line: Callable[[str, Prediction], str]) -> Writer:
    return lambda texts, predictions: "".join(map(line, texts, predictions))


def _csv_rows(row: Callable[[str, Prediction], list[str]]) -> Writer:
    return lambda texts, predictions: _csv(map(row, texts, predictions))


def tsv_writer(top_k: int | None, task: Task) -> tuple[str, Writer]:
    """Return an empty header and a function that formats predictions as tab-separated text, label and confidence."""
    return "", _lines(lambda text, found: "\t".join(map(escape, _values(text, found, top_k, task))) + "\n")


def csv_writer(top_k: int | None, task: Task) -> tuple[str, Writer]:
    """Return the header and a function that formats predictions as CSV."""
    columns = _columns(None if top_k is None else min(top_k, task.num_classes), task)
    return _csv([columns]), _csv_rows(lambda text, found: _values(text, found, top_k, task))


def columns_writer(top_k: int | None, task: Task) -> tuple[str, Writer]:
    """Return the header and a function that formats predictions as CSV with a column of 0 and 1 for each class.

    The columns are empty if the model is unsure. `fit` reads such a file with `label_columns`.
    """

    def values(text: str, prediction: Prediction) -> list[str]:
        if prediction.labels is None:
            return [text, *[""] * task.num_classes]
        return [text, *(str(int(name in prediction.labels)) for name in task.classes)]

    return _csv([["text", *task.classes]]), _csv_rows(values)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(map(csv_row, rows))
    return file.getvalue()


def jsonl_writer(top_k: int | None, task: Task) -> tuple[str, Writer]:
    """Return an empty header and a function that formats predictions as JSON lines.

    Each object has the keys `text`, `label` (null if unsure), `confidence` and `probabilities`; with several labels `text`,
    `labels` (null if unsure) and `probabilities`.
    """
    return "", _lines(lambda text, found: json.dumps(record(text, found, top_k), ensure_ascii=False) + "\n")


def record(text: str, prediction: Prediction, top_k: int | None = None) -> dict[str, object]:
    """Return a prediction as plain values."""
    values: dict[str, Any] = {"text": text} | rounded(prediction)
    if top_k is not None:
        values["probabilities"] = {name: values["probabilities"][name] for name, _ in ranked(prediction, top_k)}
    return values


def table_writer(top_k: int | None, task: Task) -> tuple[str, Writer]:
    """Return the header and a function that formats predictions as a table of the terminal's width."""
    from rich.cells import cell_len, set_cell_size

    width = shutil.get_terminal_size().columns
    names = min(max(map(cell_len, (*map(escape, task.classes), UNSURE, "label"))), 30)
    shown = min(top_k or 1, task.num_classes)
    if task.several:
        names, shown = min(2 * names + 1, 40), 1
    rest = max(width - (names + 9) * shown, 20)

    def cut(text: str, size: int) -> str:
        return text if cell_len(text) <= size else set_cell_size(text, size - 1) + "…"

    def line(cells: Sequence[tuple[str, str]], text: str) -> str:
        columns = [f"{set_cell_size(cut(name, names), names)}  {share:>5}  " for name, share in cells]
        return "".join(columns) + cut(text, rest) + "\n"

    def row(text: str, prediction: Prediction) -> str:
        share = prediction.confidence
        if task.several and prediction.label is not None:  # the least probable of the labels
            share = min(prediction.probabilities[name] for name in prediction.labels or ())
        cells = [(label_field(prediction.answer), share), *ranked(prediction, shown)[1:]]
        return line([(escape(name), f"{share:.3f}") for name, share in cells], escape(text[: 4 * width]))

    return line([(task.field, "conf.")] * shown, "text"), _lines(row)


# The format of `classify --format csv --columns`.
COLUMNS = "columns"
FORMATS = {
    "table": table_writer,
    "tsv": tsv_writer,
    "csv": csv_writer,
    COLUMNS: columns_writer,
    "jsonl": jsonl_writer,
}
