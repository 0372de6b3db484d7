"""Comparison of methods on a data set, with tests of the differences."""

from lit_transfer.compare.arguments import Comparison
from lit_transfer.compare.comparison import run_comparison
from lit_transfer.compare.evidence.recommendation import Verdict
from lit_transfer.compare.results import Results

# The earlier name of `run_comparison`.
compare = run_comparison

__all__ = ["Comparison", "Results", "Verdict", "compare", "run_comparison"]
