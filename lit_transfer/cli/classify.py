"""`lightning classify`: label texts with a trained model."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain
from typing import Any

from lit_transfer.console import printable
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, LitTransferError
from lit_transfer.prediction.formats import FORMATS
from lit_transfer.prediction.loading import load_with_record
from lit_transfer.prediction.predictor import Predictor
from lit_transfer.prediction.stream import Chunk, chunks_of, classify, read_lines

# Number of problems to report individually; the others are counted.
MOST_NAMED = 10
# Exit codes: for lines with problems; and the shell's codes for programs ended by SIGINT and SIGPIPE.
SOME_PROBLEMS, INTERRUPTED, CLOSED_PIPE = 1, 130, 141


def classify_parser() -> ArgumentParser:
    """Return the parser of `lightning classify`."""
    parser = ArgumentParser(
        prog="lightning classify",
        formatter_class=RawDescriptionHelpFormatter,
        description="Label texts with a trained model; writes one answer per text, in order.\n\n"
        '  lightning classify best.ckpt "a great film" "what a bore"\n'
        "  lightning classify best.ckpt - < lines.txt > labels.tsv\n"
        "  lightning classify best.ckpt --file new.csv --text_column body --format csv > labelled.csv\n"
        "  lightning classify best.ckpt --file 'texts/*.parquet' --out answers\n"
        "  lightning classify best.ckpt --file 'texts/*.parquet' --out answers --engine ray",
        epilog="Exit code: 0; 1 if a line was truncated or not UTF-8 (it is still answered), or a file could not be "
        "classified with --out; 2 for an error.",
    )
    parser.add_argument("ckpt", help="checkpoint written by `lightning fit`")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="texts; - reads standard input, one text per line")
    parser.add_argument(
        "--file",
        help="file of texts, in any format that `fit` reads; with --out also a folder, or a pattern in quotes",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="folder for an output file per input file; finished files are skipped",
    )
    parser.add_argument("--text_column", metavar="NAME", help="column with the texts (default: that used in training)")
    parser.add_argument(
        "--format",
        choices=["auto", *FORMATS],
        default="auto",
        help="auto: a table on a terminal, jsonl with --out, else tsv (text, label, confidence; no header)",
    )
    parser.add_argument("--top_k", type=int, metavar="K", help="show K classes, the most probable first")
    parser.add_argument(
        "--min_confidence",
        type=float,
        metavar="P",
        help="answer `unsure` below P, 0 to 1 (default: the threshold in the checkpoint)",
    )
    parser.add_argument(
        "--precision",
        choices=["auto", "32", "bf16"],
        default="auto",
        help="auto: bf16 if the processor supports it and there is no threshold, else 32",
    )
    parser.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="with --out: local processes, or the workers of a Ray cluster (that of RAY_ADDRESS, else this machine)",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="number of processes (default: 1; with --engine ray, one for each CPU of the cluster)",
    )
    parser.add_argument("--vectors", metavar="FILE", help="path of the pretrained vectors, if they were moved")
    return parser


def main(args: Sequence[str]) -> None:
    """Run `lightning classify`.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid.
    """
    values = classify_parser().parse_intermixed_args(list(args))
    _check(values)
    options = {} if values.min_confidence is None else {"threshold": values.min_confidence}
    options |= {"vectors": values.vectors, "precision": values.precision}
    predictor, record = load_with_record(values.ckpt, **options)
    # As in training, except for the rows: all are answered.
    reading = ReadingOptions.of({**record.reading, "where": None})
    if values.text_column is not None:
        has_header = reading.header or not values.text_column.isdigit()
        reading = replace(reading, text_column=values.text_column, text_columns=None, header=has_header)
    if values.out is not None:
        _answer_files(values, predictor, reading, options)
        return
    form = values.format if values.format != "auto" else "table" if sys.stdout.isatty() else "tsv"
    header, write = FORMATS[form](values.top_k, predictor.classes_)
    chunks = _chunks(values, reading)
    problems = 0
    try:
        _write(header)
        with _progress() as advance:
            for chunk, predictions in classify(predictor, chunks, values.jobs or 1):
                _write(write(chunk.texts, predictions))
                advance(len(predictions))
                for problem in chunk.problems[: max(MOST_NAMED - problems, 0)]:
                    print(f"warning: {problem}", file=sys.stderr)
                problems += len(chunk.problems)
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    except BrokenPipeError:
        _leave(CLOSED_PIPE)
    if problems > MOST_NAMED:
        print(f"warning: {problems:,} lines had such problems, of which {MOST_NAMED} were reported.", file=sys.stderr)
    if problems:
        sys.exit(SOME_PROBLEMS)


def _answer_files(values: Any, predictor: Predictor, reading: ReadingOptions, options: dict[str, Any]) -> None:
    """Write an output file for each input file."""
    from lit_transfer.cli.classify_files import classify_files
    from lit_transfer.deploy.bulk.files import Labelling

    form = "jsonl" if values.format == "auto" else values.format
    try:
        failed = classify_files(values, Labelling(values.ckpt, reading, form, values.top_k, options), predictor)
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    if failed:
        sys.exit(SOME_PROBLEMS)


def _check(values: Any) -> None:
    given = [name for name in ("texts", "file") if getattr(values, name)]
    if len(given) > 1:
        raise ConfigError("Expected texts or --file, got both. Omit one.")
    if not given and sys.stdin.isatty():
        raise ConfigError("There is no text to classify. Give texts, --file FILE, or - to read standard input.")
    if "-" in values.texts and len(values.texts) > 1:
        raise ConfigError("Expected texts or - (standard input), got both. Omit one.")
    if values.out is not None and values.file is None:
        raise ConfigError("--out needs input files. Add --file FILE, a folder, or a pattern in quotes.")
    if values.out is not None and values.format == "table":
        raise ConfigError("Expected --format jsonl, csv or tsv with --out, got table.")
    if values.engine == "ray" and values.out is None:
        raise ConfigError("--engine ray needs an output folder. Add --out FOLDER.")
    if values.jobs is not None and values.jobs < 1:
        raise ConfigError(f"Expected --jobs of at least 1, got {values.jobs}.")
    if values.top_k is not None and values.top_k < 1:
        raise ConfigError(f"Expected --top_k of at least 1, got {values.top_k}.")
    if values.min_confidence is not None and not 0 <= values.min_confidence <= 1:
        raise ConfigError(f"Expected --min_confidence from 0 to 1, got {values.min_confidence}.")


def _chunks(values: Any, reading: ReadingOptions) -> Iterator[Chunk]:
    if values.file is not None:
        from lit_transfer.data.corpus import stream_texts

        chunks = chunks_of(stream_texts(values.file, reading))
        return chain([next(chunks)], chunks)  # a file that cannot be read is an error before anything is written
    if not values.texts or values.texts == ["-"]:
        return read_lines(sys.stdin.fileno())
    return chunks_of(values.texts)


def _write(output: str) -> None:
    """Write in UTF-8, independent of the locale, and flush, since a reader of the pipe may be waiting.

    Raises:
        LitTransferError: The disk is full.
    """
    if sys.stdout.isatty():
        output = "\n".join(map(printable, output.split("\n")))
    try:
        sys.stdout.buffer.write(output.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise LitTransferError(
            f"The answers could not be written: {error.strerror}. Free disk space. Earlier answers are complete."
        ) from error


def _leave(code: int) -> None:
    """Exit immediately: a thread may still wait for input, and the interpreter would flush into a closed pipe."""
    sys.stderr.flush()
    os._exit(code)


def _progress() -> AbstractContextManager[Any]:
    """Show the number of classified texts if only the answers are redirected, not the terminal."""
    if sys.stdout.isatty() or not sys.stderr.isatty():
        return nullcontext(lambda count: None)
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    @contextmanager
    def shown() -> Iterator[Any]:
        columns = SpinnerColumn(), TextColumn("{task.completed:,} texts"), TimeElapsedColumn()
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda count: bar.advance(task, count)

    return shown()
