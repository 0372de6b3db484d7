"""Arguments of `lightning tune`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_transfer.arguments import check_range, parse_duration


@dataclass(frozen=True)
class Tuning:
    """Arguments of a search for settings.

    Args:
        budget: Time limit of the search and the comparison that follows it, such as 10m or 1h30m. At most half of it is kept
            for the comparison.
        trials: Maximum number of settings to try; null for no limit.
        out: Configuration to write, that of `fit` with the best settings. `tune.json` is written beside it.
        output_dir: Folder for the journal of the search. The same command continues a search; two at the same time share it.
        space: Settings to search, in addition to or instead of the default ones: a list of values, or a range such as
            `{low: 1.0e-4, high: 1.0e-2, log: true}`, by name, such as `model.lr`. null: the setting of the configuration.
        folds: Number of folds of the training texts. Settings are trained on the others and validated on one of them.
        seeds: Number of seeds for the comparison of the best settings with those of the configuration; fewer, at least two, if
            the time does not suffice.
        test_fraction: Share of the texts, 0 to 1, for the comparison if the configuration has no test split.

    Raises:
        ConfigError: An argument is out of range.
    """

    budget: str = "10m"
    trials: int | None = None
    out: str = "tuned.yaml"
    output_dir: str = "runs/tune"
    space: dict[str, Any] | None = None
    folds: int = 3
    seeds: int = 5
    test_fraction: float = 0.2

    def __post_init__(self) -> None:
        check_range(2, **{"tune.folds": self.folds, "tune.seeds": self.seeds})
        check_range(1, **{"tune.trials": self.trials})
        check_range(0.01, 0.9, **{"tune.test_fraction": self.test_fraction})
        _ = self.seconds  # checks the budget

    @property
    def seconds(self) -> float:
        """Time limit in seconds."""
        return parse_duration(self.budget, "tune.budget")

    @property
    def journal(self) -> Path:
        """File of the trials."""
        return Path(self.output_dir) / "journal.log"
