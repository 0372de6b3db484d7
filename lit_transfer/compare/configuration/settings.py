"""Settings that all runs of a comparison have in common, and that a resumed comparison must not change."""

from __future__ import annotations

import copy
from typing import Any

from jsonargparse import ArgumentError

from lit_transfer.compare.configuration.configuration import Configuration, compare_parser
from lit_transfer.compare.configuration.tuned import OTHER_DATA, OUTPUT_ONLY
from lit_transfer.config.fit import plain_of


def settings_of(config: Configuration) -> dict[str, Any]:
    """Return the common settings that affect the results, by dotted name."""
    common: dict[str, Any] = {
        "seed_everything": config.first_seed,
        "model": config.model.plain(),
        "data": config.data.plain(),
        "trainer": copy.deepcopy(dict(config.trainer)),
        "min_steps": config.comparison.min_steps,
    }
    for part, names in (("model", ("transfer", "embedding_lr")), ("data", OTHER_DATA)):
        for name in names:
            common[part]["init_args"].pop(name, None)
    for name in OUTPUT_ONLY:
        common["trainer"].pop(name, None)
    return dict(_flat(common))


def defaults_of(config: Configuration) -> dict[str, Any]:
    """Return the default settings for the classes of a configuration."""
    parser = compare_parser()
    classes = {part: {"class_path": getattr(config, part).class_path} for part in ("model", "data")}
    try:
        return settings_of(Configuration.from_plain(plain_of(parser, parser.parse_object(classes))))
    except ArgumentError:  # a custom class has arguments without a default
        return {}


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(inner, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list):
        return [pair for i, inner in enumerate(value) for pair in _flat(inner, f"{name}.{i}")]
    return [(name, value)]
