"""`lightning init FILE`: look at a file of labelled text and write a configuration for it."""

from __future__ import annotations

import shlex
import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser
from rich.console import Console
from rich.prompt import Prompt

import lit_transfer
from lit_transfer.cli.init_template import Findings, configuration
from lit_transfer.console import print_facts, printable
from lit_transfer.data.corpus import read_corpus
from lit_transfer.data.reading.inspection import (
    TOKENIZERS_OF,
    Column,
    label_candidates,
    look_at,
    main_script,
    text_candidates,
)
from lit_transfer.data.reading.sources import find_encoding
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError, DataError, TokenizerError
from lit_transfer.files import written_whole
from lit_transfer.tokenizers.registry import get_tokenizer
from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.record import recorded_tokenizer

SAMPLE = 5000
"""Texts on which the coverage of the vectors is measured."""


def init_parser() -> ArgumentParser:
    """Return the parser of `lightning init`."""
    parser = ArgumentParser(
        prog="lightning init",
        description="Look at a file of labelled text and write a commented configuration for it.",
    )
    parser.add_argument("file", nargs="?", type=str, help="file of texts and labels: CSV, TSV, JSON lines, Excel, ...")
    parser.add_argument(
        "--vectors", type=str, help="file of pretrained vectors, or name of an installed package of them"
    )
    parser.add_argument("--out", type=Path, help="the YAML file to write; FILE's name with .yaml if not given")
    parser.add_argument("--text_column", type=str, help="the column with the texts, where it is not found")
    parser.add_argument("--label_column", type=str, help="the column with the labels, where it is not found")
    parser.add_argument("--encoding", type=str, help="the file's encoding, where it is not found")
    parser.add_argument("--tokenizer", type=str, help="how texts are split; chosen by their script if not given")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    parser.add_argument("--demo", action="store_true", help="write the configurations of the demo to configs/ instead")
    return parser


def main(args: list[str]) -> None:
    """Run `lightning init`.

    Raises:
        LitTransferError: What the user can mend.
    """
    values = init_parser().parse_args(args)
    if values.demo:
        _write_demo(Path("configs"), values.overwrite)
        return
    if values.file is None:
        raise ConfigError("There is no file to look at. Give one, as in: lightning init reviews.csv")
    out = values.out or Path(f"{Path(values.file).name.split('.')[0] or 'config'}.yaml")
    _check_new(out, values.overwrite)
    findings = find(values)
    with written_whole(out) as file:
        file.write(configuration(findings, out))
    print_facts([*findings.facts, ("configuration", str(out))])
    config = shlex.quote(str(out))
    following = f"\nNext: lightning fit --config {config}"
    if findings.dim is not None:
        following += f"\nWhich use of the vectors is best for this text: lightning compare --config {config}"
    Console().print(following, markup=False, highlight=False, soft_wrap=True)


def find(values: Any) -> Findings:
    """Look at the file and the vectors.

    Raises:
        DataError: The file cannot be used.
        ConfigError: What holds the texts or the labels cannot be told, and there is nobody to ask.
        VectorsError: The vectors cannot be used.
    """
    found = Findings()
    found.data["train_file"] = values.file
    encoding = values.encoding or find_encoding(values.file)
    if encoding is not None:
        found.data["encoding"] = encoding
        found.notes["encoding"] = (
            "given" if values.encoding else "found; look at some texts whether it is the right one"
        )
    with warnings.catch_warnings(record=True) as caught:  # such as another separator
        warnings.simplefilter("always")
        columns = read_tabular(values.file, encoding)
        looked_at = look_at(columns, values.file)
        text = values.text_column or _choose("text", text_candidates(looked_at), looked_at)
        label = values.label_column or _choose("label", label_candidates(looked_at, text), looked_at)
        found.data |= {"text_column": text, "label_column": label}
        reading = {name: value for name, value in found.data.items() if name != "train_file"}
        corpus = read_corpus(
            train_file=values.file, drop_unlabelled=True, val_fraction=0, **{"encoding": None, **reading}
        )
    train = corpus.splits["train"]
    found.facts += [
        ("file", f"{values.file}, {len(train):,} labelled texts" + (f", {encoding}" if encoding else "")),
        ("columns", f"text {text!r}, label {label!r}, of {', '.join(map(printable, columns))}"),
    ]
    counts = Counter(train.labels.tolist() if train.labels is not None else ())
    names = [f"{printable(name)} {counts[number] / len(train):.0%}" for number, name in enumerate(corpus.label_names)]
    found.facts.append(("classes", ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")))
    found.notes["label_column"] = f"{len(names)} classes"
    if train.num_unlabelled:
        found.data["drop_unlabelled"] = True
        found.notes["drop_unlabelled"] = f"{train.num_unlabelled:,} rows have no label"
        found.facts.append(("unlabelled", f"{train.num_unlabelled:,} rows, left out"))
    said = dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning)
    found.facts += [("note", message) for message in said]
    _choose_splits(found, min(counts.values()), len(train))
    _choose_tokenizer(found, list(train.texts[:SAMPLE]), values)
    return found


def _choose(what: str, candidates: list[Column], columns: list[Column]) -> str:
    """Choose a column: the only candidate, else the one that the user names, if there is a terminal to ask at."""
    if len(candidates) == 1:
        return candidates[0].name
    described = [
        f"{column.name!r} ({column.different:,} different values, such as {printable(column.values[0])[:30]!r})"
        for column in candidates or columns
    ]
    if not candidates and not columns:
        raise DataError(f"No column has strings or numbers that could be the {what}.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        found = "Several columns may hold" if candidates else "No column looks like"
        raise ConfigError(f"{found} the {what}s: {'; '.join(described)}. Give --{what}_column.")
    names = [column.name for column in candidates or columns]
    return Prompt.ask(f"Which column holds the {what}s? " + "; ".join(described), choices=names, default=names[0])


def _choose_splits(found: Findings, smallest: int, texts: int) -> None:
    """Take a tenth for validation and a tenth for the test where the file has texts enough, else a fifth or nothing."""
    fraction = 0.1 if texts >= 100 else 0.2
    share = f"{fraction:.0%} of each class"
    if texts < 10 or smallest < 2:
        found.data |= {"val_fraction": 0.0, "test_fraction": 0.0}
        found.notes["val_fraction"] = "too few texts to validate on; give val_file, or more texts"
        found.notes["test_fraction"] = "likewise"
    else:
        found.data |= {"val_fraction": fraction, "test_fraction": fraction}
        found.notes["val_fraction"] = f"{share} is validated on after each epoch; val_file: FILE instead"
        found.notes["test_fraction"] = f"{share} is kept for `lightning test`; test_file: FILE instead"


def _choose_tokenizer(found: Findings, texts: list[str], values: Any) -> None:
    """Choose the tokenizer of the vectors, else the one that most words have a vector with, else the script's."""
    script = main_script(texts)
    names = TOKENIZERS_OF.get(script, TOKENIZERS_OF["*"])
    source = None if values.vectors is None else VectorSource(values.vectors, oov="zeros")
    recorded = None if source is None else recorded_tokenizer(source.open().path)
    if forced := values.tokenizer or recorded:
        names = (forced,)
        found.notes["tokenizer"] = "given" if values.tokenizer else "the one that the vectors were trained with"
    tokens: dict[str, Counter[str]] = {}
    for name in names:
        try:
            tokens[name] = tokenize(texts, get_tokenizer(name)).counts()
        except TokenizerError as error:
            if name == names[-1] and not tokens:
                raise
            found.facts.append(("tokenizer", str(error)))
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
        found.facts.append(("vectors", f"{values.vectors}, {found.dim} dimensions"))
    ranked = sorted(coverage, key=coverage.__getitem__, reverse=True)
    shares = ", ".join(f"{name} {coverage[name]:.1%}" for name in ranked)
    found.data["tokenizer"] = ranked[0]
    note = found.notes.get("tokenizer") or f"for {script.capitalize()} script"
    if source is not None:
        note += f"; running words with a vector: {shares}"
    found.notes["tokenizer"] = note
    found.facts.append(("tokenizer", f"{ranked[0]} ({note})"))


def _write_demo(folder: Path, overwrite: bool) -> None:
    """Copy the configurations that the package brings."""
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
    if path.exists() and not overwrite:
        raise ConfigError(f"{path} is there already. Give another name with --out, or --overwrite.")
