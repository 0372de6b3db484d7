"""Comparison of transfer modes and baselines on a data set, with tests of the differences."""

from lit_transfer.compare.comparison import run_comparison
from lit_transfer.compare.evidence.recommendation import Verdict
from lit_transfer.compare.plan import Comparison

# The earlier name of `run_comparison`.
compare = run_comparison

__all__ = ["Comparison", "Verdict", "compare", "run_comparison"]
