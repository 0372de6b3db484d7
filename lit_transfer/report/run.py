"""The report of a run in all formats."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lit_transfer.files import atomic_write
from lit_transfer.html import fragment, render
from lit_transfer.report.markdown import markdown
from lit_transfer.report.page import values
from lit_transfer.report.record import RunRecord

# Names of the files beside a checkpoint.
PAGE, RECORD, TEXT = "report.html", "report.json", "report.md"


@dataclass(frozen=True)
class RunReport(RunRecord):
    """Results of a run, as a page, as Markdown, as JSON, and in a notebook."""

    def as_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=1)

    def as_markdown(self) -> str:
        """Return the report as Markdown."""
        return markdown(self)

    def as_html(self) -> str:
        """Return the report as a self-contained page."""
        return render("report/run.html.j2", **values(self))

    def _repr_html_(self) -> str:
        """Return the report for a notebook."""
        return fragment("report/run.html.j2", **values(self))

    def write(self, folder: Path) -> Path:
        """Write the page, the JSON and the Markdown to a folder; return the path of the page."""
        for name, text in ((RECORD, self.as_json()), (TEXT, self.as_markdown()), (PAGE, self.as_html())):
            with atomic_write(folder / name) as file:
                file.write(text)
        return folder / PAGE

    @classmethod
    def read(cls, folder: Path) -> RunReport | None:
        """Read the report of a folder; None if there is none that can be read."""
        try:
            return cls.from_dict(json.loads((folder / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError):
            return None
