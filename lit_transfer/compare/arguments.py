"""The arguments of a comparison: the section `compare` of a configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from lit_transfer.arguments import check_range, parse_duration
from lit_transfer.baselines.catalogue import MAJORITY, MEAN, TFIDF, check_name
from lit_transfer.compare.scores import METRICS
from lit_transfer.errors import ConfigError
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
            or `{name: pretrained, transfer: init, init_from: pretrained.ckpt}`, and optionally its own `vectors`. In place of the
            arguments it may have the path of a `config` of the same texts, such as one that `lightning tune` wrote.
        seeds: Number of seeds for each method and training size; a verdict needs at least 2, and 5 or more are recommended.
            `auto` starts with 3 and adds seeds at the sizes where they are likely to change the choice for the better.
        budget: Time limit for `seeds: auto`, such as 20m or 1h30m; no more seeds are started after it, and baselines that take
            minutes a run are left out if their forecast exceeds it.
        train_sizes: Numbers of training texts; null means all. `auto` means all, and those of 100, 300 and 1,000 that are at most
            two fifths of them and have room for a text of each class. Each seed draws a stratified sample, which is the same for
            all methods; smaller samples are subsets of larger ones.
        folds: Number of parts of the labelled texts, of which each seed is tested on another one and trained on the others, so
            that all texts are test texts. `auto` means 5, or none with a test file or with test rows of `data.split_column`;
            null for the fixed test split of `data.test_fraction`.
        embedding_lrs: Learning rates of the embedding in the mode `slow`; each is compared as a separate method.
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
            has more than 80 % of the test texts. With several labels: `f1` (macro; `auto`), `f1_micro`, `accuracy` (all labels
            of a text are right) or `average_precision` (mean over the classes).
        output_dir: Output folder; an interrupted comparison is resumed from it.
        jobs: Number of parallel runs, each in its own process with its share of the threads (one with the engine `ray`); GPUs
            are assigned in turn.
        engine: `local`, or `ray` for the Ray cluster of the environment variable RAY_ADDRESS (without it, Ray on this
            machine). Runs whose process or machine is lost are repeated.
        min_steps: Minimum number of optimizer steps between evaluations of the validation split. If
            `trainer.check_val_every_n_epoch` epochs have fewer, it and `max_epochs` are multiplied accordingly; not with
            `data.val_folds`.
        smallest_difference: Smallest relevant difference, in points: the recommended method is the cheapest one whose expected
            loss is at most this.
        deliver: Whether the recommended method is trained again on all labels, and written to `recommended/` in `output_dir`.
        show_texts: Whether the page shows test texts on which the methods disagree.

    Raises:
        ConfigError: An argument is invalid.
    """

    modes: list[Transfer] = field(default_factory=lambda: ["random", "init", "frozen", "slow"])
    ways: list[dict[str, Any]] = field(default_factory=list)
    seeds: int | Literal["auto"] = 5
    budget: str | None = None
    train_sizes: list[int | None] | Literal["auto"] = "auto"
    folds: int | Literal["auto"] | None = "auto"
    embedding_lrs: list[float] = field(default_factory=lambda: [SLOW_LR])
    vectors: list[str] | None = None
    baselines: list[str] = field(default_factory=lambda: [MAJORITY, TFIDF, MEAN])
    metric: str = AUTO
    output_dir: str = "runs/compare"
    jobs: int = 1
    engine: Literal["local", "ray"] = "local"
    min_steps: int = 25
    smallest_difference: float = 0.5
    deliver: bool = True
    show_texts: bool = False

    def __post_init__(self) -> None:
        for name in ("modes", "train_sizes", "embedding_lrs", "vectors", "baselines"):
            values = getattr(self, name)
            if isinstance(values, list) and len(set(values)) < len(values):
                raise ConfigError(f"compare.{name} has a duplicate value: {', '.join(map(str, values))}.")
        _ = self.seconds  # checks the budget
        if self.budget is not None and self.seeds != AUTO:
            raise ConfigError(f"compare.budget is {self.budget}, but it requires compare.seeds: auto. Set that too.")
        numbers = {f"compare.{name}": getattr(self, name) for name in ("seeds", "jobs", "min_steps")}
        check_range(1, **{name: number for name, number in numbers.items() if number != AUTO})
        sizes = [None] if self.train_sizes == AUTO else self.train_sizes
        if not sizes or any(size is not None and (isinstance(size, str) or size < 1) for size in sizes):
            raise ConfigError(
                f"compare.train_sizes is {self.train_sizes}; expected sizes of at least 1, or null for all texts."
            )
        if isinstance(self.folds, int):
            check_range(2, **{"compare.folds": self.folds})
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

    @property
    def seconds(self) -> float:
        """Time limit in seconds; infinity without one."""
        return parse_duration(self.budget, "compare.budget")

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
