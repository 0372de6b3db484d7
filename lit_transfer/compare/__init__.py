"""Which way of using pretrained vectors wins on this data, with how many labels, and is the difference real?"""

from lit_transfer.compare.command import compare
from lit_transfer.compare.plan import Comparison
from lit_transfer.compare.verdict import Verdict

__all__ = ["Comparison", "Verdict", "compare"]
