"""Classification of files: an output file for each input file; finished files are skipped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lit_transfer.data.corpus import stream_texts
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.reading.sources import without_compression
from lit_transfer.data.reading.tabular import FORMATS as READABLE
from lit_transfer.deploy.bulk.storage import (
    atomic_write_location,
    fetched,
    file_info,
    list_files,
    open_storage,
)
from lit_transfer.errors import ConfigError, DataError, LitTransferError, one_line
from lit_transfer.hub.hub import find_model
from lit_transfer.prediction.formats import FORMATS
from lit_transfer.prediction.stream import chunks_of, classify
from lit_transfer.runtime.base_predictor import BasePredictor

# File with the settings that the answers in a folder were computed with.
SETTINGS = "answers.json"


@dataclass(frozen=True)
class ClassificationJob:
    """Classification of files: the model, the input and output format.

    Attributes:
        ckpt: Checkpoint, folder written by `save_pretrained`, or name on the hub.
        reading: How the files are written, and which column has the texts.
        form: Output format, one of `formats.FORMATS`.
        top_k: Number of classes to write per text; see `formats.FORMATS`.
        options: Further arguments of `lit_transfer.load`.
    """

    ckpt: str
    reading: ReadingOptions
    form: str
    top_k: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """Return the settings that the answers depend on, as plain values."""
        model, digest = Path(find_model(self.ckpt)), hashlib.sha256()
        for path in sorted(model.iterdir()) if model.is_dir() else [model]:
            digest.update(path.read_bytes())
        return {
            "checkpoint": digest.hexdigest()[:16],
            "text_column": self.reading.text_column,
            **({} if self.reading.text_columns is None else {"text_columns": list(self.reading.text_columns)}),
            "format": self.form,
            "top_k": self.top_k,
            "min_confidence": self.options.get("threshold"),
            "precision": self.options.get("precision"),
        }


@dataclass(frozen=True)
class FileTask:
    """A file to classify; locations are paths, or URIs such as `s3://bucket/part-0.parquet`.

    Attributes:
        source: Input file.
        target: Output file.
    """

    source: str
    target: str


@dataclass(frozen=True)
class Outcome:
    """Result of classifying a file.

    Attributes:
        source: Input file.
        texts: Number of classified texts.
        problem: Reason why there is no output file; empty if there is one.
    """

    source: str
    texts: int
    problem: str = ""


def find_files(wanted: str, out: str, form: str) -> list[FileTask]:
    """Return the input files sorted by name, each with its output file.

    Args:
        wanted: A file, a folder or a pattern, see `storage.list_files`. In a folder, files with a file extension in
            `tabular.FORMATS` are used, except files and subfolders whose names begin with a dot or `_`.
        out: Output folder. The output of `a/b.csv` is `OUT/a/b.csv.jsonl`, for example.
        form: Output format.

    Raises:
        ConfigError: There is no such file, or the output folder contains the input files.
    """
    root, names = list_files(wanted, of_a_folder=_is_text_file)
    (storage, base), (answers, place) = open_storage(root), open_storage(out)
    if answers.type_name == storage.type_name:
        if place == base:
            raise ConfigError(f"Expected --out to be another folder than that of the input files, got {out}.")
        names = [name for name in names if not f"{base}/{name}".startswith(f"{place}/")]
    if not names:
        raise ConfigError(
            f"There is no file {wanted}; expected a file, a folder with files that end in {', '.join(READABLE)}, or a "
            "pattern in quotes such as 'folder/*.parquet'."
        )
    return [FileTask(f"{root}/{name}", f"{out}/{name}.{form}") for name in names]


def _is_text_file(name: str) -> bool:
    hidden = any(part.startswith((".", "_")) for part in name.split("/"))
    return not hidden and without_compression(name.lower()).endswith(tuple(READABLE))


def check_settings(out: str, settings: Mapping[str, Any]) -> None:
    """Write the settings to the output folder, or compare them with those of existing answers.

    Raises:
        ConfigError: The folder has answers with other settings, or cannot be written.
    """
    path = f"{out}/{SETTINGS}"
    try:
        if file_info(path).is_file:
            with fetched(path) as file:
                before = json.loads(file.read_bytes())
            if changed := [name for name in settings if before.get(name) != settings[name]]:
                what = "; ".join(f"{name} was {before.get(name)!r} and is {settings[name]!r}" for name in changed)
                raise ConfigError(f"{out} has answers with other settings: {what}. Set another --out.")
            return
        with atomic_write_location(path) as file:
            file.write(json.dumps(settings, indent=1).encode())
    except OSError as error:
        raise ConfigError(f"{out} cannot be used: {one_line(error)}") from error


def unfinished(tasks: Sequence[FileTask]) -> list[FileTask]:
    """Return the files without an output file, or with one older than the input."""
    left = []
    for task in tasks:
        read, written = file_info(task.source), file_info(task.target)
        if not written.is_file or (read.mtime_ns or 0) > (written.mtime_ns or 0):
            left.append(task)
    return left


def classify_file(job: ClassificationJob, predictor: BasePredictor, task: FileTask, jobs: int = 1) -> Outcome:
    """Classify a file; errors in reading or writing are returned, so that other files can be classified.

    `jobs` is the number of processes.
    """
    try:
        with fetched(task.source) as path:
            try:
                count = _write(job, predictor, stream_texts(path, job.reading), task.target, jobs)
            except DataError as error:  # names the local copy
                return Outcome(task.source, 0, one_line(error).replace(str(path), task.source))
    except (LitTransferError, OSError) as error:
        return Outcome(task.source, 0, f"{task.source}: {one_line(error)}")
    return Outcome(task.source, count)


def _write(job: ClassificationJob, predictor: BasePredictor, texts: Iterable[str], target: str, jobs: int) -> int:
    """Classify texts and write the answers; return the number of texts."""
    header, write = FORMATS[job.form](job.top_k, predictor.task)
    count = 0
    with atomic_write_location(target) as file:
        file.write(header.encode())
        for chunk, predictions in classify(predictor, chunks_of(texts), jobs):
            file.write(write(chunk.texts, predictions).encode("utf-8", "replace"))
            count += len(chunk.texts)
    return count
