"""The methods of a comparison: networks by transfer mode, networks with other arguments, and baselines."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lit_transfer.baselines.catalogue import class_of, short_name
from lit_transfer.compare.arguments import Comparison
from lit_transfer.errors import ConfigError
from lit_transfer.transfer import Mode, get_mode


@dataclass(frozen=True)
class Method:
    """A network or baseline to compare.

    Attributes:
        name: Unique name.
        kind: Transfer mode, or the baseline as configured.
        vectors: Pretrained vectors; None for baselines without vectors.
        embedding_lr: Learning rate of the embedding, in the mode `slow`.
        is_baseline: Whether this is a baseline rather than a network.
        overrides: Arguments of the model that an entry of `ways` changes, as JSON; empty otherwise.
        data: Arguments of the data module that an entry of `ways` changes, as JSON; empty otherwise.
    """

    name: str
    kind: str
    vectors: str | None = None
    embedding_lr: float | None = None
    is_baseline: bool = False
    overrides: str = ""
    data: str = ""

    @property
    def mode(self) -> Mode | None:
        """Transfer mode; None for a baseline."""
        return None if self.is_baseline else get_mode(self.kind)

    @property
    def pretrained(self) -> bool:
        """Whether the embedding starts from the pretrained vectors; otherwise they only determine its dimension."""
        return self.mode is not None and self.mode.pretrained

    @property
    def from_random(self) -> bool:
        """Whether this is a network that starts from random values alone."""
        return self.mode is not None and not self.mode.pretrained and not self.init_from

    @property
    def is_frozen(self) -> bool:
        """Whether this is a network whose embedding is not trained."""
        return self.mode is not None and not self.mode.trainable

    @property
    def is_slow(self) -> bool:
        """Whether this is a network whose embedding has its own learning rate."""
        return self.mode is not None and self.mode.own_lr

    @property
    def init_from(self) -> str | None:
        """Checkpoint that the network starts from, or None."""
        return self.arguments.get("init_from")

    @property
    def uses_seed(self) -> bool:
        """Whether the result on the same training texts depends on the seed."""
        return not self.is_baseline or class_of(self.kind).uses_seed

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the model that differ from the configuration."""
        own: dict[str, Any] = {} if self.is_baseline else {"transfer": self.kind}
        if self.embedding_lr is not None:
            own["embedding_lr"] = self.embedding_lr
        return own | (json.loads(self.overrides) if self.overrides else {})

    @property
    def data_arguments(self) -> dict[str, Any]:
        """Arguments of the data module that differ from the configuration, without the vectors."""
        return json.loads(self.data) if self.data else {}


def methods_of(
    comparison: Comparison,
    vectors: Sequence[str],
    transfer: str = "frozen",
    ways: Sequence[Mapping[str, Any]] | None = None,
) -> list[Method]:
    """Return all methods in the configured order, networks first.

    Entries of `ways` without a transfer mode have `transfer`; without `ways`, the entries are those of the comparison.

    Raises:
        ConfigError: Two methods have the same name.
    """
    names = short_names(vectors)
    found = []
    files: list[str | None] = [*vectors] or [None]
    for mode in comparison.modes:
        pretrained = get_mode(mode).pretrained
        rates: list[float | None] = list(comparison.embedding_lrs) if get_mode(mode).own_lr else [None]
        # Modes without pretrained vectors use a vectors file only for the dimension of the embedding.
        for file in files if pretrained else files[:1]:
            for rate in rates:
                parts = [str(mode)]
                if rate is not None and len(rates) > 1:
                    parts.append(short_rate(rate))
                if pretrained and len(vectors) > 1 and file is not None:
                    parts.append(names[file])
                found.append(Method(" ".join(parts), mode, file, rate))
    for entry in comparison.ways if ways is None else ways:
        overrides = {
            name: value for name, value in entry.items() if name not in ("name", "transfer", "vectors", "data")
        }
        data = json.dumps(entry["data"], sort_keys=True) if entry.get("data") else ""
        mode = entry.get("transfer", transfer)
        own: list[str | None] = [entry["vectors"]] if "vectors" in entry else files
        for file in own if get_mode(mode).pretrained else own[:1]:
            name = f"{entry['name']} {names[file]}" if len(own) > 1 and file in names else entry["name"]
            changed = json.dumps(overrides, sort_keys=True, default=str)
            found.append(Method(name, mode, file, overrides=changed, data=data))
    for name in comparison.baselines:
        short = short_name(name)
        if not class_of(name).uses_vectors:
            found.append(Method(short, name, is_baseline=True))
            continue
        for file in vectors:
            found.append(Method(f"{short} {names[file]}" if len(vectors) > 1 else short, name, file, is_baseline=True))
    all_names = [method.name for method in found]
    if twice := {name for name in all_names if all_names.count(name) > 1}:
        raise ConfigError(f"Two methods have the name {', '.join(sorted(twice))}. Rename the entries of compare.ways.")
    return found


# File name extensions to remove from names of vectors.
ENDINGS = re.compile(r"(\.(gz|zip|txt|vec|bin|kv|npy|mapped|magnitude|model|ftz|pruned))+$", re.IGNORECASE)


def short_names(vectors: Sequence[str]) -> dict[str, str]:
    """Return a short unique name for each vectors file: the shortest distinct prefixes of whole words."""
    bases = {file: ENDINGS.sub("", Path(file).name) or Path(file).name for file in vectors}
    if len(set(bases.values())) < len(bases):
        return {file: file for file in vectors}
    words = {file: re.findall(r"[^\W_]+|[\W_]+", base) for file, base in bases.items()}
    for count in range(1, max(map(len, words.values()), default=0) + 1, 2):
        short = {file: "".join(parts[:count]) for file, parts in words.items()}
        if len(set(short.values())) == len(short):
            return short
    return bases


def short_rate(rate: float) -> str:
    """Format a learning rate in short form: 1e-6, 2.5e-4."""
    digits, exponent = f"{rate:e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"
