"""`lightning export CHECKPOINT FOLDER --format onnx`: write a folder that runs with onnxruntime and numpy, without torch."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import rich
from jsonargparse import ArgumentParser
from rich.table import Table

from lit_transfer.cli.labelled import applicable_filter
from lit_transfer.console import print_facts

# The arguments of the data module that the command has, for the labelled texts.
TEXT_ARGUMENTS = (
    *("test_file", "text_column", "text_columns", "text_separator", "label_column", "encoding", "header", "separator"),
    *("quoting", "escape", "where", "drop_unlabelled", "label_names"),
)
# Number and length of the generated texts for measurements without labelled texts.
SAMPLE, SAMPLE_WORDS = 2000, 20


def export_parser() -> ArgumentParser:
    """Return the parser of `lightning export`."""
    from lit_transfer.datamodule import TextDataModule

    parser = ArgumentParser(prog="lightning export", description=__doc__)
    parser.add_argument(
        "checkpoint",
        type=str,
        help="the trained model: a checkpoint, a folder of save_pretrained, or a name on the Hugging Face hub",
    )
    parser.add_argument("folder", type=Path, help="folder to write; an earlier export in it is replaced")
    parser.add_argument("--format", type=Literal["onnx"], default="onnx", help="format of the network")
    parser.add_argument(
        "--int8", type=bool, nargs="?", const=True, default=False, help="store weights and vectors in 8 bits"
    )
    parser.add_argument(
        "--unseen_words",
        type=int | None,
        default=None,
        help="number of words outside the vocabulary to export vectors for, most frequent first; null: all, 0: none",
    )
    parser.add_argument("--vectors", type=str | None, default=None, help="path of the vectors, if they were moved")
    parser.add_argument(
        "--measure", type=bool, default=True, help="whether size, speed, start time and accuracy are measured"
    )
    parser.add_class_arguments(
        TextDataModule, "data", skip=set(signature(TextDataModule).parameters) - {*TEXT_ARGUMENTS}
    )
    return parser


def main(args: list[str]) -> None:
    """Run `lightning export`.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid.
    """
    parser = export_parser()
    values = parser.parse_args(args)
    from lit_transfer.checkpoints.files import read_checkpoint
    from lit_transfer.checkpoints.record import read_record
    from lit_transfer.deploy.onnx.export import export
    from lit_transfer.hub.hub import find_model
    from lit_transfer.prediction.loading import load

    values.checkpoint = str(find_model(values.checkpoint))
    predictor = load(values.checkpoint, vectors=values.vectors)
    # The test file is read like the training files, unless a flag says otherwise.
    reading = read_record(read_checkpoint(values.checkpoint, mmap=True), values.checkpoint).reading
    parser.set_defaults({f"data.{name}": reading[name] for name in TEXT_ARGUMENTS if name in reading})
    data = parser.parse_args(args).data
    exported = export(predictor, values.folder, int8=values.int8, unseen_words=values.unseen_words)
    files = ", ".join(f"{path.name} ({_bytes(path.stat().st_size)})" for path in sorted(values.folder.iterdir()))
    print_facts([("folder", str(values.folder)), ("files", files), ("classes", ", ".join(exported.classes_))])
    if values.measure:
        _measure(predictor, values, data, "--data.where" in {arg.partition("=")[0] for arg in args})


def _measure(predictor: Any, values: Any, data: Any, where_given: bool) -> None:
    from lit_transfer.data.corpus import read_corpus
    from lit_transfer.data.reading.in_memory import InMemory
    from lit_transfer.data.reading.options import ReadingOptions
    from lit_transfer.data.reading.tabular import read_tabular
    from lit_transfer.deploy.onnx.export import sample_texts
    from lit_transfer.deploy.onnx.measurement import contenders, measure

    if data.test_file is None:
        texts, labels = sample_texts(predictor, [SAMPLE_WORDS] * SAMPLE), None
    else:
        reading = ReadingOptions.of(vars(data))
        file = InMemory(read_tabular(data.test_file, reading), str(data.test_file))
        if not where_given:
            reading = replace(reading, where=applicable_filter(reading.where, file.columns, file.name))
        corpus = read_corpus(test_file=file, reading=reading, known=predictor.task)
        split = corpus.splits["test"]
        texts, labels = list(split.texts), predictor.task.decode(split.labels)
    with tempfile.TemporaryDirectory() as scratch:
        found = contenders(
            Path(values.checkpoint),
            values.folder,
            Path(scratch),
            int8=values.int8,
            unseen_words=values.unseen_words,
            vectors=values.vectors,
        )
        measured = measure(found, texts, labels)
    where = "words of the vocabulary, sampled by frequency" if labels is None else str(data.test_file)
    table = Table(title=f"{len(texts):,} texts ({where})", title_justify="left")
    table.add_column("")
    for column in ("size", "texts/s", "start to first answer", "same label", *(["accuracy"] if labels else [])):
        table.add_column(column, justify="right")
    for name, row in measured.items():
        table.add_row(
            name,
            _bytes(row.size),
            f"{row.texts_per_second:,.0f}",
            f"{row.start:.2f} s",
            f"{row.same:.2%}",
            *([f"{row.accuracy:.2%}"] if row.accuracy is not None else []),
        )
    rich.get_console().print(table)


def _bytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"
