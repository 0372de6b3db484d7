"""A Markdown file of titled sections, of which one is made anew and the others stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lit_transfer.files import written_whole


def replace_section(report: Path, head: str, titles: Sequence[str], title: str, body: str) -> None:
    """Writes the report with a section's new body.

    Args:
        report: the file; it need not exist.
        head: what comes before the sections.
        titles: of all sections, in their order; others are dropped.
        title: of the section.
        body: its text.
    """
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    parts = (part.partition("\n") for part in text.split("\n## ")[1:])
    sections = {old: old_body.strip() for old, _, old_body in parts} | {title: body.strip()}
    ordered = [f"## {title}\n\n{sections[title]}" for title in titles if title in sections]
    report.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(report) as file:
        file.write("\n\n".join([head.strip(), *ordered]) + "\n")
