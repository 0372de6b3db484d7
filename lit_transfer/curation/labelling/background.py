"""Background computation: states, model and outlook, in a thread, so that the labeller never waits."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lit_transfer.compare.evidence.curve import Outlook
from lit_transfer.curation.labelling import choice, outlook
from lit_transfer.curation.labelling.outlook import Accuracy
from lit_transfer.curation.labelling.regression import Examples, Regression, fit
from lit_transfer.curation.labelling.states import Progress, TextStates
from lit_transfer.errors import LitTransferError
from lit_transfer.tasks import Task

# Number of texts that are ranked, so that the labeller may be that many ahead of the model.
RANKED = 200
# The outlook is computed again after so many answers.
OUTLOOK_EVERY = 5
# Number of texts on which successive models are compared.
COMPARED = 2_000


@dataclass(frozen=True)
class Labelled:
    """The answers at one moment.

    Attributes:
        task: The task.
        rows: Text of each answer, in the order of the answers. *Shape:* `(answers,)`.
        targets: Target of each answer.
        random: Whether each answer is one of the random fifth. *Shape:* `(answers,)`, bool.
        left: Texts without an answer that are not set apart. *Shape:* `(texts,)`.
        apart: Texts without an answer that are set apart. *Shape:* `(texts,)`.
    """

    task: Task
    rows: np.ndarray
    targets: np.ndarray
    random: np.ndarray
    left: np.ndarray
    apart: np.ndarray


@dataclass(frozen=True)
class Insight:
    """Results of the thread; replaced as a whole.

    Attributes:
        step: Current step, before the states are computed; empty afterwards.
        done: Number of texts done in that step.
        problem: Message of an error that ended the thread; empty for none.
        encode: The states, and the encoder of further texts; None before they are computed.
        varied: Texts of the first batch.
        ranked: Least certain texts, least certain first.
        model: The model; None before the labels differ.
        task: Task of the model.
        answers: Number of answers that the model was trained and tested on.
        accuracy: Accuracy on the random texts; None without a model.
        expected: Expected accuracy for each of `outlook.FURTHER`.
        agreement: Agreement of successive models; None with few labels.
        choosing: Whether choosing helps; None with few labels.
    """

    step: str = ""
    done: int = 0
    problem: str = ""
    encode: TextStates | None = None
    varied: Sequence[int] = ()
    ranked: Sequence[int] = ()
    model: Regression | None = None
    task: Task | None = None
    answers: int = 0
    accuracy: Accuracy | None = None
    correct: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    expected: Sequence[Outlook] = ()
    agreement: float | None = None
    choosing: outlook.Choosing | None = None


class Background:
    """A thread that computes the states, and then an `Insight` after each change.

    `make_states` is given a function to report progress to; `snapshot` returns the answers.
    """

    def __init__(
        self, make_states: Callable[[Progress], TextStates], snapshot: Callable[[], Labelled], seed: int = 0
    ) -> None:
        self._make_states, self._snapshot, self._seed = make_states, snapshot, seed
        self._changed = threading.Event()
        self._closed, self._looking = False, True
        self._outlook_at = -OUTLOOK_EVERY
        self.insight = Insight(step="starting")
        self._thread = threading.Thread(target=self._run, name="labelling", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def changed(self) -> None:
        """Report an answer or a correction."""
        self._changed.set()

    @property
    def working(self) -> bool:
        """Whether there are answers that `insight` does not contain yet."""
        return not self.insight.problem and (self._looking or self._changed.is_set())

    def close(self) -> None:
        """Let the thread end."""
        self._closed = True
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            encode = self._make_states(lambda step, done: self._set(step=step, done=done))
            now = self._snapshot()
            count = max(choice.VARIED_TEXTS, choice.VARIED_PER_CLASS * now.task.num_classes)
            self._set(step="", encode=encode, varied=choice.varied(encode.states, now.left, count, self._seed))
            self._changed.set()
            while not self._closed:
                self._changed.wait()
                self._looking = True
                self._changed.clear()
                if not self._closed:
                    self._look(encode.states, self._snapshot())
                self._looking = False
        except LitTransferError as error:
            self._set(step="", problem=str(error))
        except Exception as error:  # labelling continues with random texts
            traceback.print_exc()
            self._set(step="", problem=f"{type(error).__name__}: {error}")

    def _set(self, **values: object) -> None:
        self.insight = Insight(**{**vars(self.insight), **values})  # type: ignore[arg-type]

    def _look(self, states: np.ndarray, now: Labelled) -> None:
        task, train = now.task, ~now.random
        known = Examples(np.asarray(states[now.rows[train]]), now.targets[train])
        model = fit(*known, task.num_classes) if train.any() else None
        if model is None:
            self._set(
                model=None, task=task, ranked=(), answers=len(now.rows), accuracy=None, expected=(), agreement=None
            )
            return
        tested = Examples(np.asarray(states[now.rows[now.random]]), now.targets[now.random])
        right = task.correct(model.decide(task, tested.states), tested.targets)
        ranked = choice.least_certain(task.margin(task.probabilities(model.logits(states, now.left))), now.left, RANKED)
        self._set(
            model=model,
            task=task,
            ranked=ranked,
            answers=len(now.rows),
            accuracy=outlook.accuracy_of(right),
            correct=right,
        )
        if abs(len(now.rows) - self._outlook_at) < OUTLOOK_EVERY:
            return
        self._outlook_at = len(now.rows)
        self._set(expected=outlook.expect(task, known, tested, seed=self._seed))
        compared = np.asarray(states[np.sort(now.apart[:COMPARED])])
        self._set(agreement=outlook.agreement(task, known, compared) if len(compared) else None)
        self._set(choosing=outlook.does_choosing_help(task, known, tested, self._seed))
