"""The target task of pretraining: its data module and its held-out texts."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser

from lit_transfer.data.corpus import Split
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.files.configurations import load_configuration
from lit_transfer.pretraining.unlabelled.leakage import HeldOutTexts

_HELD_OUT_SPLITS = ("val", "test")


def read_target(config: str | Path) -> TextDataModule:
    """Create the data module from the section `data` of a configuration of `lightning fit`.

    Raises:
        ConfigError: The file is missing, or its section `data` is missing or invalid.
    """
    try:
        content = load_configuration(config)
    except ConfigError as error:
        raise ConfigError(f"target: {error}") from error
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, dict):
        raise ConfigError(f"target: {config} has no section `data`. Expected a configuration of `lightning fit`.")
    if "class_path" not in data:
        data = {"class_path": "lit_transfer.TextDataModule", "init_args": data}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(TextDataModule, "data")
    try:
        made: Any = parser.instantiate_classes(parser.parse_object({"data": data}))
    except Exception as error:  # the parser and constructors raise various exceptions
        raise ConfigError(f"target: the section `data` of {config} is invalid: {error}") from error
    return made.data


def tokenizer_for(target: str | Path | None, given: str | Callable[[str], list[str]] | None) -> Any:
    """Return the tokenizer of unlabelled text: the given one, that of the target, or `basic_english`."""
    if given is not None:
        return given
    return "basic_english" if target is None else read_target(target).tokenizer


def find_held_out(target: TextDataModule) -> tuple[HeldOutTexts, str]:
    """Return the texts of the validation and test splits, and a key that identifies them."""
    key = hashlib.sha256()

    def texts() -> Iterator[str]:
        for split in held_out_splits(target).values():
            for text in split.texts:
                key.update(text.encode("utf-8", "surrogatepass") + b"\0")
                yield text

    held_out = HeldOutTexts(texts())
    return held_out, key.hexdigest()


def held_out_splits(target: TextDataModule) -> dict[str, Split]:
    """Return the validation and test splits by name, as far as they exist."""
    found = {}
    for name in _HELD_OUT_SPLITS:
        with contextlib.suppress(ConfigError):  # the target has no such split
            found[name] = target.split(name)
    return found
