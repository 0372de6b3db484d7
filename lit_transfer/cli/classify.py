"""`lightning classify`: label texts with a trained model."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from itertools import chain
from typing import Any, Literal

from lit_transfer.arguments import check_range
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.errors import ConfigError, LitTransferError
from lit_transfer.escaping import printable
from lit_transfer.prediction.formats import COLUMNS, FORMATS
from lit_transfer.prediction.loading import load_with_record
from lit_transfer.prediction.stream import Chunk, chunks_of, read_lines
from lit_transfer.prediction.stream import classify as classify_chunks
from lit_transfer.runtime.base_predictor import BasePredictor

# Number of problems to report individually; the others are counted.
MOST_NAMED = 10
# Exit codes: for lines with problems; and the shell's codes for programs ended by SIGINT and SIGPIPE.
SOME_PROBLEMS, INTERRUPTED, CLOSED_PIPE = 1, 130, 141


def classify(
    ckpt: str,
    *text: str,
    file: str | None = None,
    out: str | None = None,
    text_column: str | None = None,
    format: Literal["auto", "table", "tsv", "csv", "jsonl"] = "auto",
    columns: bool = False,
    top_k: int | None = None,
    min_confidence: float | None = None,
    precision: Literal["auto", "32", "bf16"] = "auto",
    engine: Literal["local", "ray"] = "local",
    jobs: int | None = None,
    vectors: str | None = None,
) -> None:
    """Label texts with a trained model; writes one answer per text, in order.

    Examples:
      lightning classify best.ckpt "a great film" "what a bore"
      lightning classify best.ckpt - < lines.txt > labels.tsv
      lightning classify best.ckpt --file new.csv --text_column body --format csv > labelled.csv
      lightning classify best.ckpt --file 'texts/*.parquet' --out answers
      lightning classify best.ckpt --file 'texts/*.parquet' --out answers --engine ray

    Exit code: 0; 1 if a line was truncated or not UTF-8 (it is still answered), or a file could not be classified with
    --out; 2 for an error.

    Args:
        ckpt: Checkpoint written by `lightning fit`.
        text: Texts; - reads standard input, one text per line.
        file: File of texts, in any format that `fit` reads; with --out also a folder, or a pattern in quotes.
        out: Folder for an output file per input file; finished files are skipped.
        text_column: Column with the texts; null for that used in training.
        format: auto: a table on a terminal, jsonl with --out, else tsv (text, label, confidence; no header). Several labels of a
            text are joined by |.
        columns: Whether --format csv has a column of 0 and 1 for each class, instead of the label.
        top_k: Number of classes to show, the most probable first.
        min_confidence: Confidence below which the answer is `unsure`, 0 to 1, or of several labels is left out; null for the
            threshold in the checkpoint.
        precision: auto: bf16 if the processor supports it and there is no threshold, else 32.
        engine: With --out: local processes, or the workers of a Ray cluster (that of RAY_ADDRESS, else this machine).
        jobs: Number of processes; null for 1, or with --engine ray one for each CPU of the cluster.
        vectors: Path of the pretrained vectors, if they were moved.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid.
    """
    _check(text, file, out, format, engine)
    if columns and format != "csv":
        raise ConfigError(f"--columns is for --format csv, got --format {format}.")
    check_range(1, **{"--jobs": jobs, "--top_k": top_k})
    check_range(0, 1, **{"--min_confidence": min_confidence})
    options: dict[str, Any] = {} if min_confidence is None else {"threshold": min_confidence}
    options |= {"vectors": vectors, "precision": precision}
    predictor, record = load_with_record(ckpt, **options)
    # As in training, except for the rows: all are answered.
    reading = ReadingOptions.from_values({**record.reading, "where": None})
    if text_column is not None:
        has_header = reading.header or not text_column.isdigit()
        reading = replace(reading, text_column=text_column, text_columns=None, header=has_header)
    if out is None:
        shown = format if format != "auto" else "table" if sys.stdout.isatty() else "tsv"
        _answer_texts(predictor, _chunks(text, file, reading), COLUMNS if columns else shown, top_k, jobs or 1)
        return
    from lit_transfer.cli.classify_files import classify_files
    from lit_transfer.deploy.bulk.files import ClassificationJob

    written = COLUMNS if columns else "jsonl" if format == "auto" else format
    job = ClassificationJob(ckpt, reading, written, top_k, options)
    try:
        failed = classify_files(str(file), out, job, predictor, jobs, engine)
    except KeyboardInterrupt:
        _leave(INTERRUPTED)
    if failed:
        sys.exit(SOME_PROBLEMS)


def _answer_texts(predictor: BasePredictor, chunks: Iterator[Chunk], form: str, top_k: int | None, jobs: int) -> None:
    """Write the answers to standard output."""
    header, write = FORMATS[form](top_k, predictor.task)
    problems = 0
    try:
        _write(header)
        with _progress() as update:
            for chunk, predictions in classify_chunks(predictor, chunks, jobs):
                _write(write(chunk.texts, predictions))
                update(advance=len(predictions))
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


def _check(text: Sequence[str], file: str | None, out: str | None, format: str, engine: str) -> None:
    if text and file:
        raise ConfigError("Expected texts or --file, got both. Omit one.")
    if not text and not file and sys.stdin.isatty():
        raise ConfigError("There is no text to classify. Give texts, --file FILE, or - to read standard input.")
    if "-" in text and len(text) > 1:
        raise ConfigError("Expected texts or - (standard input), got both. Omit one.")
    if out is not None and file is None:
        raise ConfigError("--out needs input files. Add --file FILE, a folder, or a pattern in quotes.")
    if out is not None and os.path.lexists(out) and not os.path.isdir(out):
        raise ConfigError(
            f"--out is {out}, which is not a folder, but expected is a folder for an output file per input file. Without --out, "
            "the answers are written to standard output: lightning classify MODEL --file FILE > answers.tsv"
        )
    if out is not None and format == "table":
        raise ConfigError("Expected --format jsonl, csv or tsv with --out, got table.")
    if engine == "ray" and out is None:
        raise ConfigError("--engine ray needs an output folder. Add --out FOLDER.")


def _chunks(text: Sequence[str], file: str | None, reading: ReadingOptions) -> Iterator[Chunk]:
    if file is not None:
        from lit_transfer.data.corpus import stream_texts

        chunks = chunks_of(stream_texts(file, reading))
        return chain([next(chunks)], chunks)  # a file that cannot be read is an error before anything is written
    if not text or list(text) == ["-"]:
        return read_lines(sys.stdin.fileno())
    return chunks_of(text)


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
        return nullcontext(lambda advance: None)
    from lit_transfer.console import counter

    return counter("texts")
