"""`lightning audit`: find probably wrong labels, see `lit_transfer.curation`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from lit_transfer.config.fit import build, fit_parser, parse_own
from lit_transfer.config.help import page_of
from lit_transfer.curation.audit_report import Audit, audit
from lit_transfer.escaping import printable

DESCRIPTION = """Find probably wrong labels with cross-validated classifiers, and write them to a CSV file and an HTML page.

Examples:
  lightning audit --config my.yaml"""
HELP = {"audit": page_of(DESCRIPTION, audit=Audit)}
# Number of texts to show on the terminal.
SHOWN = 5


def main(args: Sequence[str] | None = None) -> None:
    """Audit the labels of a configuration's data.

    Raises:
        LitTransferError: The data are invalid, or cleanlab is not installed.
    """
    if HELP["audit"].shown("audit", args or ()):
        return
    parser = fit_parser("audit", DESCRIPTION, "--config FILE [--audit.NAME VALUE]", {"audit": Audit})
    parsed = parse_own(parser, args, Audit, "audit")
    found = audit(build({"data": parsed.plain["data"]})[1], parsed.own, parsed.seed)
    console = Console()
    console.print(Text(f"{len(found.rows):,} of {found.texts:,} texts to review", style="bold"))
    for row in found.rows[:SHOWN]:
        console.print(
            Text(printable(f"  {row['label']} → {row['suggested']} ({row['suggested_probability']}): {row['text']}"))
        )
    console.print(Text.assemble(("page", "bold"), f"  {printable(str(found.page))}"), soft_wrap=True)
    console.print(Text.assemble(("csv", "bold"), f"   {printable(str(found.csv))}"), soft_wrap=True)
