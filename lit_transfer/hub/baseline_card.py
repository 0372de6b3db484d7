"""Model cards of baselines."""

from __future__ import annotations

from pathlib import Path

from lit_transfer.baselines.record import BaselineRecord
from lit_transfer.hub.model_card import INTENDED_USE, read_verdict

_TEMPLATE = Path(__file__).with_name("baseline_card.md")


def write_card(folder: Path, record: BaselineRecord, comparison: Path) -> None:
    """Write the model card of a baseline into its folder, with the verdict of the comparison that recommended it.

    Raises:
        ConfigError: The output folder of the comparison has no verdict.
    """
    from jinja2 import Environment, StrictUndefined

    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(
        _TEMPLATE.read_text(encoding="utf-8")
    )
    card = template.render(record=record, intended_use=INTENDED_USE, verdict=read_verdict(comparison))
    (folder / "README.md").write_text(card, encoding="utf-8")
