"""Simulated results with known differences."""

import numpy as np

from lit_transfer.compare.evidence.outcome import Outcome
from lit_transfer.compare.methods import Method

TEXTS = 2000
RANDOM, INIT, FROZEN = Method("random", "random"), Method("init", "init", "v"), Method("frozen", "frozen", "v")
SLOW = Method("slow", "slow", "v", 1e-6)
MAJORITY = Method("majority", "majority", is_baseline=True)
TFIDF = Method("tfidf", "tfidf", is_baseline=True)
LABELS = np.arange(TEXTS) % 2


def outcome(way, share, seeds=5, seed=0):
    """Return an outcome with the given share of correct texts, drawn independently for each seed."""
    right = np.random.default_rng([seed, round(1000 * share)]).random((seeds, TEXTS)) < share
    return Outcome(way, np.where(right, LABELS, 1 - LABELS), right)


def guessing():
    """Return an outcome with every other text correct."""
    right = (LABELS == 0)[None]
    return Outcome(MAJORITY, np.zeros((1, TEXTS), int), right)
