"""Replacement of a section in a Markdown file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lit_transfer.files import atomic_write


def replace_section(report: Path, head: str, titles: Sequence[str], title: str, body: str) -> None:
    """Replace the body of a section of a report.

    Args:
        report: Path of the report; created if missing.
        head: Text before the sections.
        titles: Titles of all sections in order; other sections are dropped.
        title: Title of the section to replace.
        body: New body of the section.
    """
    text = report.read_text(encoding="utf-8") if report.exists() else ""
    parts = (part.partition("\n") for part in text.split("\n## ")[1:])
    sections = {old: old_body.strip() for old, _, old_body in parts} | {title: body.strip()}
    ordered = [f"## {title}\n\n{sections[title]}" for title in titles if title in sections]
    report.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(report) as file:
        file.write("\n\n".join([head.strip(), *ordered]) + "\n")
