"""`lightning init FILE`: inspect a file of labelled text and write a configuration for it."""

from __future__ import annotations

import shlex
import shutil
import sys
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.prompt import Prompt

import lit_transfer
from lit_transfer.cli.init_columns import Column, label_candidates, look_at, text_candidates
from lit_transfer.cli.init_template import Findings, configuration
from lit_transfer.console import print_summary
from lit_transfer.data.arguments import DataArguments
from lit_transfer.data.corpus import are_split_names, read_corpus
from lit_transfer.data.labels import find_separator
from lit_transfer.data.reading.columns import header_is_data
from lit_transfer.data.reading.hugging_face import Columns
from lit_transfer.data.reading.in_memory import InMemory
from lit_transfer.data.reading.options import OtherDialectError, ReadingOptions
from lit_transfer.data.reading.sources import find_encoding
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError, DataError, TokenizerError
from lit_transfer.escaping import printable
from lit_transfer.files import atomic_write, is_standard_output, output_file
from lit_transfer.tokenizers.quotes import STRAIGHT, apostrophe_hint
from lit_transfer.tokenizers.registry import get_tokenizer
from lit_transfer.tokenizers.scripts import TOKENIZERS_OF, main_script
from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.record import recorded_tokenizer

SPLIT_COLUMN = "split"
"""Column with the names of the splits, as in the files of `lightning label`."""
SAMPLE = 5000
"""Number of texts for measuring the coverage of the vectors."""

LONGEST = 2000
"""Largest maximum length of texts, in words, to propose: the LSTM reads one word after the other."""

# Number of classes above which, with few texts of each, the last states add more noise than they tell (docs/data.md).
MANY = 20
# Most texts of each class, on average, with validation on folds (benchmarks/results/few_labels_240.md): up to `MANY` classes, and
# with more of them, of which there are more texts to train on. Number of folds.
FEW, FEW_OF_MANY = 250, 100
FOLDS = 5
_CUT = 0.01  # share of the texts that may be cut


def init(
    file: str | None = None,
    *,
    vectors: str | None = None,
    out: str | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    encoding: str | None = None,
    tokenizer: str | None = None,
    overwrite: bool = False,
    demo: bool = False,
) -> None:
    """Inspect a file of labelled text and write a commented configuration for it.

    Examples:
      lightning init reviews.csv --vectors glove-6b-50d

    Args:
        file: File of texts and labels: CSV, TSV, JSON lines, Excel, ...
        vectors: File of pretrained vectors, or name of an installed package of vectors.
        out: YAML file to write; null for the name of FILE with .yaml.
        text_column: Column with the texts; null to detect it.
        label_column: Column with the labels; null to detect it.
        label_separator: Separator between several labels in a cell; null to be asked if there seems to be one.
        encoding: Encoding of the file; null to detect it.
        tokenizer: Tokenizer; null for one that fits the script of the texts.
        overwrite: Whether an existing file is replaced.
        demo: Whether the configurations of the demo are written to configs/ instead.

    Raises:
        LitTransferError: The arguments, the file or the vectors are invalid.
    """
    if demo:
        _write_demo(Path("configs"), overwrite)
        return
    if file is None:
        raise ConfigError("There is no file to inspect. Give one, as in: lightning init reviews.csv")
    target = output_file(out or f"{Path(file).name.split('.')[0] or 'config'}.yaml")
    _check_new(target, overwrite)
    findings = find(InitOptions(file, vectors, text_column, label_column, label_separator, encoding, tokenizer))
    with atomic_write(target) as written:
        written.write(configuration(findings, target))
    if is_standard_output(target):
        return
    print_summary([*findings.summary, ("configuration", str(target))])
    config = shlex.quote(str(target))
    following = f"\nNext: lightning fit --config {config}"
    if findings.dim is not None:
        following += f"\nTo find the best transfer mode for this text: lightning compare --config {config}"
    Console().print(following, markup=False, highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class InitOptions:
    """The file to inspect, and the answers that were given; see `init`."""

    file: str
    vectors: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    label_separator: str | None = None
    encoding: str | None = None
    tokenizer: str | None = None


def find(values: InitOptions) -> Findings:
    """Inspect the file and the vectors.

    Raises:
        DataError: The file is missing or invalid.
        ConfigError: The columns of texts and labels cannot be detected, and there is no terminal to ask at.
        VectorsError: The vectors are missing or invalid.
    """
    found = Findings()
    found.data["train_file"] = values.file
    encoding = values.encoding or find_encoding(values.file)
    if encoding is not None:
        found.data["encoding"] = encoding
        found.notes["encoding"] = "given" if values.encoding else "detected; check some texts"
    with warnings.catch_warnings(record=True) as caught:  # such as another separator
        warnings.simplefilter("always")
        columns = _read(values.file, found)
        looked_at = look_at(columns, values.file, values.label_separator)
        text = values.text_column or _choose("text", text_candidates(looked_at), looked_at)
        label = values.label_column or _choose("label", label_candidates(looked_at, text), looked_at)
        found.data |= {"text_column": text, "label_column": label}
        if are_split_names(columns.get(SPLIT_COLUMN, ())):
            found.data["split_column"] = SPLIT_COLUMN
            found.notes["split_column"] = "its rows of the test and the validation split, if any, are those splits"
        if (separator := values.label_separator or _ask_separator(columns.get(label, ()))) is not None:
            found.data["label_separator"] = separator
            found.notes["label_separator"] = "a text may have several labels"
        corpus = read_corpus(
            train_file=InMemory(columns, values.file),
            reading=ReadingOptions.from_values({**found.data, "drop_unlabelled": True}),
            val_fraction=0,
        )
    train = corpus.splits["train"]
    found.summary += [
        ("file", f"{values.file}, {len(train):,} labelled texts" + (f", {encoding}" if encoding else "")),
        ("columns", f"text {text!r}, label {label!r}, of {', '.join(map(printable, columns))}"),
    ]
    assert train.labels is not None
    found.several = corpus.task.several
    if described := corpus.task.describe(train.labels):
        found.summary.append(("task", described))
    counts = corpus.task.counts(train.labels).tolist()
    names = [
        f"{printable(name)} {count / len(train):.0%}" for name, count in zip(corpus.task.classes, counts, strict=True)
    ]
    found.summary.append(
        ("classes", ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else ""))
    )
    found.notes["label_column"] = f"{len(names)} classes"
    if train.num_unlabelled:
        found.data["drop_unlabelled"] = True
        found.notes["drop_unlabelled"] = f"{train.num_unlabelled:,} rows have no label"
        found.summary.append(("unlabelled", f"{train.num_unlabelled:,} rows, dropped"))
    said = dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning)
    found.summary += [("note", message) for message in said]
    _choose_splits(found, counts, len(train), {name for name in corpus.splits if name != "train"})
    _choose_tokenizer(found, list(train.texts[:SAMPLE]), values)
    return found


def _read(file: str, found: Findings) -> Columns:
    """Read the file in the detected dialect, and note its differences from the usual one.

    Raises:
        DataError: The file is missing, damaged, or not a table in any known dialect.
    """
    try:
        columns = read_tabular(file, ReadingOptions.from_values(found.data))
    except OtherDialectError as error:
        found.data |= error.options
        found.notes |= dict.fromkeys(error.options, "detected; check some texts")
        columns = read_tabular(file, ReadingOptions.from_values(found.data))
    if header_is_data(columns):
        found.data["header"] = False
        found.notes["header"] = f"the first row looks like data: {', '.join(columns)[:60]}"
        columns = read_tabular(file, ReadingOptions.from_values(found.data))
    return columns


def _ask_separator(labels: Sequence[Any]) -> str | None:
    """Return the separator of labels that look like several of a text, if the user confirms it at a terminal."""
    names = dict.fromkeys(label for label in labels if isinstance(label, str) and label.strip())
    found = find_separator(list(names))
    if found is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    example = printable(next(name for name in names if found in name))
    question = f"Labels such as {example!r} look like several of one text, separated by {found!r}. Read them so?"
    return found if Prompt.ask(question, choices=["yes", "no"], default="yes") == "yes" else None


def _choose(what: str, candidates: list[Column], columns: list[Column]) -> str:
    """Choose a column: the only candidate, or else the user's choice if there is a terminal to ask at."""
    if len(candidates) == 1:
        return candidates[0].name
    described = [
        f"{column.name!r} ({column.different:,} different values, such as {printable(column.values[0])[:30]!r})"
        for column in candidates or columns
    ]
    if not candidates and not columns:
        raise DataError(f"No column has strings or numbers that could be the {what}. Check the file.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        found = "Several columns may contain" if candidates else "No column looks like"
        raise ConfigError(f"{found} the {what}s: {'; '.join(described)}. Give --{what}_column.")
    names = [column.name for column in candidates or columns]
    return Prompt.ask(f"Which column contains the {what}s? " + "; ".join(described), choices=names, default=names[0])


def _choose_splits(found: Findings, counts: Sequence[int], texts: int, there: Collection[str]) -> None:
    """Use a tenth each for validation and test if there are enough texts, otherwise a fifth or none; for missing splits.

    With few texts of each class, validation is on folds.
    """
    fraction = 0.1 if texts >= 100 else 0.2
    share = f"{fraction:.0%} of each class"
    found.many = len(counts) > MANY
    found.few = texts <= (FEW_OF_MANY if found.many else FEW) * len(counts)
    if texts < 10 or min(counts) < 2:
        found.data |= {"val_fraction": 0.0, "test_fraction": 0.0}
        found.notes["val_fraction"] = "too few texts for validation; use val_file, or more texts"
        found.notes["test_fraction"] = "likewise"
    else:
        if found.few and "val" not in there:
            found.data["val_folds"] = FOLDS
            found.notes["val_folds"] = (
                "few texts of each class: each is a validation text in one fold, and all are trained on"
            )
        else:
            found.data["val_fraction"] = fraction
            found.notes["val_fraction"] = f"{share} for validation after each epoch; alternatively, val_file: FILE"
        found.data["test_fraction"] = fraction
        found.notes["test_fraction"] = f"{share} for `lightning test`; alternatively, test_file: FILE"
    found.has_val = "val" in there
    for split in there:
        found.data[f"{split}_fraction"] = 0.0
        found.notes[f"{split}_fraction"] = "the file has this split"


def _choose_tokenizer(found: Findings, texts: list[str], values: InitOptions) -> None:
    """Choose the tokenizer of the vectors, else the one with the best coverage, else the script's default."""
    script = main_script(texts)
    names = TOKENIZERS_OF.get(script, TOKENIZERS_OF["*"])
    source = None if values.vectors is None else VectorSource(values.vectors, oov="zeros")
    recorded = None if source is None else recorded_tokenizer(source.open().path)
    if forced := values.tokenizer or recorded:
        names = (forced,)
        found.notes["tokenizer"] = "given" if values.tokenizer else "the one that the vectors were trained with"
    tokens: dict[str, Counter[str]] = {}
    lengths: dict[str, np.ndarray] = {}
    if not forced and apostrophe_hint(tokenize(texts, get_tokenizer("basic_english")).counts(), "basic_english"):
        names = tuple(f"{name}:{STRAIGHT}" if name in ("basic_english", "whitespace") else name for name in names)
    for name in names:
        try:
            tokenized = tokenize(texts, get_tokenizer(name))
            tokens[name], lengths[name] = tokenized.counts(), np.diff(tokenized.offsets)
        except TokenizerError as error:
            if name == names[-1] and not tokens:
                raise
            found.summary.append(("tokenizer", str(error)))
        if source is None and tokens:
            break
    coverage = dict.fromkeys(tokens, 0.0)
    if source is not None:
        words = list(dict.fromkeys(word for counts in tokens.values() for word in counts))
        matrix, form = source.lookup(words)
        has = {word for word, number in zip(words, form.tolist(), strict=True) if number >= 0}
        for name, counts in tokens.items():
            hits = sum(count for word, count in counts.items() if word in has)
            coverage[name] = hits / max(sum(counts.values()), 1)
        found.dim = matrix.shape[1]
        found.data["vectors"] = values.vectors
        found.notes["vectors"] = f"{found.dim} dimensions"
        if found.few:
            found.data["oov"] = "zeros"
            found.notes["oov"] = "of few texts, the vectors of words that have none cannot be learned"
        found.summary.append(("vectors", f"{values.vectors}, {found.dim} dimensions"))
    ranked = sorted(coverage, key=coverage.__getitem__, reverse=True)
    shares = ", ".join(f"{name} {coverage[name]:.1%}" for name in ranked)
    found.data["tokenizer"] = ranked[0]
    note = found.notes.get("tokenizer") or f"for {script.capitalize()} script"
    if source is not None:
        note += f"; tokens with a vector: {shares}"
    found.notes["tokenizer"] = note
    _choose_max_length(found, lengths[ranked[0]])
    found.summary.append(("tokenizer", f"{ranked[0]} ({note})"))


def _choose_max_length(found: Findings, lengths: np.ndarray) -> None:
    """Propose a maximum length that cuts few texts, if the default would cut more than a hundredth of them."""
    default = DataArguments.max_length
    assert default is not None
    share = float((lengths > default).mean())
    if share <= _CUT:
        return
    longest = int(np.quantile(lengths, 1 - _CUT, method="inverted_cdf"))
    proposed = min(-(-longest // 100) * 100, LONGEST)
    found.data["max_length"] = proposed
    cut = float((lengths > proposed).mean())
    found.notes["max_length"] = (
        f"words; {share:.0%} of the texts are longer than the default {default}, {cut:.0%} than this; time and memory grow "
        "with it"
    )
    found.summary.append(("max_length", f"{proposed} ({share:.0%} of the texts are longer than {default} words)"))


def _write_demo(folder: Path, overwrite: bool) -> None:
    """Copy the configurations in the package."""
    shipped = sorted((Path(lit_transfer.__file__).parent / "configs").glob("*.yaml"))
    for file in shipped:
        _check_new(folder / file.name, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    for file in shipped:
        shutil.copyfile(file, folder / file.name)
    Console().print(
        f"{len(shipped)} configurations in {folder}/\n\nNext: lightning fit --config {folder}/frozen.yaml\n"
        'Its text and vectors come with: pip install "lit_transfer[demo]"',
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _check_new(path: Path, overwrite: bool) -> None:
    if (path.is_file() or path.is_dir()) and not overwrite and not is_standard_output(path):  # no device, no FIFO
        raise ConfigError(f"{path} exists. Give another name with --out, or --overwrite.")
