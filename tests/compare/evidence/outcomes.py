"""Simulated results with known differences."""

import numpy as np

from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.plan import Way

TEXTS = 2000
RANDOM, INIT, FROZEN = Way("random", "random"), Way("init", "init", "v"), Way("frozen", "frozen", "v")
SLOW = Way("slow", "slow", "v", 1e-6)
MAJORITY = Way("majority", "majority", is_baseline=True)
TFIDF = Way("tfidf", "tfidf", is_baseline=True)
LABELS = np.arange(TEXTS) % 2


def outcome(way, share, seeds=5, seed=0):
    """Return an outcome with the given share of correct texts, drawn independently for each seed."""
    right = np.random.default_rng([seed, round(1000 * share)]).random((seeds, TEXTS)) < share
    return Outcome(way, np.where(right, LABELS, 1 - LABELS), right)


def guessing():
    """Return an outcome with every other text correct."""
    right = (LABELS == 0)[None]
    return Outcome(MAJORITY, np.zeros((1, TEXTS), int), right)
