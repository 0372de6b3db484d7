"""`report.html`: the whole answer on one page that needs nothing else, and everything to make it again."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import math
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml

from lit_transfer.compare.configuration import Configuration
from lit_transfer.compare.evidence.disagreement import disagreements
from lit_transfer.compare.evidence.recommendation import Verdict
from lit_transfer.compare.evidence.verdict import Outcome, SizeVerdict
from lit_transfer.compare.page.charts import Point, Series, interval_chart, legend, line_chart
from lit_transfer.compare.plan import Run
from lit_transfer.compare.results import COLUMNS, Line
from lit_transfer.compare.store import Store
from lit_transfer.data.corpus import SPLITS
from lit_transfer.datamodule import TextDataModule
from lit_transfer.files import written_whole

# Libraries whose versions a result may depend on.
LIBRARIES = (
    "lit_transfer",
    "torch",
    "lightning",
    "torchmetrics",
    "numpy",
    "scipy",
    "scikit-learn",
    "sentence-transformers",
)
# Longer texts are cut, in characters.
LONGEST_TEXT = 400


@dataclass(frozen=True)
class Contents:
    """What the page is made of.

    Attributes:
        config: the comparison's configuration.
        data: its texts.
        rows: the rows of all runs, with the run of each.
        lines: each way at each size.
        outcomes: what each way predicted, by training size.
        verdict: the verdict.
    """

    config: Configuration
    data: TextDataModule
    rows: Sequence[tuple[Run, Mapping[str, Any]]]
    lines: Sequence[Line]
    outcomes: Mapping[int, Sequence[Outcome]]
    verdict: Verdict

    @property
    def numbers(self) -> dict[str, int]:
        """A number for each way, for its colour."""
        return {name: i for i, name in enumerate(dict.fromkeys(line.way.name for line in self.lines))}

    @property
    def last(self) -> SizeVerdict:
        """The largest training size."""
        return self.verdict.sizes[-1]


def write_report(
    path: Path,
    config: Configuration,
    data: TextDataModule,
    runs: Sequence[Run],
    store: Store,
    lines: Sequence[Line],
    outcomes: Mapping[int, Sequence[Outcome]],
    verdict: Verdict,
) -> None:
    """Writes the page.

    Args:
        path: the file.
        config: the comparison's configuration.
        data: its texts.
        runs: all runs, finished.
        store: where they are.
        lines: each way at each training size.
        outcomes: what each way predicted, by training size.
        verdict: the verdict.
    """
    contents = Contents(config, data, [(run, store.row(run)) for run in runs], lines, outcomes, verdict)
    body = "\n".join(filter(None, (section(contents) for section in SECTIONS)))
    style = importlib.resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    with written_whole(path) as file:
        file.write(
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>Which way of using the vectors wins?</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n</body>\n"
            "</html>\n"
        )


def _answer(contents: Contents) -> str:
    data, verdict = contents.data, contents.verdict
    seeds = max(size.seeds for size in verdict.sizes)
    parts = {name: f"{len(data.split(name)):,}" for name in SPLITS}
    points = verdict.answer()
    brought: list[str] = []
    return (
        f"<header><h1>Which way of using the vectors wins?</h1>\n"
        f'<p class="soft">{escape(data.split("train").source)}: {parts["train"]} texts to train on, {parts["val"]} to choose the '
        f"best epoch, {parts['test']} to test; classes {escape(', '.join(data.labels))}; {seeds} seeds.</p></header>\n"
        f'<div class="answer">{_list(points)}</div>\n'
        + (f"<h3>What the vectors bring</h3>{_list(brought)}" if brought else "")
    )


def _learning_curves(contents: Contents) -> str:
    sizes = [size.train_size for size in contents.verdict.sizes]
    series = _series(contents, x=lambda line: line.train_size, notes=lambda line: f"{line.train_size:,} labels")
    chart = line_chart(
        series,
        title="Accuracy by number of labels",
        x_title="labels to learn from",
        y_title="accuracy, %",
        x_ticks=[(size, f"{size:,}") for size in sizes],
        bands=True,
    )
    tables = "".join(_table(contents, size) for size in contents.verdict.sizes)
    return (
        f"<section><h2>Accuracy by number of labels</h2>\n<figure>{chart}{legend(series)}<figcaption>Means over seeds on the "
        "same test texts; bands and bars are 95 % intervals of the mean over seeds (Student's t).</figcaption></figure>\n"
        f'<p class="soft">In the tables: half the 95 % interval behind ±; seconds of training; drift is 1 − cosine of the '
        f"embedding to its start; bold is the best, ≈ what is not shown to be worse.</p>{tables}</section>"
    )


def _table(contents: Contents, size: SizeVerdict) -> str:
    heads = "".join(f"<th>{heading}</th>" for heading in ("way", *(heading for heading, _ in COLUMNS)))
    rows = []
    for line in (line for line in contents.lines if line.train_size == size.train_size):
        best = line.way.name == size.best
        mark = " ≈" if line.way.name in size.rivals and not best else ""
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in (line.way.name + mark, *(c(line) for _, c in COLUMNS)))
        rows.append(f"<tr{' class=best' if best else ''}>{cells}</tr>")
    return _scroll(
        f"<table><caption>{size.label}</caption><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _differences(contents: Contents) -> str:
    parts = []
    for size in contents.verdict.sizes:
        against = size.against_best
        rows = [
            (
                f"over {pair.second}",
                Point(
                    0,
                    100 * pair.difference.mean,
                    100 * pair.difference.low,
                    100 * pair.difference.high,
                    pair.sentence(size.seeds),
                ),
                pair.shown,
            )
            for pair in against
        ]
        others = [pair for pair in size.pairs if pair not in against]
        shown = [pair.sentence(size.seeds) for pair in others if pair.shown]
        chart = interval_chart(rows, title=f"Lead of {size.best}, {size.label}", x_title=f"lead of {size.best}, points")
        sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in size.sentences())
        parts.append(
            f"<h3>{size.label[0].upper() + size.label[1:]}</h3>{sentences}"
            + (f"<figure>{chart}</figure>" if rows else "")
            + (f"<p>Also shown:</p>{_list(shown)}" if shown else "")
        )
    return (
        "<section><h2>Which differences are real?</h2>\n<p class=soft>Each difference is taken on the same test texts with the "
        "same seeds. Its 95 % interval counts both kinds of chance, other seeds and other test texts. A difference counts "
        "as shown where a test of it, corrected (Holm) for all pairs of that number of labels, leaves less than 5 % to "
        f"luck; in grey is what is not shown.</p>{''.join(parts)}</section>"
    )


def _time(contents: Contents) -> str:
    series = _series(
        contents,
        x=lambda line: max(line.seconds, 0.01),
        notes=lambda line: f"{line.train_size:,} labels, {line.seconds:.1f} s",
    )
    seconds = [point.x for one in series for point in one.points]
    low, high = math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds)))
    chart = line_chart(
        series,
        title="Accuracy against training time",
        x_title="seconds of training",
        y_title="accuracy, %",
        x_ticks=[(10.0**power, f"{10.0**power:g}") for power in range(low, high + 1)],
        bands=False,
    )
    return (
        f"<section><h2>Accuracy against training time</h2>\n<figure>{chart}{legend(series)}<figcaption>Each line goes from the "
        f"fewest labels to the most; means over seeds, trainings side by side: {contents.config.comparison.jobs}."
        "</figcaption></figure></section>"
    )


def _series(contents: Contents, x: Callable[[Line], float], notes: Callable[[Line], str]) -> list[Series]:
    return [
        Series(
            name,
            number,
            [
                Point(
                    x(line),
                    100 * line.accuracy.mean,
                    100 * line.accuracy.low,
                    100 * line.accuracy.high,
                    f"{name}, {notes(line)}: {100 * line.accuracy.mean:.1f} %",
                )
                for line in contents.lines
                if line.way.name == name
            ],
        )
        for name, number in contents.numbers.items()
    ]


def _coverage(contents: Contents) -> str:
    """How much of the training texts each file of vectors covers."""
    shown: dict[tuple[str, int], Mapping[str, Any]] = {}
    for run, row in contents.rows:
        if run.way.pretrained:
            shown.setdefault((str(run.way.vectors), row["train_size"]), row)
    if not shown:
        return ""
    rows = "".join(
        f"<tr><td>{escape(Path(file).name)}</td><td>{size:,}</td><td>{_meter(row['coverage_tokens'])}</td>"
        f"<td>{_meter(row['coverage_types'])}</td><td class=text>{escape(', '.join(w for w, _ in row['missing']))}</td></tr>"
        for (file, size), row in shown.items()
    )
    return (
        "<section><h2>Coverage of the vectors</h2>\n<p>Share of the training texts' running words, and of their different "
        "words, that have a vector; the most frequent ones without. Of the first seed's texts.</p>"
        + _scroll(
            "<table><thead><tr><th>vectors</th><th>labels</th><th>running words</th><th>different words</th>"
            f"<th class=text>missing</th></tr></thead><tbody>{rows}</tbody></table>"
        )
        + "</section>"
    )


def _classes(contents: Contents) -> str:
    lines = [line for line in contents.lines if line.train_size == contents.last.train_size]
    heads = "".join(f"<th>{escape(name)}</th>" for name in contents.data.labels)
    rows = "".join(
        f"<tr><td>{escape(line.way.name)}</td>"
        + "".join(f"<td>{_meter(line.f1_per_class[name])}</td>" for name in contents.data.labels)
        + "</tr>"
        for line in lines
    )
    return (
        f"<section><h2>F1 of each class</h2>\n<p>With {contents.last.label}, mean over seeds.</p>"
        + _scroll(f"<table><thead><tr><th>way</th>{heads}</tr></thead><tbody>{rows}</tbody></table>")
        + "</section>"
    )


def _words(contents: Contents, most: int = 12) -> str:
    """The words whose vectors moved most, by way."""
    rows = []
    for name in contents.numbers:
        runs = [
            row["farthest"]
            for run, row in contents.rows
            if run.way.name == name and row["train_size"] == contents.last.train_size and row.get("farthest")
        ]
        if not runs:
            continue
        total: dict[str, float] = {}
        for farthest in runs:
            for word, distance in farthest:
                total[word] = total.get(word, 0.0) + distance
        words = sorted(total, key=lambda word: -total[word])[:most]
        largest = max(distance for farthest in runs for _, distance in farthest)
        rows.append(
            f"<tr><td>{escape(name)}</td><td>{largest:.2g}</td><td class=text>{escape(', '.join(words))}</td></tr>"
        )
    if not rows:
        return ""
    return (
        f"<section><h2>Words that moved most</h2>\n<p>With {contents.last.label}: the words whose vectors went farthest from "
        "their start, first those that did so in most seeds, and the largest distance (Euclidean).</p>"
        + _scroll(
            "<table><thead><tr><th>way</th><th>farthest</th><th class=text>words</th></tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>"
        )
        + "</section>"
    )


def _disagreements(contents: Contents) -> str:
    found = disagreements(contents.outcomes[contents.last.train_size])
    if not found:
        return ""
    test, names = contents.data.split("test"), contents.data.labels
    assert test.labels is not None
    examples = []
    for row, votes in found:
        parts = [
            f"{escape(way)}: {escape(', '.join(f'{names[label]} {count}' for label, count in counts))}"
            for way, counts in votes.items()
        ]
        text = test.texts[row]
        text = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
        examples.append(
            f'<div class="text-example"><blockquote>{escape(text)}</blockquote>'
            f"<p class=soft>true: <b>{escape(names[test.labels[row]])}</b> · {' · '.join(parts)}</p></div>"
        )
    return (
        f"<section><h2>Texts on which the modes disagree</h2>\n<p>With {contents.last.label}: the test texts whose class the "
        f"modes see most differently; behind each class, how many seeds chose it.</p>{''.join(examples)}</section>"
    )


def _repeat(contents: Contents) -> str:
    dumped = yaml.safe_dump(_without_none(contents.config.plain()), sort_keys=False, allow_unicode=True, width=100)
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    )
    return (
        "<section><h2>To do it again</h2>\n<p>Save the configuration below as <code>compare.yaml</code>, then:</p>"
        "<pre>lightning compare --config compare.yaml</pre>"
        "<p>One of its trainings alone: the same without the part <code>compare</code>, with <code>lightning fit --config … "
        "--model.transfer MODE --data.train_size SIZE --seed_everything SEED</code> (with few labels the comparison also "
        "trains more epochs, see <code>min_steps</code>).</p>"
        f"<p class=soft>{escape(', '.join(versions))}. {escape(machine)}. Times depend on the machine; the last digits of the "
        f"other figures may.</p><pre>{escape(dumped)}</pre></section>"
    )


def _without_none(config: Mapping[str, Any]) -> dict[str, Any]:
    """What is not set needs no line; a null in a list is a value."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if value is not None
    }


def _meter(share: float) -> str:
    return f'<span class="meter"><i style="width:{100 * share:.1f}%"></i></span>{100 * share:.1f} %'


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def _scroll(table: str) -> str:
    """A wide table scrolls by itself, and the page does not."""
    return f'<div class="scroll">{table}</div>'


SECTIONS: tuple[Callable[[Contents], str], ...] = (
    _answer,
    _learning_curves,
    _differences,
    _time,
    _coverage,
    _classes,
    _words,
    _disagreements,
    _repeat,
)
