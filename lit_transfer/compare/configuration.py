"""From a fit configuration with a `compare` part to the configuration of each run."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ActionConfigFile, ArgumentError, Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from lit_transfer.classifier import TextClassifier
from lit_transfer.compare.plan import Comparison, Run
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError

DESCRIPTION = "Compares ways of using pretrained vectors: which one wins on this data, and is the difference real?"
USAGE = "lightning compare --config FILE [--compare.NAME VALUE] [--model.NAME VALUE] [--data.NAME VALUE]"
# What each run is given by the comparison, whatever the configuration says: no result depends on it.
OUTPUT_ONLY = ("logger", "default_root_dir", "enable_progress_bar", "enable_model_summary", "log_every_n_steps")
# Callbacks for the eyes of one who watches a single run.
FOR_DISPLAY = ("ProgressBar", "ModelSummary")
# How a logger is told the run's folder, its name, and the group of the comparison.
LOGGER_ARGUMENTS: dict[str, Any] = {
    "CSVLogger": lambda folder, name, group: {"save_dir": folder, "name": "", "version": ""},
    "TensorBoardLogger": lambda folder, name, group: {"save_dir": folder, "name": "", "version": ""},
    "WandbLogger": lambda folder, name, group: {"save_dir": folder, "name": name, "group": group},
}


def make_parser() -> LightningArgumentParser:
    """The arguments of `lightning fit`, and the part `compare`."""
    parser = LightningArgumentParser(
        prog="lightning compare", description=DESCRIPTION, usage=USAGE, exit_on_error=False
    )
    parser.add_argument("-c", "--config", action=ActionConfigFile, help="Path to a configuration file in yaml format.")
    parser.add_argument("--seed_everything", type=int, default=1, help="The first seed; the others follow it.")
    parser.add_class_arguments(Comparison, "compare", help=DESCRIPTION)
    parser.add_lightning_class_args(Trainer, "trainer")
    parser.add_lightning_class_args(TextClassifier, "model", subclass_mode=True)
    parser.add_lightning_class_args(TextDataModule, "data", subclass_mode=True)
    parser.set_defaults(
        {
            "model": {"class_path": "lit_transfer.TextClassifier"},
            "data": {"class_path": "lit_transfer.TextDataModule"},
        }
    )
    # What else a fit configuration may have.
    parser.add_method_arguments(Trainer, "fit", skip={"model", "train_dataloaders", "val_dataloaders", "datamodule"})
    return parser


def parse_arguments(args: Sequence[str] | None = None) -> dict[str, Any]:
    """The command line as plain values.

    Raises:
        ConfigError: it cannot be used.
    """
    parser = make_parser()
    try:
        return _plain(parser, parser.parse_args(args))
    except ArgumentError as error:
        raise ConfigError(str(error)) from error


def read_configuration(
    config: str | os.PathLike[str] | Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """A YAML file or a mapping, with options for its part `compare`, as plain values.

    Raises:
        ConfigError: it cannot be used.
    """
    parser = make_parser()
    try:
        if isinstance(config, Mapping):
            namespace = parser.parse_object(copy.deepcopy(dict(config)))
        else:
            namespace = parser.parse_args(["--config", os.fspath(config)])
        return _plain(parser, parser.parse_object({"compare": dict(options)}, namespace))
    except ArgumentError as error:
        raise ConfigError(str(error)) from error


def _plain(parser: LightningArgumentParser, namespace: Namespace) -> dict[str, Any]:
    config = yaml.safe_load(parser.dump(namespace, skip_none=False, skip_link_targets=False, format="yaml"))
    if config.get("ckpt_path"):
        raise ConfigError(
            f"ckpt_path is {config['ckpt_path']}, but every run of a comparison starts anew. Leave it out."
        )
    return config


def comparison_of(config: Mapping[str, Any]) -> Comparison:
    """The part `compare`."""
    return Comparison(**config["compare"])


def build(config: Mapping[str, Any]) -> tuple[TextClassifier, TextDataModule, dict[str, Any]]:
    """The model, the data module and the trainer's arguments."""
    parser = make_parser()
    parts = copy.deepcopy(
        {key: config[key] for key in ("model", "data", "trainer")}
    )  # jsonargparse changes what it is given
    made = parser.instantiate_classes(parser.parse_object(parts))
    return made["model"], made["data"], dict(made["trainer"])


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the runs have in common and their results depend on, by dotted names: what must not change in a comparison."""
    common = copy.deepcopy({key: config[key] for key in ("seed_everything", "model", "data", "trainer")})
    common["min_steps"] = config["compare"]["min_steps"]
    for name in ("transfer", "embedding_lr"):
        common["model"].get("init_args", {}).pop(name, None)
    for name in ("vectors", "predict_file", "predict_output", "cache", "cache_dir", "num_workers"):
        common["data"].get("init_args", {}).pop(name, None)
    for name in OUTPUT_ONLY:
        common["trainer"].pop(name, None)
    return dict(_flat(common))


def defaults_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the same classes where nothing is configured."""
    parser = make_parser()
    classes = {part: {"class_path": config[part]["class_path"]} for part in ("model", "data")}
    try:
        return settings_of(_plain(parser, parser.parse_object(classes)))
    except ArgumentError:  # a class of the user's own with arguments that have no default
        return {}


def config_of(config: Mapping[str, Any], run: Run, folder: Path, stretch: int, device: int | None) -> dict[str, Any]:
    """The configuration of one run.

    Args:
        config: the comparison's.
        run: what is run.
        folder: the run's own folder.
        stretch: epochs between two looks at the validation split; `max_epochs` is multiplied by it.
        device: number of the GPU; None is the CPU.
    """
    one = copy.deepcopy(dict(config))
    if not run.way.is_baseline:
        one["model"]["init_args"] |= {"transfer": run.way.kind, "embedding_lr": run.way.embedding_lr}
    one["data"]["init_args"] |= {"vectors": run.way.vectors}
    trainer = one["trainer"]
    group = Path(config["compare"]["output_dir"]).name
    trainer |= {
        "logger": _loggers(trainer["logger"], folder, run.key, group),
        "callbacks": _callbacks(trainer["callbacks"], folder),
        "default_root_dir": str(folder),
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "strategy": "auto",
        "accelerator": "cpu" if device is None else "gpu",
        "devices": 1 if device is None else [device],
        "max_epochs": trainer["max_epochs"] and trainer["max_epochs"] * stretch,
        "check_val_every_n_epoch": (trainer["check_val_every_n_epoch"] or 1) * stretch,
        "log_every_n_steps": 1,
    }
    return one


def _loggers(loggers: Any, folder: Path, name: str, group: str) -> Any:
    if loggers is False:
        return False
    if loggers in (None, True):
        loggers = [{"class_path": "lightning.pytorch.loggers.CSVLogger"}]
    adapted = []
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        arguments = LOGGER_ARGUMENTS.get(_class_name(logger), lambda *_: {})(str(folder), name, group)
        adapted.append({**logger, "init_args": {**logger.get("init_args", {}), **arguments}})
    return adapted


def _callbacks(callbacks: Any, folder: Path) -> list[Any]:
    """Those configured, without those for display; early stopping and the best epoch's checkpoint in any case."""
    given = callbacks if isinstance(callbacks, list) else [callbacks] if callbacks else []
    kept = [copy.deepcopy(callback) for callback in given if not _class_name(callback).endswith(FOR_DISPLAY)]
    names = {_class_name(callback) for callback in kept}
    module = "lightning.pytorch.callbacks"
    if "EarlyStopping" not in names:
        kept.append({"class_path": f"{module}.EarlyStopping", "init_args": {"monitor": "val_loss", "patience": 3}})
    if "ModelCheckpoint" not in names:
        arguments = {"monitor": "val_accuracy", "mode": "max"}
        kept.append({"class_path": f"{module}.ModelCheckpoint", "init_args": arguments})
    for callback in kept:
        if _class_name(callback) == "ModelCheckpoint":
            callback["init_args"] |= {"dirpath": str(folder / "checkpoints"), "save_weights_only": True}
    return kept


def _class_name(entry: Mapping[str, Any]) -> str:
    return entry["class_path"].rpartition(".")[2]


def _flat(value: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(inner, f"{name}.{key}" if name else str(key))]
    if isinstance(value, list):
        return [pair for i, inner in enumerate(value) for pair in _flat(inner, f"{name}.{i}")]
    return [(name, value)]
