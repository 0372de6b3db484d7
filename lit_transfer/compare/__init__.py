"""Which way of using pretrained vectors to choose for this data, with how many labels, and which differences are real."""

from lit_transfer.compare.comparison import run_comparison
from lit_transfer.compare.evidence.recommendation import Verdict
from lit_transfer.compare.plan import Comparison

# The earlier name of `run_comparison`.
compare = run_comparison

__all__ = ["Comparison", "Verdict", "compare", "run_comparison"]
