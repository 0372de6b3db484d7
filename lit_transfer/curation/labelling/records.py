"""The file of the answers: a JSON line for each, written and synced immediately, so that a killed process loses nothing.

A file is always valid input of `fit`: it contains answers only. Texts that were skipped, or belong to no class, are in a second
file beside it. Undoing an answer truncates the file, and correcting one replaces the file atomically.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from typing_extensions import Self

from lit_transfer.console import print_line
from lit_transfer.curation.labelling.choice import IMPORTED, RANDOM
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.files import atomic_write, check_folder

# Kinds of passed texts, in the file beside the answers.
SKIPPED, NONE_FITS = "skipped", "none of these"
# Values of the column `split`.
TEST, TRAIN = "test", "train"


@dataclass(frozen=True)
class Answer:
    """A text and its labels.

    Attributes:
        text: The text.
        labels: Its labels: one, or any number if a text may have several. Empty for a passed text.
        time: Time of the answer in UTC (ISO 8601).
        chosen_by: Reason for which the text was chosen, see `lit_transfer.curation.labelling.choice`.
        passed: `SKIPPED` or `NONE_FITS`; empty for an answer.
    """

    text: str
    labels: tuple[str, ...]
    time: str
    chosen_by: str
    passed: str = ""

    @property
    def split(self) -> str:
        """Split of `fit` to which the answer belongs: the random fifth is for testing."""
        return TEST if self.chosen_by == RANDOM else TRAIN

    def as_record(self, several: bool) -> dict[str, Any]:
        """Return the answer as a row of its file."""
        if self.passed:
            return {"text": self.text, "reason": self.passed, "time": self.time, "chosen_by": self.chosen_by}
        label: Any = list(self.labels) if several else self.labels[0]
        return {
            "text": self.text,
            "label": label,
            "time": self.time,
            "chosen_by": self.chosen_by,
            "split": self.split,
        }


def now() -> str:
    """Return the current time in UTC (ISO 8601)."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


class Record:
    """The answers of a labelling session in files that one process at a time may write.

    Args:
        path: File of the answers, JSON lines; continued if it exists. Passed texts are in `NAME.passed.jsonl` beside it.
        several: Whether a text may have several labels.

    Raises:
        ConfigError: Another process has the file open, or it cannot be written.
        DataError: The file has something else than answers.
    """

    def __init__(self, path: Path, several: bool = False) -> None:
        from filelock import FileLock, Timeout

        check_folder(path.parent, "Set --out to a file in another folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path, self.several = path, several
        self.passed_path = path.with_name(f"{path.stem}.passed{path.suffix}")
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            self._lock.acquire(blocking=False)
        except Timeout as error:
            raise ConfigError(
                f"{path} is open in another `lightning label`. Go on in its window, end it, or set --out to another file; "
                "--second compares the files of two labellers."
            ) from error
        try:
            self.answers = list(_read(path, several))
            self.passed = list(_read(self.passed_path, several))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file for other processes."""
        self._lock.release()

    @property
    def all(self) -> list[Answer]:
        """Answers and passed texts in the order of their time."""
        return sorted([*self.answers, *self.passed], key=lambda each: each.time)

    def add(self, answer: Answer) -> None:
        """Append an answer or a passed text, and return once it is on the disk."""
        path, kept = (self.passed_path, self.passed) if answer.passed else (self.path, self.answers)
        _append(path, [answer], self.several)
        kept.append(answer)

    def extend(self, answers: Sequence[Answer]) -> None:
        """Append many answers at once."""
        _append(self.path, answers, self.several)
        self.answers += answers

    def is_last(self, answer: Answer) -> bool:
        """Return whether an answer of the labeller is the last of its file, so that it can be undone."""
        kept = self.passed if answer.passed else self.answers
        return kept[-1:] == [answer] and answer.chosen_by != IMPORTED

    def undo(self, answer: Answer) -> None:
        """Remove an answer or a passed text that was the last of its file."""
        path, kept = (self.passed_path, self.passed) if answer.passed else (self.path, self.answers)
        assert kept[-1] == answer
        content = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n", 0, -1) + 1)
            os.fsync(file.fileno())
        kept.pop()

    def correct(self, text: str, labels: tuple[str, ...]) -> None:
        """Replace the labels of a text that has an answer, and the file in one step."""
        self.answers = [
            dataclasses.replace(each, labels=labels) if each.text == text else each for each in self.answers
        ]
        with atomic_write(self.path, "wb") as file:
            file.writelines(_line(each, self.several) for each in self.answers)
            file.flush()
            os.fsync(file.fileno())


def _line(answer: Answer, several: bool) -> bytes:
    return (json.dumps(answer.as_record(several), ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def _append(path: Path, answers: Sequence[Answer], several: bool) -> None:
    with path.open("ab") as file:
        file.write(b"".join(_line(each, several) for each in answers))
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path, several: bool) -> Iterator[Answer]:
    """Read a file of answers, and cut off a last line that a power failure left incomplete."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(path, len(whole))
        print_line("label", f"the last line of {path} was incomplete, and was cut off")
    for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
        yield _answer(line, f"{path}, line {number}", several)


def _answer(line: bytes, where: str, several: bool) -> Answer:
    try:
        row = json.loads(line.decode("utf-8", "surrogatepass"))
        label = row.get("label")
        labels = tuple(label) if isinstance(label, list) else () if label is None else (label,)
        found = Answer(row["text"], labels, row["time"], row["chosen_by"], row.get("reason", ""))
        if not all(isinstance(each, str) for each in (found.text, found.time, found.chosen_by, found.passed, *labels)):
            raise TypeError("a value that is not a string")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f'{where} is not an answer of `lightning label` ({error}); expected {{"text": …, "label": …, "time": …, '
            '"chosen_by": …}. Set --out to another file; --import_from takes labels of other tools.'
        ) from error
    if several != isinstance(label, list) and not found.passed:
        raise DataError(
            f"{where} has {'one label' if several else 'a list of labels'}; expected "
            f"{'a list, since --several is given. Leave it out' if several else 'one label. Give --several'}, or set --out "
            "to another file."
        )
    return found
