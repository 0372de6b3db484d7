"""Networks that another configuration describes, such as one that `lightning tune` wrote, as entries of `compare.ways`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lit_transfer.config.fit import fit_parser, plain_of
from lit_transfer.config.parser import explained
from lit_transfer.errors import ConfigError

# Arguments of the trainer that do not affect the results.
OUTPUT_ONLY = ("logger", "default_root_dir", "enable_progress_bar", "enable_model_summary", "log_every_n_steps")
# Key of an entry with the path of the configuration.
CONFIG = "config"
# Arguments of the data module that may differ between networks; all others determine the texts.
OWN_DATA = ("tokenizer", "min_freq", "max_vocab_size", "max_length", "batch_size", "max_tokens")
# Arguments of the data module that do not affect the results, or are part of the entry.
OTHER_DATA = ("vectors", "predict_file", "predict_output", "cache", "cache_dir", "num_workers")


def resolved(entry: Mapping[str, Any], sections: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of `compare.ways` with the settings of its configuration in place of the path.

    These are the arguments of the model that differ from the sections of the comparison, `vectors`, and in `data` the arguments
    of the data module that differ. Other arguments of the entry have priority.

    Raises:
        ConfigError: The configuration is invalid, or has other texts or another trainer than the comparison.
    """
    if CONFIG not in entry:
        return dict(entry)
    path, parser = str(entry[CONFIG]), fit_parser()
    with explained(parser, f"compare.ways, {entry['name']}: "):
        plain = plain_of(parser, parser.parse_args(["--config", path]))
    model, data = (plain[part].get("init_args") or {} for part in ("model", "data"))
    changed = _different(model, sections["model"]["init_args"])
    own = _different(data, sections["data"]["init_args"])
    refused = {f"data.{name}": value for name, value in own.items() if name not in (*OWN_DATA, *OTHER_DATA)}
    trainer = _different(plain["trainer"], sections["trainer"])
    refused |= {f"trainer.{name}": value for name, value in trainer.items() if name not in OUTPUT_ONLY}
    if plain["data"]["class_path"] != sections["data"]["class_path"]:
        refused["data.class_path"] = plain["data"]["class_path"]
    if refused:
        listed = ", ".join(f"{name} {value}" for name, value in refused.items())
        raise ConfigError(
            f"compare.ways, {entry['name']}: {path} has {listed}, unlike the configuration of the comparison. Its methods are "
            "trained on the same texts by the same trainer; give the same values there."
        )
    if plain["model"]["class_path"] != sections["model"]["class_path"]:
        changed["class_path"] = plain["model"]["class_path"]
    found = {**changed, "transfer": model.get("transfer", "frozen")}
    if data.get("vectors") is not None:
        found["vectors"] = data["vectors"]
    if kept := {name: own[name] for name in OWN_DATA if name in own}:
        found["data"] = kept
    return found | {name: value for name, value in entry.items() if name != CONFIG}


def _different(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in others or others[name] != value}
