"""`lightning audit`: find probably wrong labels, see `lit_transfer.curation`."""

from __future__ import annotations

from collections.abc import Sequence

from jsonargparse import ArgumentError
from rich.console import Console
from rich.text import Text

from lit_transfer.compare.configuration import Configuration, make_parser, plain_of
from lit_transfer.console import printable
from lit_transfer.curation.audit_report import Audit, audit
from lit_transfer.errors import ConfigError
from lit_transfer.training.options import explain

DESCRIPTION = (
    "Find probably wrong labels with cross-validated classifiers, and write them to a CSV file and an HTML page."
)
USAGE = "lightning audit --config FILE [--audit.NAME VALUE] [--data.NAME VALUE]"
# Number of texts to show on the terminal.
SHOWN = 5


def main(args: Sequence[str] | None = None) -> None:
    """Audit the labels of a configuration's data.

    Raises:
        LitTransferError: The data are invalid, or cleanlab is not installed.
    """
    parser = make_parser(prog="lightning audit", description=DESCRIPTION, usage=USAGE)
    parser.add_class_arguments(Audit, "audit", help="Arguments of the audit.")
    try:
        plain = plain_of(parser, parser.parse_args(args))
    except ArgumentError as error:
        raise ConfigError(explain(str(error), parser)) from error
    options = Audit(**plain.pop("audit"))
    found = audit(Configuration.from_plain(plain), options)
    console = Console()
    console.print(Text(f"{len(found.rows):,} of {found.texts:,} texts to review", style="bold"))
    for row in found.rows[:SHOWN]:
        console.print(
            Text(printable(f"  {row['label']} → {row['suggested']} ({row['suggested_probability']}): {row['text']}"))
        )
    console.print(Text.assemble(("page", "bold"), f"  {printable(str(found.page))}"), soft_wrap=True)
    console.print(Text.assemble(("csv", "bold"), f"   {printable(str(found.csv))}"), soft_wrap=True)
