"""Batching of concurrent calls: one thread computes for all waiting threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

Compute = Callable[[list[str]], np.ndarray]


class DynamicBatcher:
    """Compute concurrent calls as one batch (flat combining: Hendler et al. 2010, SPAA).

    If no other call is being computed, a call is computed at once. Calls that arrive meanwhile wait; the first of them
    then computes all of them. Threads that compute in parallel would contend for the interpreter lock after each
    operation of the network, and a batch of eight texts takes half the time of eight single texts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []
        self._busy = False

    def __reduce__(self) -> tuple[type[DynamicBatcher], tuple[()]]:
        """Pickle without the lock and the calls."""
        return DynamicBatcher, ()

    def __call__(self, texts: list[str], compute: Compute) -> np.ndarray:
        """Compute the rows of some texts, together with those of other threads, which must use the same function.

        Raises:
            Exception: An exception of `compute` for these texts.
        """
        call = _Call(texts)
        with self._lock:
            self._waiting.append(call)
            waits, self._busy = self._busy, True
        if waits:
            call.woken.wait()
        if not call.answered:
            self._compute(compute)  # this call is the first of the waiting calls
        if call.error is not None:
            raise call.error
        assert call.rows is not None
        return call.rows

    @property
    def waiting(self) -> int:
        """Number of calls that wait for the one that is computed."""
        return len(self._waiting)

    def _compute(self, compute: Compute) -> None:
        with self._lock:
            calls, self._waiting = self._waiting, []
        try:
            _answer(calls, compute)
        finally:
            with self._lock:
                # After an interruption, such as ctrl-C, the next call computes the remaining ones.
                self._waiting[:0] = [call for call in calls[1:] if not call.answered]
                self._busy = bool(self._waiting)
                woken = [*(call for call in calls if call.answered), *self._waiting[:1]]
            for call in woken:
                call.woken.set()


class _Call:
    """A call that waits for its rows, or for its turn to compute."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.woken = threading.Event()
        self.rows: np.ndarray | None = None
        self.error: Exception | None = None

    @property
    def answered(self) -> bool:
        return self.rows is not None or self.error is not None


def _answer(calls: list[_Call], compute: Compute) -> None:
    try:
        rows = compute([text for call in calls for text in call.texts])
    except Exception as error:
        if len(calls) == 1:
            calls[0].error = error
        else:  # one of the calls is the cause
            for call in calls:
                _answer([call], compute)
        return
    bounds = np.cumsum([len(call.texts) for call in calls])[:-1]
    for call, part in zip(calls, np.split(rows, bounds), strict=True):
        call.rows = part
