"""The runs of a comparison: ways x training sizes x seeds."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lit_transfer.baselines.catalogue import MAJORITY, MEAN, TFIDF, check_name, class_of, short_name
from lit_transfer.compare.scores import METRICS
from lit_transfer.errors import ConfigError
from lit_transfer.ranges import check_range
from lit_transfer.transfer import SLOW_LR, Transfer, get_mode

# Value of `metric` and `seeds` for an automatic choice.
AUTO = "auto"


@dataclass(frozen=True)
class Comparison:
    """Arguments of a comparison.

    Args:
        modes: Transfer modes to compare.
        ways: Additional networks. Each entry has a `name` and the arguments of the model that differ from the configuration,
            for example `{name: late, transfer: slow, embedding_unfreeze_epoch: 3}`, `{name: mine, class_path: my.Classifier}`
            or `{name: pretrained, transfer: init, init_from: pretrained.ckpt}`, and optionally its own `vectors`.
        seeds: Number of seeds for each way and training size; a verdict needs at least 2, and 5 or more are recommended.
            `auto` starts with 3 and adds seeds at the sizes where they can settle an open question.
        budget: Time limit for `seeds: auto`, such as 20m or 1h30m; no more seeds are started after it.
        train_sizes: Numbers of training texts; null means all. Each seed draws a stratified sample, which is the same for all
            ways; smaller samples are subsets of larger ones.
        embedding_lrs: Learning rates of the embedding in the mode `slow`; each is compared as a separate way.
        vectors: Files or names of pretrained vectors; null means `data.vectors`.
        baselines: `majority` (most frequent class), `tfidf` (unigrams and bigrams with logistic regression),
            `tfidf:characters` (the same with n-grams of 1 to 3 characters), `nbsvm` (logistic regression on log-count ratios
            of unigrams and bigrams), `mean` (mean word vectors with logistic regression; omitted without vectors),
            `fasttext`, `fasttext:subwords` (also with n-grams of 1 to 3 characters of each word) and `fasttext:vectors` (with
            pretrained vectors), `static:PATH` (a model2vec model) and `sentence:PATH` (a sentence-transformers model), both
            with logistic regression, `finetune:PATH` (either of both, or a transformers model, with all weights trained), and
            `setfit:PATH` (a sentence-transformers model trained by SetFit). PATH is a folder, `package:NAME/FOLDER`, or a name
            on the hub. The last two take minutes a run.
        metric: Metric to compare: `accuracy`, `f1` (macro) or `balanced_accuracy`; `auto` means accuracy, or f1 if one class
            has more than 80 % of the test texts.
        output_dir: Output folder; an interrupted comparison is resumed from it.
        jobs: Number of parallel runs, each in its own process with its share of the threads (one with the engine `ray`); GPUs
            are assigned in turn.
        engine: `local`, or `ray` for the Ray cluster of the environment variable RAY_ADDRESS (without it, Ray on this
            machine). Runs whose process or machine is lost are repeated.
        min_steps: Minimum number of optimizer steps between evaluations of the validation split. With few training texts this
            is more than an epoch, and `max_epochs` is multiplied accordingly.
        smallest_difference: Smallest relevant difference, in points: the cheapest way not shown to be worse than the best by
            more than this is recommended.
        show_texts: Whether the page shows test texts on which the ways disagree.

    Raises:
        ConfigError: An argument is invalid.
    """

    modes: list[Transfer] = field(default_factory=lambda: ["random", "init", "frozen", "slow"])
    ways: list[dict[str, Any]] = field(default_factory=list)
    seeds: int | Literal["auto"] = 5
    budget: str | None = None
    train_sizes: list[int | None] = field(default_factory=lambda: [100, 300, 1000, None])
    embedding_lrs: list[float] = field(default_factory=lambda: [SLOW_LR, 1e-4])
    vectors: list[str] | None = None
    baselines: list[str] = field(default_factory=lambda: [MAJORITY, TFIDF, MEAN])
    metric: str = AUTO
    output_dir: str = "runs/compare"
    jobs: int = 1
    engine: Literal["local", "ray"] = "local"
    min_steps: int = 25
    smallest_difference: float = 0.5
    show_texts: bool = False

    def __post_init__(self) -> None:
        for name in ("modes", "train_sizes", "embedding_lrs", "vectors", "baselines"):
            values = getattr(self, name)
            if values is not None and len(set(values)) < len(values):
                raise ConfigError(f"compare.{name} has a duplicate value: {', '.join(map(str, values))}.")
        if self.budget is not None and self.seeds != AUTO:
            raise ConfigError(f"compare.budget is {self.budget}, but it requires compare.seeds: auto. Set that too.")
        numbers = {f"compare.{name}": getattr(self, name) for name in ("seeds", "jobs", "min_steps")}
        check_range(1, **{name: number for name, number in numbers.items() if number != AUTO})
        if not self.train_sizes or any(size is not None and size < 1 for size in self.train_sizes):
            raise ConfigError(
                f"compare.train_sizes is {self.train_sizes}; expected sizes of at least 1, or null for all texts."
            )
        if self.smallest_difference <= 0:
            raise ConfigError(f"compare.smallest_difference is {self.smallest_difference}; expected points above 0.")
        if self.metric not in (AUTO, *METRICS):
            raise ConfigError(f"compare.metric is {self.metric!r}; expected one of {', '.join((AUTO, *METRICS))}.")
        for mode in self.modes:
            get_mode(mode)
        if "slow" in self.modes and not self.embedding_lrs:
            raise ConfigError(
                "compare.modes has slow, but compare.embedding_lrs is empty; add a learning rate such as 1e-6."
            )
        for name in self.baselines:
            check_name(name, "compare.baselines")
        self._check_ways()
        if not self.modes and not self.ways and set(self.baselines) <= {MAJORITY}:
            raise ConfigError(
                "There is nothing to compare. Set compare.modes, compare.ways, or other compare.baselines than majority."
            )

    def _check_ways(self) -> None:
        for entry in self.ways:
            if not isinstance(entry.get("name"), str) or not entry["name"].strip():
                raise ConfigError(
                    f"compare.ways has {entry}, which has no name. Expected a name and the arguments of the model that differ, "
                    "such as {name: late, transfer: slow, embedding_unfreeze_epoch: 3}."
                )
            if "transfer" in entry:
                get_mode(entry["transfer"])
        names = [entry["name"] for entry in self.ways]
        if len(set(names)) < len(names):
            raise ConfigError(f"compare.ways has a duplicate name: {', '.join(names)}.")


@dataclass(frozen=True)
class Way:
    """A network or baseline to compare.

    Attributes:
        name: Unique name.
        kind: Transfer mode, or the baseline as configured.
        vectors: Pretrained vectors; None for baselines without vectors.
        embedding_lr: Learning rate of the embedding, in the mode `slow`.
        is_baseline: Whether this is a baseline rather than a network.
        overrides: Arguments of the model that an entry of `ways` changes, as JSON; empty otherwise.
    """

    name: str
    kind: str
    vectors: str | None = None
    embedding_lr: float | None = None
    is_baseline: bool = False
    overrides: str = ""

    @property
    def pretrained(self) -> bool:
        """Whether the embedding starts from the pretrained vectors; otherwise they only determine its dimension."""
        return not self.is_baseline and get_mode(self.kind).pretrained

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


@dataclass(frozen=True)
class Run:
    """Training and test of a way with one seed at one training size.

    Attributes:
        way: The way.
        train_size: Number of training texts; None means all.
        seed: Random seed; None if the result does not depend on it.
    """

    way: Way
    train_size: int | None
    seed: int | None

    @property
    def key(self) -> str:
        """Name on disk, which does not depend on the other ways of the comparison."""
        way = self.way
        what = [way.kind, way.vectors, None if way.embedding_lr is None else _rate(way.embedding_lr)]
        names = [Path(part).name for part in what if part is not None]
        if way.overrides:
            what, names = [*what, way.overrides], [way.name, *names]
        digest = hashlib.sha256(repr(what).encode()).hexdigest()[:6]
        names += ["all" if self.train_size is None else f"{self.train_size}"]
        names += [] if self.seed is None else [f"seed{self.seed}"]
        return re.sub(r"[^\w.+-]+", "_", "-".join([*names, digest]))


def ways(comparison: Comparison, vectors: Sequence[str], transfer: str = "frozen") -> list[Way]:
    """Return all ways in the configured order, networks first.

    Args:
        comparison: Arguments of the comparison.
        vectors: Pretrained vectors; may be empty if no way uses them.
        transfer: Transfer mode of entries of `ways` that do not set one.

    Raises:
        ConfigError: Two ways have the same name.
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
                    parts.append(_rate(rate))
                if pretrained and len(vectors) > 1 and file is not None:
                    parts.append(names[file])
                found.append(Way(" ".join(parts), mode, file, rate))
    for entry in comparison.ways:
        overrides = {name: value for name, value in entry.items() if name not in ("name", "transfer", "vectors")}
        mode = entry.get("transfer", transfer)
        own: list[str | None] = [entry["vectors"]] if "vectors" in entry else files
        for file in own if get_mode(mode).pretrained else own[:1]:
            name = f"{entry['name']} {names[file]}" if len(own) > 1 and file in names else entry["name"]
            found.append(Way(name, mode, file, overrides=json.dumps(overrides, sort_keys=True, default=str)))
    for name in comparison.baselines:
        short = short_name(name)
        if not class_of(name).uses_vectors:
            found.append(Way(short, name, is_baseline=True))
            continue
        for file in vectors:
            found.append(Way(f"{short} {names[file]}" if len(vectors) > 1 else short, name, file, is_baseline=True))
    all_names = [way.name for way in found]
    if twice := {name for name in all_names if all_names.count(name) > 1}:
        raise ConfigError(f"Two ways have the name {', '.join(sorted(twice))}. Rename the entries of compare.ways.")
    return found


def plan(ways: Sequence[Way], sizes: Sequence[int | None], seeds: Sequence[int]) -> list[Run]:
    """Return all runs, ordered by seed, then by training size."""
    in_order = sorted(sizes, key=lambda size: (size is None, size))
    runs = [
        Run(way, size, seed if way.uses_seed or size is not None else None)
        for seed in seeds
        for size in in_order
        for way in ways
    ]
    return list(dict.fromkeys(runs))


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


def _rate(rate: float) -> str:
    """Format a learning rate in short form: 1e-6, 2.5e-4."""
    digits, exponent = f"{rate:e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"
