"""Marks of the words that decide, and the model's suggestion."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from lit_transfer.curation.labelling.regression import Regression
from lit_transfer.curation.labelling.states import TextStates
from lit_transfer.tasks import Task

# Words of a text that are examined: a state is computed without each of them.
MOST_WORDS = 80
# A word is marked if it moves the logits by so large a share of what the strongest word does; there are two strengths. At most
# so large a share of the words is marked.
WEAK, STRONG, MARKED = 0.5, 0.8, 0.3
_WORD = re.compile(r"\S+")


def find_marks(task: Task, model: Regression, encode: TextStates, text: str) -> list[tuple[int, int, int]]:
    """Return the words whose omission changes the model's margin most, for any class.

    Each has its start, its end and its strength (1 or 2), in the units of JavaScript's strings (UTF-16).
    """
    words = list(_WORD.finditer(text))[:MOST_WORDS]
    if len(words) < 2:
        return []
    without = [text[: word.start()] + text[word.end() :] for word in words]
    # A class without a text has no finite logit.
    logits = task.center(model.logits(encode.variants([text, *without]))[:, np.isfinite(model.bias)])
    moved = np.abs(logits[0] - logits[1:]).max(axis=1)
    largest = float(moved.max())
    if largest <= 0:
        return []
    shares = moved / largest
    least = max(WEAK, float(np.sort(shares)[-max(1, round(MARKED * len(words)))]))
    return [
        (_utf16(text[: word.start()]), _utf16(text[: word.end()]), 2 if share >= STRONG else 1)
        for word, share in zip(words, shares.tolist(), strict=True)
        if share >= least
    ]


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def suggest(task: Task, model: Regression, encode: TextStates, text: str) -> dict[str, Any]:
    """Return the model's decision and probabilities for a text."""
    prediction = task.predictions(task.probabilities(model.logits(encode([text]))))[0]
    return {"probabilities": {name: float(share) for name, share in prediction.probabilities.items()}}
