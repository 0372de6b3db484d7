"""The report of a run: one object, shown as a page, as Markdown, as JSON, on the terminal, and in a notebook."""

from lit_transfer.report.record import TestOutcome
from lit_transfer.report.run import RunReport

__all__ = ["RunReport", "TestOutcome"]
