"""`lightning classify --out`: classify many files, with an output file for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from lit_transfer.deploy.bulk.files import (
    ClassificationJob,
    FileTask,
    Outcome,
    check_settings,
    classify_file,
    find_files,
    unfinished,
)
from lit_transfer.deploy.bulk.storage import absolute
from lit_transfer.escaping import printable
from lit_transfer.runtime.base_predictor import BasePredictor

# Number of failed files to report individually; the others are counted.
MOST_NAMED = 10


def classify_files(
    files: str, folder: str, job: ClassificationJob, predictor: BasePredictor, jobs: int | None, engine: str
) -> int:
    """Classify all files without an output file, print a summary on standard error, and return the number of failed files.

    Raises:
        LitTransferError: There is no such file, or the folder has answers with other settings.
    """
    out = absolute(folder)
    tasks = find_files(files, out, job.form)
    check_settings(out, job.settings())
    left = unfinished(tasks)
    outcomes = _outcomes(job, predictor, left, jobs, engine)
    texts = failed = 0
    with _progress(len(left)) as update:
        for outcome in outcomes:
            texts += outcome.texts
            if outcome.problem:
                failed += 1
                if failed <= MOST_NAMED:
                    print(f"warning: {printable(outcome.problem)}", file=sys.stderr)
            update(advance=1)
    before = f", {len(tasks) - len(left):,} already finished" if len(left) < len(tasks) else ""
    problems = f"; {failed:,} failed" if failed else ""
    print(
        f"{len(left) - failed:,} files classified ({texts:,} texts){before}{problems}: {printable(out)}",
        file=sys.stderr,
    )
    return failed


def _outcomes(
    job: ClassificationJob, predictor: BasePredictor, tasks: Sequence[FileTask], jobs: int | None, engine: str
) -> Iterator[Outcome]:
    if engine == "ray":
        from lit_transfer.deploy.bulk.distributed import classify_on_cluster

        return classify_on_cluster(job, predictor, tasks, jobs)
    return (classify_file(job, predictor, task, jobs or 1) for task in tasks)


def _progress(total: int) -> AbstractContextManager[Any]:
    """Show a progress bar of files on a terminal."""
    if not sys.stderr.isatty():
        return nullcontext(lambda advance: None)
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    from lit_transfer.console import progress

    return progress(TextColumn("files"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), total=total)
