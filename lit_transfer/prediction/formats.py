"""Output formats of predictions: tab-separated, CSV, JSON lines, or a table for the terminal."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lit_transfer.prediction.predictor import Prediction

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


def label_field(label: str | None) -> str:
    """Return a label as one field: `unsure` for None."""
    return UNSURE if label is None else label


def ranked(prediction: Prediction, top_k: int | None) -> list[tuple[str, float]]:
    """Return the `top_k` most probable classes (all if None) with their probabilities, in descending order."""
    return sorted(prediction.probabilities.items(), key=lambda item: -item[1])[:top_k]


def _columns(top_k: int | None) -> list[str]:
    others = [name for rank in range(2, (top_k or 1) + 1) for name in (f"label_{rank}", f"confidence_{rank}")]
    return ["text", "label", "confidence", *others]


def _values(text: str, prediction: Prediction, top_k: int | None) -> list[str]:
    """Return the label (or unsure) with its confidence, then the other classes in descending order."""
    others = ranked(prediction, top_k)[1:] if top_k else []
    return [
        text,
        label_field(prediction.label),
        f"{prediction.confidence:.6f}",
        *(value for name, share in others for value in (name, f"{share:.6f}")),
    ]


def tsv_writer(top_k: int | None, classes: Sequence[str]) -> tuple[str, Writer]:
    """Return an empty header and a function that formats predictions as tab-separated text, label and confidence."""

    def write(texts: Sequence[str], predictions: Sequence[Prediction]) -> str:
        return "".join(
            "\t".join(map(escape, _values(text, prediction, top_k))) + "\n"
            for text, prediction in zip(texts, predictions, strict=True)
        )

    return "", write


def csv_writer(top_k: int | None, classes: Sequence[str]) -> tuple[str, Writer]:
    """Return the header and a function that formats predictions as CSV."""

    def rows(values: Sequence[Sequence[str]]) -> str:
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows(map(csv_row, values))
        return file.getvalue()

    def write(texts: Sequence[str], predictions: Sequence[Prediction]) -> str:
        return rows([_values(text, answer, top_k) for text, answer in zip(texts, predictions, strict=True)])

    return rows([_columns(None if top_k is None else min(top_k, len(classes)))]), write


def jsonl_writer(top_k: int | None, classes: Sequence[str]) -> tuple[str, Writer]:
    """Return an empty header and a function that formats predictions as JSON lines.

    Each object has the keys `text`, `label` (null if unsure), `confidence` and `probabilities`.
    """

    def write(texts: Sequence[str], predictions: Sequence[Prediction]) -> str:
        return "".join(
            json.dumps(record(text, prediction, top_k), ensure_ascii=False) + "\n"
            for text, prediction in zip(texts, predictions, strict=True)
        )

    return "", write


def record(text: str, prediction: Prediction, top_k: int | None = None) -> dict[str, object]:
    """Return a prediction as plain values."""
    shares = prediction.probabilities if top_k is None else dict(ranked(prediction, top_k))
    return {
        "text": text,
        "label": prediction.label,
        "confidence": round(prediction.confidence, 8),
        "probabilities": {name: round(share, 8) for name, share in shares.items()},
    }


def table_writer(top_k: int | None, classes: Sequence[str]) -> tuple[str, Writer]:
    """Return the header and a function that formats predictions as a table of the terminal's width."""
    from rich.cells import cell_len, set_cell_size

    width = shutil.get_terminal_size().columns
    names = min(max(map(cell_len, (*map(escape, classes), UNSURE, "label"))), 30)
    shown = min(top_k or 1, len(classes))
    rest = max(width - (names + 9) * shown, 20)

    def line(cells: Sequence[tuple[str, str]], text: str) -> str:
        columns = [f"{set_cell_size(name, names)}  {share:>5}  " for name, share in cells]
        cut = text if cell_len(text) <= rest else set_cell_size(text, rest - 1) + "…"
        return "".join(columns) + cut + "\n"

    def write(texts: Sequence[str], predictions: Sequence[Prediction]) -> str:
        lines = []
        for text, prediction in zip(texts, predictions, strict=True):
            cells = [(label_field(prediction.label), prediction.confidence), *ranked(prediction, shown)[1:]]
            lines.append(line([(escape(name), f"{share:.3f}") for name, share in cells], escape(text[: 4 * width])))
        return "".join(lines)

    return line([("label", "conf.")] * shown, "text"), write


FORMATS = {"table": table_writer, "tsv": tsv_writer, "csv": csv_writer, "jsonl": jsonl_writer}
