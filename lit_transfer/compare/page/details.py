"""Contents of the page, and its collapsible details: coverage, F1 per class, moved words, disputed texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.compare.evidence.disagreement import disagreements
from lit_transfer.compare.results import Results
from lit_transfer.tasks import Task

# Maximum number of characters per text; longer texts are truncated.
LONGEST_TEXT = 400
# Number of moved words per method.
MOST_MOVED = 12


def coverage(results: Results) -> list[dict[str, Any]]:
    """Return the coverage of the training texts by each vectors file."""
    shown: dict[tuple[str, int], Mapping[str, Any]] = {}
    for run, row in results.rows:
        if run.method.pretrained:
            shown.setdefault((str(run.method.vectors), row["train_size"]), row)
    return [
        {
            "file": Path(file).name,
            "size": f"{size:,}",
            "tokens": 100 * row["coverage_tokens"],
            "types": 100 * row["coverage_types"],
            "missing": ", ".join(word for word, _ in row["missing"]),
        }
        for (file, size), row in shown.items()
    ]


def classes(results: Results) -> dict[str, Any]:
    """Return the F1 of each class at the largest training size: names of the classes and methods, and a row for each class."""
    lines = [line for line in results.lines if line.train_size == results.verdict.last.train_size]
    names = list(results.texts.task.classes)
    return {
        "names": names,
        "methods": [line.method.name for line in lines],
        "rows": [(name, [100 * line.f1_per_class[name] for line in lines]) for name in names],
    }


def words(results: Results) -> list[tuple[str, str, str]]:
    """Return the words whose vectors moved most, by method: name, largest distance, words."""
    found = []
    for method in results.plan.methods:
        runs = results.rows_of(method, results.plan.sizes[-1])
        moved = [pair for row in runs for pair in row.get("farthest") or ()]
        if moved:
            total = Counter[str]()
            for word, distance in moved:
                total[word] += distance
            largest = max(distance for _, distance in moved)
            names = ", ".join(word for word, _ in total.most_common(MOST_MOVED))
            found.append((method.name, f"{largest:.2g}", names))
    return found


def disputed(results: Results) -> list[dict[str, Any]]:
    """Return the test texts on which the methods disagree; empty unless `show_texts` is set."""
    if not results.config.comparison.show_texts:
        return []
    test, labels, task = results.texts.test, results.texts.test_labels, results.texts.task
    found = []
    for row, votes in disagreements(results.outcomes[results.verdict.last.train_size]):
        text = test.texts[row]
        found.append(
            {
                "text": text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…",
                "label": _label(task, labels[row]),
                "votes": [
                    f"{method}: {', '.join(f'{_label(task, label)} {count}' for label, count in counts)}"
                    for method, counts in votes.items()
                ],
            }
        )
    return found


def _label(task: Task, decision: Any) -> str:
    """Return a decision in words; several labels are joined."""
    [label] = task.decode(np.array([decision]))
    return label if isinstance(label, str) else " | ".join(label or ()) or "none"
