"""Which runs a comparison consists of: ways x training sizes x seeds."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from lit_transfer.errors import ConfigError
from lit_transfer.files import PACKAGE_SCHEME
from lit_transfer.transfer import SLOW_LR, Transfer, get_mode

# Baselines by name; `sentence:PATH` stands for any sentence-transformers model.
MAJORITY, TFIDF, SENTENCE = "majority", "tfidf", "sentence:"


@dataclass(frozen=True)
class Comparison:
    """What is compared, and how.

    Args:
        modes: the ways of using the vectors.
        seeds: trainings of each way at each size; at least 2 for a verdict, and 5 or more for a good one.
        train_sizes: training texts; null is all of them. Each seed draws its own (stratified), the same for all ways, and
            those of a smaller size are among those of a larger one.
        embedding_lrs: learning rates of the embedding in the mode `slow`, each a way of its own.
        vectors: files or names of pretrained vectors; null takes those of `data.vectors`.
        baselines: `majority` (the most frequent class), `tfidf` (1-2 grams with logistic regression) and `sentence:PATH`
            (a frozen sentence-transformers model with logistic regression).
        output_dir: where everything is written; a comparison that was stopped goes on from there.
        jobs: trainings side by side, each in a process of its own with its share of the threads; GPUs are dealt out.
        min_steps: optimizer steps between two looks at the validation split, at least. With few training texts that is
            more than an epoch; `max_epochs` grows alike, so that small sizes are not cut short.
        smallest_difference: points of accuracy that are worth knowing of; where no difference can be shown, the verdict
            says how many seeds would be needed to show so much.

    Raises:
        ConfigError: values that cannot be used.
    """

    modes: list[Transfer] = field(default_factory=lambda: ["random", "init", "frozen", "slow"])
    seeds: int = 5
    train_sizes: list[int | None] = field(default_factory=lambda: [100, 300, 1000, None])
    embedding_lrs: list[float] = field(default_factory=lambda: [SLOW_LR, 1e-4])
    vectors: list[str] | None = None
    baselines: list[str] = field(default_factory=lambda: [MAJORITY, TFIDF])
    output_dir: str = "runs/compare"
    jobs: int = 1
    min_steps: int = 25
    smallest_difference: float = 0.5

    def __post_init__(self) -> None:
        for name in ("modes", "train_sizes", "embedding_lrs", "vectors", "baselines"):
            values = getattr(self, name)
            if values is not None and len(set(values)) < len(values):
                raise ConfigError(f"compare.{name} has a value twice: {', '.join(map(str, values))}.")
        for name, least in (("seeds", 1), ("jobs", 1), ("min_steps", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"compare.{name} is {getattr(self, name)}, but it must be at least {least}.")
        if not self.train_sizes or any(size is not None and size < 1 for size in self.train_sizes):
            raise ConfigError(
                f"compare.train_sizes is {self.train_sizes}; sizes of at least 1 are wanted, or null for all."
            )
        if self.smallest_difference <= 0:
            raise ConfigError(f"compare.smallest_difference is {self.smallest_difference}; points above 0 are wanted.")
        for mode in self.modes:
            get_mode(mode)
        if "slow" in self.modes and not self.embedding_lrs:
            raise ConfigError(
                "compare.modes has slow, but compare.embedding_lrs is empty; give it a rate, such as 1e-6."
            )
        for name in self.baselines:
            if name not in (MAJORITY, TFIDF) and not (name.startswith(SENTENCE) and name != SENTENCE):
                raise ConfigError(
                    f"compare.baselines has {name!r}; it can have {MAJORITY}, {TFIDF} and {SENTENCE}PATH."
                )
        if not self.modes and set(self.baselines) <= {MAJORITY}:
            raise ConfigError(
                "There is nothing to compare: give compare.modes, or more of compare.baselines than majority."
            )


@dataclass(frozen=True)
class Way:
    """One of the things that are compared.

    Attributes:
        name: what the table calls it; no other way of the comparison has the same.
        kind: the mode, or the baseline as configured.
        vectors: the pretrained vectors; None for baselines.
        embedding_lr: the embedding's own learning rate, in the mode `slow`.
        is_baseline: whether it is no mode.
    """

    name: str
    kind: str
    vectors: str | None = None
    embedding_lr: float | None = None
    is_baseline: bool = False

    @property
    def pretrained(self) -> bool:
        """Whether it starts from the pretrained vectors; otherwise they only say how many values an embedding has."""
        return not self.is_baseline and get_mode(self.kind).pretrained

    @property
    def uses_seed(self) -> bool:
        """Whether two seeds give two results on the same training texts."""
        return not self.is_baseline


@dataclass(frozen=True)
class Run:
    """One training and its test.

    Attributes:
        way: what is trained.
        train_size: training texts; None is all.
        seed: of everything; None where the result does not depend on it.
    """

    way: Way
    train_size: int | None
    seed: int | None

    @property
    def key(self) -> str:
        """Its name on disk: says all that the run differs in, so that it stays when other ways join the comparison."""
        way = self.way
        what = [way.kind, way.vectors, None if way.embedding_lr is None else _rate(way.embedding_lr)]
        names = [Path(part).name for part in what if part is not None]
        digest = hashlib.sha256(repr(what).encode()).hexdigest()[:6]
        names += ["all" if self.train_size is None else f"{self.train_size}"]
        names += [] if self.seed is None else [f"seed{self.seed}"]
        return re.sub(r"[^\w.+-]+", "_", "-".join([*names, digest]))


def ways(comparison: Comparison, vectors: list[str]) -> list[Way]:
    """All ways, modes first, in the order configured.

    Args:
        comparison: what is compared.
        vectors: the pretrained vectors, at least one unless only modes without them are compared.
    """
    names = _short_names(vectors)
    found = []
    files: list[str | None] = [*vectors] or [None]
    for mode in comparison.modes:
        pretrained = get_mode(mode).pretrained
        rates: list[float | None] = list(comparison.embedding_lrs) if get_mode(mode).own_lr else [None]
        # Without them the vectors still say how many values an embedding has.
        for file in files if pretrained else files[:1]:
            for rate in rates:
                parts = [str(mode)]
                if rate is not None and len(rates) > 1:
                    parts.append(_rate(rate))
                if pretrained and len(vectors) > 1 and file is not None:
                    parts.append(names[file])
                found.append(Way(" ".join(parts), mode, file, rate))
    found += [Way(_baseline_name(name), name, is_baseline=True) for name in comparison.baselines]
    return found


def plan(comparison: Comparison, vectors: list[str], first_seed: int) -> list[Run]:
    """All runs, seed by seed and small sizes first: a comparison that was stopped has something of everything."""
    sizes = sorted(comparison.train_sizes, key=lambda size: (size is None, size))
    seeds = range(first_seed, first_seed + comparison.seeds)
    runs = [
        Run(way, size, seed if way.uses_seed or size is not None else None)
        for seed in seeds
        for size in sizes
        for way in ways(comparison, vectors)
    ]
    return list(dict.fromkeys(runs))


def _short_names(vectors: list[str]) -> dict[str, str]:
    """The files' names without their folders, where these differ."""
    short = {file: Path(file).name for file in vectors}
    return short if len(set(short.values())) == len(short) else {file: file for file in vectors}


def _rate(rate: float) -> str:
    """A learning rate as one writes it: 1e-6, 2.5e-4."""
    digits, exponent = f"{rate:e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"


def _baseline_name(name: str) -> str:
    if not name.startswith(SENTENCE):
        return name
    path = name.removeprefix(SENTENCE)
    package, _, _ = path.removeprefix(PACKAGE_SCHEME).partition("/")
    return f"sentence {package if path.startswith(PACKAGE_SCHEME) else Path(path).name}"
