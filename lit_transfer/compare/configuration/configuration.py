"""The configuration of a comparison as a typed object."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lit_transfer.arguments import LARGEST_SEED, check_range
from lit_transfer.compare.arguments import Comparison
from lit_transfer.compare.configuration.tuned import resolved
from lit_transfer.compare.methods import Method, methods_of
from lit_transfer.config.fit import OptionParser, fit_parser, plain_of
from lit_transfer.config.parser import explained
from lit_transfer.errors import ConfigError


@dataclass(frozen=True)
class ClassArguments:
    """A class and its configured arguments.

    Attributes:
        class_path: Import path of the class.
        init_args: Arguments by name.
    """

    class_path: str
    init_args: Mapping[str, Any]

    def plain(self, **changed: Any) -> dict[str, Any]:
        """Return a section of a configuration file, with `changed` arguments."""
        return {"class_path": self.class_path, "init_args": copy.deepcopy(dict(self.init_args)) | changed}


@dataclass(frozen=True)
class Configuration:
    """Configuration of a comparison.

    Attributes:
        comparison: Section `compare`.
        first_seed: Value of `seed_everything`; further seeds are successive.
        model: Class and arguments of the model.
        data: Class and arguments of the data module.
        trainer: Arguments of the trainer.
        others: Other arguments of `lightning fit`.
    """

    comparison: Comparison
    first_seed: int
    model: ClassArguments
    data: ClassArguments
    trainer: Mapping[str, Any]
    others: Mapping[str, Any]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Configuration:
        """Create a configuration from parsed arguments as plain values.

        Raises:
            ConfigError: An argument is invalid.
        """
        if plain.get("ckpt_path"):
            raise ConfigError(
                f"ckpt_path is {plain['ckpt_path']}, but the runs of a comparison are not resumed from it. Omit it."
            )
        check_range(0, LARGEST_SEED, seed_everything=plain["seed_everything"])
        model, data = (
            ClassArguments(plain[part]["class_path"], plain[part].get("init_args") or {}) for part in ("model", "data")
        )
        known = ("compare", "seed_everything", "model", "data", "trainer")
        others = {name: value for name, value in plain.items() if name not in known}
        return cls(Comparison(**plain["compare"]), plain["seed_everything"], model, data, plain["trainer"], others)

    def plain(self) -> dict[str, Any]:
        """Return the contents of a configuration file."""
        return {
            "seed_everything": self.first_seed,
            "compare": copy.deepcopy(vars(self.comparison)),
            "model": self.model.plain(),
            "data": self.data.plain(),
            "trainer": copy.deepcopy(dict(self.trainer)),
            **copy.deepcopy(dict(self.others)),
        }

    def with_data(self, **changed: Any) -> Configuration:
        """Return a copy with other arguments of the data module."""
        return replace(self, data=replace(self.data, init_args={**self.data.init_args, **changed}))

    @property
    def folder(self) -> Path:
        """Output folder."""
        return Path(self.comparison.output_dir)

    @property
    def vectors(self) -> list[str]:
        """Pretrained vectors to compare."""
        own = self.data.init_args.get("vectors")
        return self.comparison.vectors if self.comparison.vectors is not None else [own] if own else []

    @cached_property
    def methods(self) -> list[Method]:
        """All methods.

        Raises:
            ConfigError: A method needs vectors, but there are none, or the configuration of a method does not fit.
        """
        sections = {"model": self.model.plain(), "data": self.data.plain(), "trainer": self.trainer}
        ways = [resolved(entry, sections) for entry in self.comparison.ways]
        found = methods_of(self.comparison, self.vectors, self.model.init_args.get("transfer", "frozen"), ways)
        if wanting := [
            method.name for method in found if method.pretrained and not (method.vectors or method.init_from)
        ]:
            raise ConfigError(
                f"The comparison has {', '.join(wanting)}, but there are no vectors. Set --compare.vectors or --data.vectors "
                "to a vectors file (or glove-6b-50d)."
            )
        return found


def compare_parser() -> OptionParser:
    """Return the parser of `lightning compare`."""
    description = "Compare transfer modes and baselines on your data, and test the differences for significance."
    seed_help = "First seed; further seeds are successive."
    return fit_parser(
        "compare", description, "--config FILE [--compare.NAME VALUE]", {"compare": Comparison}, seed_help
    )


def parse_arguments(args: Sequence[str] | None = None) -> Configuration:
    """Read the configuration from the command line, `sys.argv[1:]` if `args` is None.

    Raises:
        ConfigError: An argument is unknown or invalid.
    """
    parser = compare_parser()
    with explained(parser):
        return Configuration.from_plain(plain_of(parser, parser.parse_args(args)))


def read_configuration(config: str | os.PathLike[str] | Mapping[str, Any], options: Mapping[str, Any]) -> Configuration:
    """Read the configuration from a YAML file or a mapping; `options` override its section `compare`.

    Raises:
        ConfigError: An argument is unknown or invalid.
    """
    parser = compare_parser()
    with explained(parser):
        if isinstance(config, Mapping):
            namespace = parser.parse_object(copy.deepcopy(dict(config)))
        else:
            namespace = parser.parse_args(["--config", os.fspath(config)])
        return Configuration.from_plain(plain_of(parser, parser.parse_object({"compare": dict(options)}, namespace)))


def check_methods(config: Configuration) -> None:
    """Check the arguments of the additional networks (`compare.ways`) before any training.

    Raises:
        ConfigError: A model does not accept an argument.
    """
    for method in config.methods:
        if method.overrides:
            arguments = method.arguments
            class_path = arguments.pop("class_path", config.model.class_path)
            parser = fit_parser()
            with explained(parser, f"compare.ways, {method.name}: "):
                parser.parse_object({"model": {**config.model.plain(**arguments), "class_path": class_path}})
