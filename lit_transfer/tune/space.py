"""The settings to search: a default that fits the data, narrowed or extended by the configuration."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lit_transfer.errors import ConfigError, TokenizerError
from lit_transfer.tokenizers.registry import get_tokenizer
from lit_transfer.tokenizers.scripts import TOKENIZERS_OF, main_script

if TYPE_CHECKING:
    from optuna.trial import Trial

# Suggested only for this mode.
EMBEDDING_LR, TRANSFER, SLOW = "model.embedding_lr", "model.transfer", "slow"


@dataclass(frozen=True)
class Range:
    """A range of numbers; of integers if both ends are.

    Attributes:
        low: Smallest number.
        high: Largest number.
        log: Whether numbers are drawn on a logarithmic scale.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0) or not math.isfinite(self.high):
            raise ConfigError(
                f"tune.space has low {self.low} and high {self.high}; expected low below high, above 0 for log."
            )


Space = Mapping[str, "Range | Sequence[Any]"]


def default_space(texts: Sequence[str], vectors: bool, tokenizer: str | None) -> dict[str, Range | Sequence[Any]]:
    """Return the default search space.

    Args:
        texts: Training texts, for the tokenizers that fit their script.
        vectors: Whether there are pretrained vectors.
        tokenizer: The tokenizer that the vectors were trained with, which is then the only one.
    """
    space: dict[str, Range | Sequence[Any]] = {
        TRANSFER: ["init", "frozen", SLOW] if vectors else ["random"],
        "model.lr": Range(5e-4, 1e-2, log=True),
        EMBEDDING_LR: Range(1e-5, 1e-3, log=True),
        "model.dropout": Range(0.0, 0.7),
        "model.embedding_dropout": Range(0.0, 0.5),
        "model.hidden_size": [64, 100, 150, 200, 300],
        "model.pooling": ["max", "mean", ["max", "mean"]],
        "data.min_freq": [1, 2, 3],
    }
    if not vectors:
        del space[TRANSFER], space[EMBEDDING_LR]
    if tokenizer is None:
        names = [name for name in TOKENIZERS_OF.get(main_script(texts), TOKENIZERS_OF["*"]) if _is_installed(name)]
        if len(names) > 1:
            space["data.tokenizer"] = names
    return space


def merge(default: Space, given: Mapping[str, Any] | None) -> dict[str, Range | Sequence[Any]]:
    """Return the default space with the entries of the configuration.

    Raises:
        ConfigError: An entry is neither a list nor a range.
    """
    space = dict(default)
    for name, entry in (given or {}).items():
        if name.partition(".")[0] not in ("model", "data", "trainer") or not name.partition(".")[2]:
            raise ConfigError(
                f"tune.space has {name}; expected a name such as model.lr, data.min_freq or trainer.max_epochs."
            )
        if entry is None:
            space.pop(name, None)
        elif isinstance(entry, Mapping) and {"low", "high"} <= set(entry) <= {"low", "high", "log"}:
            space[name] = Range(**entry)
        elif isinstance(entry, list) and entry:
            space[name] = entry
        else:
            raise ConfigError(
                f"tune.space.{name} is {entry}; expected a list of values, a range such as "
                "{low: 1.0e-4, high: 1.0e-2, log: true}, or null."
            )
    return space


def suggest(trial: Trial, space: Space) -> dict[str, Any]:
    """Return settings by name, drawn for a trial; the learning rate of the embedding only for the mode that has one."""
    found: dict[str, Any] = {}
    for name, entry in sorted(space.items(), key=lambda pair: pair[0] == EMBEDDING_LR):
        if name == EMBEDDING_LR and found.get(TRANSFER, SLOW) != SLOW:
            continue
        if not isinstance(entry, Range):  # as JSON, since a choice may be a list
            found[name] = json.loads(trial.suggest_categorical(name, [json.dumps(value) for value in entry]))
        elif isinstance(entry.low, int) and isinstance(entry.high, int):
            found[name] = trial.suggest_int(name, entry.low, entry.high, log=entry.log)
        else:
            found[name] = float(f"{trial.suggest_float(name, entry.low, entry.high, log=entry.log):.3g}")
    return found


def as_parameters(settings: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """Return the settings of a configuration that are in the space, as parameters of a trial."""
    parameters: dict[str, Any] = {}
    for name, entry in space.items():
        value = settings.get(name)
        if isinstance(entry, Range):
            if isinstance(value, int | float) and entry.low <= value <= entry.high:
                parameters[name] = value
        elif value in entry:
            parameters[name] = json.dumps(value)
    return parameters


def _is_installed(tokenizer: str) -> bool:
    try:
        get_tokenizer(tokenizer)("a")
    except TokenizerError:
        return False
    return True
