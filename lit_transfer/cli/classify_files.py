"""`lightning classify --out`: a file of answers for each file of texts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lit_transfer.console import printable
from lit_transfer.inference.bulk.files import Labelling, answer, claim, find_files, unanswered
from lit_transfer.inference.bulk.storage import absolute
from lit_transfer.inference.predictor import Predictor

# Files that could not be answered that are named; the others are counted.
MOST_NAMED = 10


def classify_files(values: Any, labelling: Labelling, predictor: Predictor) -> int:
    """Answer all files that have no answers yet, and say how it went on standard error.

    Args:
        values: The arguments of `lightning classify`.
        labelling: How.
        predictor: Its model, loaded here.

    Returns:
        The number of files that could not be answered.

    Raises:
        LitTransferError: There is no such file, or the folder has answers of other settings.
    """
    out = absolute(values.out)
    tasks = find_files(values.file, out, labelling.form)
    claim(out, labelling.settings())
    left = unanswered(tasks)
    outcomes = (answer(labelling, predictor, task, values.jobs) for task in left)
    texts = failed = 0
    with _progress(len(left)) as advance:
        for outcome in outcomes:
            texts += outcome.texts
            if outcome.problem:
                failed += 1
                if failed <= MOST_NAMED:
                    print(f"warning: {printable(outcome.problem)}", file=sys.stderr)
            advance()
    before = f", {len(tasks) - len(left):,} before" if len(left) < len(tasks) else ""
    problems = f"; {failed:,} could not be answered" if failed else ""
    print(
        f"{len(left) - failed:,} files answered ({texts:,} texts){before}{problems}: {printable(out)}", file=sys.stderr
    )
    return failed


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """Show how many files are done, where a person looks on."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("files"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
