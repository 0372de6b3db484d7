"""Texts of made-up tickets whose class is told by their words, and their states without a file of vectors."""

import numpy as np

from lit_transfer.curation.labelling.states import TextStates
from lit_transfer.tokenizers import get_tokenizer

WORDS = {
    "refund": ("money", "refund", "paid", "back"),
    "card": ("card", "pin", "bank", "lost"),
    "other": ("hello", "question", "hours", "open"),
}
CLASSES = list(WORDS)


def tickets(count=120, seed=0):
    """Return distinct texts, and their classes by text."""
    rng = np.random.default_rng(seed)
    found = {}
    for number in range(count):
        name = CLASSES[number % len(CLASSES)]
        words = [*rng.choice(WORDS[name], 3), *rng.choice(["please", "now", "the", "my"], 2)]
        rng.shuffle(words)
        found[" ".join([*words, f"t{number}"])] = name
    return found


def make_states(texts, report=lambda step, done: None):
    """Compute states by the words alone, without a cache."""
    return TextStates(texts, get_tokenizer("basic_english"), progress=report)
