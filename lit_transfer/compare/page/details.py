"""Contents of the page, and its collapsible details: coverage, F1 per class, moved words, disputed texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.evidence.disagreement import disagreements
from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.evidence.recommendation import Verdict
from lit_transfer.compare.plan import Run
from lit_transfer.compare.results import Line
from lit_transfer.compare.scores import NAMES
from lit_transfer.datamodule import TextDataModule

# Maximum number of characters per text; longer texts are truncated.
LONGEST_TEXT = 400


@dataclass(frozen=True)
class Contents:
    """Contents of the page.

    Attributes:
        config: Configuration of the comparison.
        data: Data module with the texts.
        rows: Pairs of run and result row.
        lines: Summary of each way at each training size.
        outcomes: Outcomes of the ways by training size.
        verdict: The verdict.
    """

    config: Configuration
    data: TextDataModule
    rows: Sequence[tuple[Run, Mapping[str, Any]]]
    lines: Sequence[Line]
    outcomes: Mapping[int, Sequence[Outcome]]
    verdict: Verdict

    @property
    def numbers(self) -> dict[str, int]:
        """Return an index for each way, which determines its colour."""
        return {name: i for i, name in enumerate(dict.fromkeys(line.way.name for line in self.lines))}

    @property
    def metric(self) -> str:
        """Name of the compared metric."""
        return NAMES[self.verdict.metric]


def coverage(contents: Contents) -> list[dict[str, Any]]:
    """Return the coverage of the training texts by each vectors file."""
    shown: dict[tuple[str, int], Mapping[str, Any]] = {}
    for run, row in contents.rows:
        if run.way.pretrained:
            shown.setdefault((str(run.way.vectors), row["train_size"]), row)
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


def classes(contents: Contents) -> dict[str, Any]:
    """Return the F1 of each class at the largest training size."""
    lines = [line for line in contents.lines if line.train_size == contents.verdict.last.train_size]
    names = contents.data.labels
    return {
        "names": names,
        "rows": [(line.way.name, [100 * line.f1_per_class[name] for name in names]) for line in lines],
    }


def words(contents: Contents, most: int = 12) -> list[tuple[str, str, str]]:
    """Return the words whose vectors moved most, by way: name, largest distance, words."""
    rows = []
    last = contents.verdict.last.train_size
    for name in contents.numbers:
        runs = [
            row["farthest"]
            for run, row in contents.rows
            if run.way.name == name and row["train_size"] == last and row.get("farthest")
        ]
        if not runs:
            continue
        total: dict[str, float] = {}
        for farthest in runs:
            for word, distance in farthest:
                total[word] = total.get(word, 0.0) + distance
        words = sorted(total, key=lambda word: -total[word])[:most]
        largest = max(distance for farthest in runs for _, distance in farthest)
        rows.append((name, f"{largest:.2g}", ", ".join(words)))
    return rows


def texts(contents: Contents) -> list[dict[str, Any]]:
    """Return the test texts on which the ways disagree; empty unless `show_texts` is set."""
    if not contents.config.comparison.show_texts:
        return []
    test, names = contents.data.split("test"), contents.data.labels
    assert test.labels is not None
    found = []
    for row, votes in disagreements(contents.outcomes[contents.verdict.last.train_size]):
        text = test.texts[row]
        found.append(
            {
                "text": text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…",
                "label": names[test.labels[row]],
                "votes": [
                    f"{way}: {', '.join(f'{names[label]} {count}' for label, count in counts)}"
                    for way, counts in votes.items()
                ],
            }
        )
    return found
