"""The output of an audit: `label_issues.csv`, and the page `label_issues.html`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lit_transfer.analysis.views import NO_LABEL
from lit_transfer.arguments import check_range
from lit_transfer.curation.label_errors import contradicting, find_issues, out_of_fold
from lit_transfer.data.corpus import SPLITS
from lit_transfer.data.tokenized import tokenize
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_write
from lit_transfer.html import write_page
from lit_transfer.prediction.formats import label_field
from lit_transfer.tasks import Task

COLUMNS = ("rank", "reason", "split", "row", "label", "suggested", "label_probability", "suggested_probability", "text")
PROBABLE, TWO_LABELS = "probably wrong", "same text with another label"


@dataclass(frozen=True)
class Audit:
    """Arguments of an audit.

    Args:
        splits: Splits to audit; null for the train split and, if there is one, the validation split.
        folds: Number of folds for cross-validation.
        output_dir: Folder for label_issues.csv and label_issues.html.
        most: Maximum number of texts on the page; the CSV has all of them.

    Raises:
        ConfigError: An argument is invalid.
    """

    splits: list[str] | None = None
    folds: int = 5
    output_dir: str = "runs/audit"
    most: int = 200

    def __post_init__(self) -> None:
        if self.splits is not None and (not self.splits or set(self.splits) - set(SPLITS)):
            raise ConfigError(f"audit.splits is {self.splits}; expected some of {', '.join(SPLITS)}.")
        check_range(2, **{"audit.folds": self.folds})
        check_range(1, **{"audit.most": self.most})


@dataclass(frozen=True)
class AuditResult:
    """Result of an audit.

    Attributes:
        rows: A row for each text to review, with the keys `COLUMNS`.
        texts: Number of audited texts.
        csv: Path of the CSV file.
        page: Path of the HTML page.
    """

    rows: list[dict[str, str]]
    texts: int
    csv: Path
    page: Path


def audit(data: TextDataModule, options: Audit, seed: int) -> AuditResult:
    """Find probably wrong labels, and write the CSV file and the page; the seed is that of the folds.

    Raises:
        LitTransferError: The data or the vectors are invalid, or cleanlab is not installed.
    """
    texts: list[str] = []
    places: list[tuple[str, int]] = []
    given: list[np.ndarray] = []
    for name in options.splits or ["train", *["val"] * data.has_validation]:
        split = data.split(name)
        assert split.labels is not None
        texts += list(split.texts)
        given.append(split.labels)
        places += [(name, row) for row in range(len(split))]
    labels, task = np.concatenate(given), data.task
    words = tokenize(texts, data.text.split_tokens)
    probabilities = out_of_fold(task, words, labels, data.vectors, options.folds, seed)
    issues = find_issues(task, labels, probabilities)
    groups = contradicting(texts, task.distinct(labels))
    rows = _rows(issues, groups, texts, labels, probabilities, places, task)

    folder = Path(options.output_dir)
    found = AuditResult(rows, len(texts), folder / "label_issues.csv", folder / "label_issues.html")
    with atomic_write(found.csv) as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    write_page(
        found.page,
        "curation/label_issues.html.j2",
        rows=rows[: options.most],
        count=sum(row["reason"] == PROBABLE for row in rows),
        contradicting=len(groups),
        total=f"{len(texts):,}",
        source=data.split(places[0][0]).source,
        vectors=data.vectors is not None,
    )
    return found


def _rows(
    issues: Sequence[int],
    groups: Sequence[Sequence[int]],
    texts: Sequence[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
    places: Sequence[tuple[str, int]],
    task: Task,
) -> list[dict[str, str]]:
    """Return a row for each text to review: first probably wrong labels, then other texts with two labels."""
    chosen, seen = [(row, PROBABLE) for row in issues], set(issues)
    for group in groups:
        chosen += [(row, TWO_LABELS) for row in group if row not in seen]
    decisions = task.decide(probabilities)
    label, suggested = ([label_field(one) or NO_LABEL for one in task.decode(part)] for part in (labels, decisions))
    quality, sure = task.quality(probabilities, labels), task.quality(probabilities, decisions)
    return [
        {
            "rank": str(rank),
            "reason": reason,
            "split": places[row][0],
            "row": str(places[row][1]),
            "label": label[row],
            "suggested": suggested[row],
            "label_probability": f"{quality[row]:.3f}",
            "suggested_probability": f"{sure[row]:.3f}",
            "text": texts[row],
        }
        for rank, (row, reason) in enumerate(chosen, start=1)
    ]
