"""From a fit configuration with a `compare` part to the configuration of each run."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ActionConfigFile, ArgumentError, Namespace
from lightning.pytorch import Trainer
from lightning.pytorch.cli import LightningArgumentParser

from lit_transfer.classifier import TextClassifier
from lit_transfer.compare.plan import Comparison, Run, Way, ways
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.ranges import LARGEST_SEED, check_range
from lit_transfer.training.arguments import DEFAULT_CLASSES
from lit_transfer.training.options import explain

DESCRIPTION = "Compares ways of using pretrained vectors: which one wins on this data, and is the difference real?"
USAGE = "lightning compare --config FILE [--compare.NAME VALUE] [--model.NAME VALUE] [--data.NAME VALUE]"
# What each run is given by the comparison, whatever the configuration says: no result depends on it.
OUTPUT_ONLY = ("logger", "default_root_dir", "enable_progress_bar", "enable_model_summary", "log_every_n_steps")
# Callbacks that only display the progress of a single run.
FOR_DISPLAY = ("ProgressBar", "ModelSummary")
# How a logger is told the run's folder, its name, and the group of the comparison.
LOGGER_ARGUMENTS: dict[str, Any] = {
    "CSVLogger": lambda folder, name, group: {"save_dir": folder, "name": "", "version": ""},
    "TensorBoardLogger": lambda folder, name, group: {"save_dir": folder, "name": "", "version": ""},
    "WandbLogger": lambda folder, name, group: {"save_dir": folder, "name": name, "group": group},
}


def make_parser(
    prog: str = "lightning compare", description: str = DESCRIPTION, usage: str = USAGE
) -> LightningArgumentParser:
    """Return a parser of the arguments of `lightning fit`, and of the part `compare`."""
    parser = LightningArgumentParser(prog=prog, description=description, usage=usage, exit_on_error=False)
    parser.add_argument("-c", "--config", action=ActionConfigFile, help="Path to a configuration file in yaml format.")
    parser.add_argument("--seed_everything", type=int, default=1, help="The first seed; the others follow it.")
    parser.add_class_arguments(Comparison, "compare", help=DESCRIPTION)
    parser.add_lightning_class_args(Trainer, "trainer")
    parser.add_lightning_class_args(TextClassifier, "model", subclass_mode=True)
    parser.add_lightning_class_args(TextDataModule, "data", subclass_mode=True)
    parser.set_defaults(DEFAULT_CLASSES)
    # What else a fit configuration may have.
    parser.add_method_arguments(Trainer, "fit", skip={"model", "train_dataloaders", "val_dataloaders", "datamodule"})
    return parser


@dataclass(frozen=True)
class ClassArguments:
    """A class and the arguments that are configured for it.

    Attributes:
        class_path: Where the class is imported from.
        init_args: Its arguments by name.
    """

    class_path: str
    init_args: Mapping[str, Any]

    def plain(self, **changed: Any) -> dict[str, Any]:
        """Return the part of a configuration, with some arguments changed."""
        return {"class_path": self.class_path, "init_args": copy.deepcopy(dict(self.init_args)) | changed}


@dataclass(frozen=True)
class Configuration:
    """The whole configuration of a comparison, read once.

    Attributes:
        comparison: The part `compare`.
        first_seed: `seed_everything`; the other seeds follow it.
        model: The model that each network is built from.
        data: The data module.
        trainer: The trainer's arguments.
        others: What else a configuration of `lightning fit` may have.
    """

    comparison: Comparison
    first_seed: int
    model: ClassArguments
    data: ClassArguments
    trainer: Mapping[str, Any]
    others: Mapping[str, Any]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Configuration:
        """Read the configuration as the parser gives it.

        Raises:
            ConfigError: It cannot be used.
        """
        if plain.get("ckpt_path"):
            raise ConfigError(
                f"ckpt_path is {plain['ckpt_path']}, but every run of a comparison starts anew. Leave it out."
            )
        check_range(0, LARGEST_SEED, seed_everything=plain["seed_everything"])
        model, data = (
            ClassArguments(plain[part]["class_path"], plain[part].get("init_args") or {}) for part in ("model", "data")
        )
        known = ("compare", "seed_everything", "model", "data", "trainer")
        others = {name: value for name, value in plain.items() if name not in known}
        return cls(Comparison(**plain["compare"]), plain["seed_everything"], model, data, plain["trainer"], others)

    def plain(self) -> dict[str, Any]:
        """Return the configuration as a file has it."""
        return {
            "seed_everything": self.first_seed,
            "compare": copy.deepcopy(vars(self.comparison)),
            "model": self.model.plain(),
            "data": self.data.plain(),
            "trainer": copy.deepcopy(dict(self.trainer)),
            **copy.deepcopy(dict(self.others)),
        }

    @property
    def folder(self) -> Path:
        """Where everything is written."""
        return Path(self.comparison.output_dir)

    @property
    def vectors(self) -> list[str]:
        """The pretrained vectors that are compared."""
        own = self.data.init_args.get("vectors")
        return self.comparison.vectors if self.comparison.vectors is not None else [own] if own else []

    @property
    def ways(self) -> list[Way]:
        """All ways.

        Raises:
            ConfigError: Some need vectors and there are none.
        """
        found = ways(self.comparison, self.vectors, self.model.init_args.get("transfer", "frozen"))
        if wanting := [way.name for way in found if way.pretrained and not (way.vectors or way.init_from)]:
            raise ConfigError(
                f"The comparison has {', '.join(wanting)}, but there are no vectors. Set --compare.vectors or --data.vectors "
                "to a file of vectors (or glove-6b-50d)."
            )
        return found


def parse_arguments(args: Sequence[str] | None = None) -> Configuration:
    """Read the command line.

    Raises:
        ConfigError: It cannot be used.
    """
    parser = make_parser()
    try:
        return _read(parser, parser.parse_args(args))
    except ArgumentError as error:
        raise ConfigError(explain(str(error), parser)) from error


def read_configuration(config: str | os.PathLike[str] | Mapping[str, Any], options: Mapping[str, Any]) -> Configuration:
    """Read a YAML file or a mapping, with options for its part `compare`.

    Raises:
        ConfigError: It cannot be used.
    """
    parser = make_parser()
    try:
        if isinstance(config, Mapping):
            namespace = parser.parse_object(copy.deepcopy(dict(config)))
        else:
            namespace = parser.parse_args(["--config", os.fspath(config)])
        return _read(parser, parser.parse_object({"compare": dict(options)}, namespace))
    except ArgumentError as error:
        raise ConfigError(explain(str(error), parser)) from error


def _read(parser: LightningArgumentParser, namespace: Namespace) -> Configuration:
    return Configuration.from_plain(plain_of(parser, namespace))


def plain_of(parser: LightningArgumentParser, namespace: Namespace) -> dict[str, Any]:
    """Return what was parsed as plain values."""
    return yaml.safe_load(parser.dump(namespace, skip_none=False, skip_link_targets=False, format="yaml"))


def build(parts: Mapping[str, Any]) -> tuple[TextClassifier, TextDataModule, dict[str, Any]]:
    """Build the model, the data module and the trainer's arguments.

    Args:
        parts: `model`, `data` and `trainer` as in a file.

    Raises:
        ConfigError: They cannot be used.
    """
    parser = make_parser()
    try:
        # jsonargparse changes what it is given.
        made = parser.instantiate_classes(parser.parse_object(copy.deepcopy(dict(parts))))
    except ArgumentError as error:
        raise ConfigError(explain(str(error), parser)) from error
    return made["model"], made["data"], dict(made["trainer"])


def check_ways(config: Configuration) -> None:
    """Check the arguments of the comparison's own ways before anything is trained.

    Raises:
        ConfigError: A model does not take them.
    """
    for way in config.ways:
        if way.overrides:
            arguments = way.arguments
            class_path = arguments.pop("class_path", config.model.class_path)
            parser = make_parser()
            try:
                parser.parse_object({"model": {**config.model.plain(**arguments), "class_path": class_path}})
            except ArgumentError as error:
                raise ConfigError(f"compare.ways, {way.name}: {explain(str(error), parser)}") from error


def settings_of(config: Configuration) -> dict[str, Any]:
    """Return what the runs have in common and their results depend on, by dotted names: what a comparison must keep."""
    common: dict[str, Any] = {
        "seed_everything": config.first_seed,
        "model": config.model.plain(),
        "data": config.data.plain(),
        "trainer": copy.deepcopy(dict(config.trainer)),
        "min_steps": config.comparison.min_steps,
    }
    for part, names in (
        ("model", ("transfer", "embedding_lr")),
        ("data", ("vectors", "predict_file", "predict_output", "cache", "cache_dir", "num_workers")),
    ):
        for name in names:
            common[part]["init_args"].pop(name, None)
    for name in OUTPUT_ONLY:
        common["trainer"].pop(name, None)
    return dict(_flat(common))


def defaults_of(config: Configuration) -> dict[str, Any]:
    """Return the settings of the same classes where nothing is configured."""
    parser = make_parser()
    classes = {part: {"class_path": getattr(config, part).class_path} for part in ("model", "data")}
    try:
        return settings_of(_read(parser, parser.parse_object(classes)))
    except ArgumentError:  # a class of the user's own with arguments that have no default
        return {}


def config_of(config: Configuration, run: Run, folder: Path, stretch: int, device: int | None) -> dict[str, Any]:
    """Return the configuration of one run.

    Args:
        config: The comparison's.
        run: What is run.
        folder: The run's own folder.
        stretch: Epochs between two evaluations of the validation split; `max_epochs` is multiplied by it.
        device: Number of the GPU; None is the CPU.
    """
    arguments = run.way.arguments
    class_path = arguments.pop("class_path", config.model.class_path)
    trainer = copy.deepcopy(dict(config.trainer))
    trainer |= {
        "logger": _loggers(trainer["logger"], folder, run.key, config.folder.name),
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
    return {
        "model": {**config.model.plain(**arguments), "class_path": class_path},
        "data": config.data.plain(vectors=run.way.vectors),
        "trainer": trainer,
    }


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
    """Return those configured, without those for display; early stopping and the best epoch's checkpoint in any case."""
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
