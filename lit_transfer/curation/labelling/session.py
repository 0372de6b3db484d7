"""A labelling session: the current text, the answers, and their evaluation."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from lit_transfer.curation.labelling import choice, outlook
from lit_transfer.curation.labelling.background import Background, Labelled
from lit_transfer.curation.labelling.marks import find_marks, suggest
from lit_transfer.curation.labelling.records import NONE_FITS, SKIPPED, Answer, Record, now
from lit_transfer.curation.labelling.review import compare, find_doubts
from lit_transfer.curation.labelling.states import Progress, TextStates
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import Task, make_task

# A class with fewer answers lacks texts, and one does not stop before each has as many.
FEW_TEXTS = 20


class RefusedError(ConfigError):
    """A request that does not fit the session.

    Attributes:
        sentence: Name of the sentence in the page's `languages.js` that says so in the reader's language.
        values: Values of that sentence.
    """

    def __init__(self, message: str, sentence: str, *values: str) -> None:
        super().__init__(message)
        self.sentence, self.values = sentence, values


class StaleError(RefusedError):
    """An answer to a text that is no longer the current one, such as from a second window."""

    def __init__(self) -> None:
        super().__init__("This text was answered in another window.", "stale")


class Current(NamedTuple):
    """The text to label.

    Attributes:
        row: Row of the text.
        chosen_by: Reason for which it was chosen.
    """

    row: int
    chosen_by: str


class Session:
    """A session; its methods may be called by any thread.

    Args:
        texts: The texts, distinct and not empty.
        record: The file of the answers.
        classes: Names of the classes; those of the answers so far are added.
        make_states: Function from texts and a progress callback to the states of the texts.
        wanted: Accuracy to be reached, 0 to 1; None for none.
        second: Labels of a second labeller by text.
        seed: Seed of the choice.
    """

    def __init__(
        self,
        texts: Sequence[str],
        record: Record,
        classes: Sequence[str],
        make_states: Callable[[Sequence[str], Progress], TextStates],
        *,
        wanted: float | None = None,
        second: Mapping[str, tuple[str, ...]] | None = None,
        seed: int = 0,
    ) -> None:
        self.record, self.wanted, self.second, self.seed = record, wanted, second, seed
        self.several = record.several
        # Texts of earlier answers that are no longer in the file still teach the model.
        self.texts = list(dict.fromkeys([*texts, *(each.text for each in record.all)]))
        self._row = {text: row for row, text in enumerate(self.texts)}
        self.classes = list(dict.fromkeys([*classes, *(name for each in record.answers for name in each.labels)]))
        self._lock = threading.RLock()
        self._nonce, self._turn = secrets.token_hex(4), 0
        place = choice.places(self.texts, seed)
        self._apart = place < choice.APART
        self._order = np.argsort(place, kind="stable")
        self._at_random = np.random.default_rng(seed).permutation(len(self.texts))
        self._done = np.zeros(len(self.texts), dtype=bool)
        self._actions = record.all
        for each in self._actions:
            self._done[self._row[each.text]] = True
        self.background = Background(lambda report: make_states(self.texts, report), self._snapshot, seed)
        self._current = self._choose()
        self.background.start()

    def close(self) -> None:
        """Let the thread end, and release the file."""
        self.background.close()
        self.record.close()

    # --- Actions of the labeller ---

    @property
    def turn(self) -> str:
        """Name of the current question; an answer to another one is refused."""
        return f"{self._nonce}-{self._turn}"

    def answer(self, turn: str, labels: Sequence[str]) -> None:
        """Record the labels of the current text.

        Raises:
            StaleError: The turn is over.
            RefusedError: The labels are not classes, or are too many or too few.
        """
        labels = tuple(dict.fromkeys(labels))
        with self._lock:
            self._check(labels)
            self._act(turn, labels, "")

    def _check(self, labels: Sequence[str]) -> None:
        if unknown := [name for name in labels if name not in self.classes]:
            raise RefusedError(f"There is no class {unknown[0]!r}.", "unknown_class", unknown[0])
        if not self.several and len(labels) != 1:
            raise RefusedError(f"Expected one label, got {len(labels)}.", "one_label")

    def skip(self, turn: str, none_fits: bool = False) -> None:
        """Pass the current text: for now, or since no class fits.

        Raises:
            StaleError: The turn is over.
        """
        with self._lock:
            self._act(turn, (), NONE_FITS if none_fits else SKIPPED)

    def _act(self, turn: str, labels: tuple[str, ...], passed: str) -> None:
        if turn != self.turn or self._current is None:
            raise StaleError
        row, chosen_by = self._current
        done = Answer(self.texts[row], labels, now(), chosen_by, passed)
        self.record.add(done)
        self._actions.append(done)
        self._done[row] = True
        self._move_to(self._choose())

    def undo(self) -> None:
        """Take back the last answer or skip; its text is shown again."""
        with self._lock:
            if not self.can_undo:
                return
            last = self._actions.pop()
            self.record.undo(last)
            row = self._row[last.text]
            self._done[row] = False
            self._move_to(Current(row, last.chosen_by))

    @property
    def can_undo(self) -> bool:
        """Whether there is an answer to take back; imported labels are none."""
        return bool(self._actions) and self.record.is_last(self._actions[-1])

    def add_class(self, name: str) -> None:
        """Add a class.

        Raises:
            RefusedError: The name is empty, or there is such a class.
        """
        name = " ".join(name.encode("utf-8", "replace").decode().split())  # a lone surrogate cannot be sent back
        with self._lock:
            if not name:
                raise RefusedError("A class needs a name.", "needs_name")
            if name.casefold() in (each.casefold() for each in self.classes):
                raise RefusedError(f"There is a class {name!r} already.", "has_class", name)
            self.classes.append(name)
            self._turn += 1

    def correct(self, text: str, labels: Sequence[str]) -> None:
        """Replace the labels of an answer.

        Raises:
            RefusedError: There is no answer to the text, or a label is not a class.
        """
        with self._lock:
            labels = tuple(dict.fromkeys(labels))
            self._check(labels)
            if text not in (each.text for each in self.record.answers):
                raise RefusedError("There is no answer to this text.", "not_answered")
            self.record.correct(text, labels)
            self._actions = self.record.all
            self.background.changed()

    def _move_to(self, current: Current | None) -> None:
        self._current = current
        self._turn += 1
        self.background.changed()

    # --- Choice of the next text ---

    def _choose(self) -> Current | None:
        if choice.is_random(len(self.record.answers), self.seed) and (row := self._first(self._order, apart=True)) >= 0:
            return Current(row, choice.RANDOM)
        insight = self.background.insight
        ways = [
            (choice.VARIED, insight.varied if insight.model is None or self._num_chosen < len(insight.varied) else ()),
            (choice.MARGIN, insight.ranked),
            (choice.SHUFFLED, self._at_random),
        ]
        for reason, rows in ways:
            if (row := self._first(rows, apart=False)) >= 0:
                return Current(row, reason)
        row = self._first(self._order, apart=True)
        return Current(row, choice.RANDOM) if row >= 0 else None

    @property
    def _num_chosen(self) -> int:
        return sum(each.chosen_by != choice.RANDOM for each in self.record.answers)

    def _first(self, rows: Any, apart: bool) -> int:
        """Return the first of the rows that has no answer and is (not) set apart; -1 if there is none."""
        for row in rows:
            if not self._done[row] and self._apart[row] == apart:
                return int(row)
        return -1

    def _snapshot(self) -> Labelled:
        with self._lock:
            task = self.task
            answers = self.record.answers
            labels = [list(each.labels) if self.several else each.labels[0] for each in answers]
            rows = np.array([self._row[each.text] for each in answers], dtype=np.int64)
            random = np.array([each.chosen_by == choice.RANDOM for each in answers], dtype=bool)
            left = np.flatnonzero(~self._done & ~self._apart)
            apart = np.flatnonzero(~self._done & self._apart)
            return Labelled(task, rows, task.encode(labels), random, left, apart)

    @property
    def task(self) -> Task:
        """The task with the classes at this moment."""
        return make_task(self.classes, "multi_label" if self.several else "single_label")

    # --- Content of the page ---

    def state(self) -> dict[str, Any]:
        """Return the content of the page as plain values."""
        with self._lock:
            answers, current, turn = list(self.record.answers), self._current, self.turn
            classes, passed = list(self.classes), list(self.record.passed)
        counts = Counter(name for each in answers for name in each.labels)
        today = datetime.now().date()
        return {
            "turn": turn,
            "text": None if current is None else self.texts[current.row],
            "several": self.several,
            "classes": [{"name": name, "count": counts[name]} for name in classes],
            "lacking": [name for name in classes if counts[name] < FEW_TEXTS],
            "answers": len(answers),
            "today": sum(datetime.fromisoformat(each.time).astimezone().date() == today for each in answers),
            "skipped": sum(each.passed == SKIPPED for each in passed),
            "skipped_random": sum(each.chosen_by == choice.RANDOM for each in passed),
            "none_fits": sum(each.passed == NONE_FITS for each in passed),
            "left": int((~self._done).sum()),
            "total": len(self.texts),
            "can_undo": self.can_undo,
            **self._worth(any(counts[name] < FEW_TEXTS for name in classes)),
        }

    def _worth(self, classes_lack: bool) -> dict[str, Any]:
        insight = self.background.insight
        found: dict[str, Any] = {
            "step": insight.step,
            "step_done": insight.done,
            "problem": insight.problem,
            "working": self.background.working,
            "has_model": insight.model is not None,
            "wanted": self.wanted,
        }
        if insight.accuracy is not None:
            found["accuracy"] = vars(insight.accuracy)
            found["expected"] = [
                {"further": further, "middle": each.middle, "low": each.low, "high": each.high}
                for further, each in zip(outlook.FURTHER, insight.expected, strict=False)
            ]
            found["agreement"] = insight.agreement
            found["stop_at"] = outlook.AGREEMENT
            found["agrees"] = insight.agreement is not None and insight.agreement >= outlook.AGREEMENT
            # Models that have hardly seen a rare class agree, too.
            found["stable"] = found["agrees"] and not classes_lack
            found["choosing"] = None if insight.choosing is None else vars(insight.choosing)
            found["reached"] = self.wanted is not None and outlook.is_shown(insight.correct, self.wanted)
        return found

    def hint(self, turn: str, suggestion: bool) -> dict[str, Any]:
        """Return the words that decide in the current text, and the model's suggestion if it is wanted."""
        with self._lock:
            current = self._current
            if turn != self.turn or current is None:
                raise StaleError
            text = self.texts[current.row]
        insight = self.background.insight
        if insight.model is None or insight.encode is None or insight.task is None:
            return {"marks": [], "suggestion": None}
        context = insight.task, insight.model, insight.encode, text
        return {"marks": find_marks(*context), "suggestion": suggest(*context) if suggestion else None}

    def doubts(self) -> list[dict[str, Any]]:
        """Return the probably wrong answers, most doubtful first.

        The random fifth is left out: correcting them only where the model disagrees would flatter it.
        """
        encode = self.background.insight.encode
        if encode is None:
            return []
        labelled = self._snapshot()
        states = np.asarray(encode.states[labelled.rows])
        found = find_doubts(labelled.task, states, labelled.targets, self.seed)
        answers = self.record.answers
        return [
            {
                "text": answers[row].text,
                "labels": list(answers[row].labels),
                "suggested": _names(labelled.task.decode(np.asarray([suggested]))[0]),
            }
            for row, suggested in found
            if not labelled.random[row]
        ]

    def agreement(self) -> dict[str, Any] | None:
        """Return the comparison with the second labeller; None without one."""
        if self.second is None:
            return None
        with self._lock:
            mine = {each.text: each.labels for each in self.record.answers}
        return compare(mine, self.second)


def _names(decoded: Any) -> list[str]:
    return [] if decoded is None else [decoded] if isinstance(decoded, str) else list(decoded)
