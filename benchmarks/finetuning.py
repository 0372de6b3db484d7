"""Test accuracy by initialization, fine-tuning method and number of labels.

    python -m benchmarks.finetuning --name "GloVe" --vectors glove-6b-50d
    python -m benchmarks.finetuning --name "pretrained" --vectors runs/pretrain/adapted.mapped \
        --init_from runs/pretrain/pretrained.ckpt
    python -m benchmarks.finetuning --name "pretrained, lower rate" --vectors runs/pretrain/adapted.mapped \
        --init_from runs/pretrain/pretrained.ckpt --set lr=0.001 --against pretrained

The networks of a row are trained with `configs/pretrained.yaml` and the changes of `--set`: `--set lr=0.001` changes an argument
of the model, and a dotted name any option of `lightning fit` (`--set data.max_length=50 trainer.max_epochs=30`). All rows use the
same texts: for MR, half of the texts are the test split (a tenth with all labels), drawn for each seed; SST-2 and TREC have
official test splits. The validation texts are included in the number of labels. Accuracies are written to
`benchmarks/results/finetuning.json`, and from there to the table `finetuning.md`; `--against` prints the paired differences from
another row.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Trainer, seed_everything

from benchmarks.corpora import ROOT, SHARED
from benchmarks.pretraining import REVIEWS, SIZES, cell
from lit_transfer import TextDataModule
from lit_transfer.compare.configuration import Configuration, compare_parser, config_of
from lit_transfer.compare.methods import Method
from lit_transfer.compare.plan import RunSpec
from lit_transfer.config.fit import build, plain_of
from lit_transfer.data.reading.in_memory import TextsAndLabels
from lit_transfer.files import atomic_write
from lit_transfer.tasks.sampling import stratified_order

REPORT = ROOT / "benchmarks" / "results" / "finetuning.md"
TITLES = {"mr": "MR, sentences of film reviews", "sst2": "SST-2, sentences of film reviews", "trec": "TREC, questions"}
HEAD = """# Fine-tuning

Test accuracy (percent, mean and standard deviation over seeds) of networks trained with `configs/pretrained.yaml` and the given
settings; see `python -m benchmarks.finetuning --help`. Minutes are the time of all trainings of a row on one core.
"""
# Minimum number of optimizer steps between evaluations of the validation split, as in `lightning compare`.
MIN_STEPS = 25
TEST_BATCH = 256


def read(name: str) -> tuple[TextsAndLabels, TextsAndLabels | None]:
    """Return the labelled texts, and the official test split if there is one."""
    if name == "mr":
        data = TextDataModule(train_file=REVIEWS, where={"source": "rotten_tomatoes"}, val_fraction=0.0)
    else:
        folder = SHARED / "data" / name
        data = TextDataModule(
            train_file=str(folder / "train.tsv"), test_file=str(folder / "test.tsv"), val_fraction=0.0
        )
    splits = {split: data.split(split) for split in ("train", "test") if name != "mr" or split == "train"}
    found = {split: (part.texts, [data.labels[label] for label in part.labels]) for split, part in splits.items()}
    return found["train"], found.get("test")


def draw(
    train: TextsAndLabels, test: TextsAndLabels | None, size: int | None, seed: int, val_fraction: float
) -> dict[str, TextsAndLabels]:
    """Draw the splits of one training; smaller train splits are subsets of larger ones.

    Args:
        train: The labelled texts.
        test: Official test split; if None, one is drawn.
        size: Number of labels, including those for validation; None for all.
        seed: Random seed.
        val_fraction: Share of the labels for validation.
    """
    order = stratified_order(np.unique(train[1], return_inverse=True)[1], seed)
    cut = 0 if test is not None else len(order) // (10 if size is None else 2)
    rows = order[cut:][:size]
    val = round(val_fraction * len(rows))
    parts = {"test": order[:cut], "val": rows[:val], "train": rows[val:]}
    drawn = {
        name: ([train[0][i] for i in part], [train[1][i] for i in part]) for name, part in parts.items() if len(part)
    }
    return drawn | ({} if test is None else {"test": test})


def accuracy(config: Configuration, splits: Mapping[str, TextsAndLabels], seed: int) -> float:
    """Train once; return the test accuracy in percent of the best epoch, or of the last one without validation."""
    seed_everything(seed, verbose=False)
    arguments = {name: value for name, value in config.data.init_args.items() if not name.endswith("_file")}
    arguments |= {"where": None, "label_names": None, "val_fraction": 0.0, "test_fraction": 0.0}
    # With few labels, large batches would give few steps.
    arguments["batch_size"] = max(2, min(arguments["batch_size"], len(splits["train"][0]) // 8))
    data = TextDataModule.from_lists(**splits, **arguments)
    stretch = math.ceil(MIN_STEPS / math.ceil(len(splits["train"][0]) / data.batch_size))
    with tempfile.TemporaryDirectory() as folder:
        run = RunSpec(Method("", config.model.init_args["transfer"], arguments["vectors"]), None, seed)
        model, _, trainer_arguments = build(config_of(config, run, Path(folder), stretch, device=None))
        model.quiet = True
        trainer = Trainer(**trainer_arguments)
        trainer.fit(model, data)
        best, data.batch_size = "best" if "val" in splits else None, TEST_BATCH
        return 100 * trainer.test(model, data, ckpt_path=best, weights_only=True, verbose=False)[0]["test_accuracy"]


def configure(config: str, changes: Mapping[str, str], model: str | None = None) -> Configuration:
    """Read a configuration of `fit` with changes by dotted names; names without a dot are arguments of the model.

    Args:
        config: Path of the YAML file.
        changes: Values by name.
        model: Class path of the model, instead of that in the file.
    """
    parser = compare_parser()
    options = [] if model is None else [f"--model={model}"]
    options += [f"--{name if '.' in name else 'model.' + name}={value}" for name, value in changes.items()]
    return Configuration.from_plain(plain_of(parser, parser.parse_args(["--config", config, *options])))


def report(results: Mapping[str, Any], path: Path) -> None:
    """Write the tables of all results."""
    parts = [HEAD.strip()]
    for title, rows in ((TITLES[name], results[name]) for name in TITLES if name in results):
        parts += [
            f"## {title}",
            "| initialization | 100 labels | 300 | 1,000 | all | minutes | settings |\n|---|---|---|---|---|---|---|",
        ]
        for name, row in rows.items():
            cells = [cell(row["accuracy"][key]) if (key := str(size)) in row["accuracy"] else "" for size in SIZES]
            parts[-1] += f"\n| {name} | {' | '.join(cells)} | {sum(row['minutes'].values()):.1f} | {row['settings']} |"
    with atomic_write(path) as file:
        file.write("\n\n".join(parts) + "\n")


def differences(row: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the mean difference of two rows at each number of labels, paired by seed, with its standard error."""
    lines = []
    for size, values in row["accuracy"].items():
        pairs = [a - b for a, b in zip(values, other["accuracy"].get(size, []), strict=False)]
        if len(pairs) > 1:
            error = statistics.stdev(pairs) / math.sqrt(len(pairs))
            lines.append(f"{size}: {statistics.mean(pairs):+.2f} ± {error:.2f} ({len(pairs)} seeds)")
    return lines


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of all benchmarks that train networks by number of labels."""
    parser.add_argument("--config", default=str(ROOT / "configs" / "pretrained.yaml"))
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--init_from", default="null", help="a checkpoint, such as that of `lightning pretrain`")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="arguments of the model, options of fit"
    )
    parser.add_argument(
        "--model", metavar="CLASS", help="class path of the model, such as a subclass of TextClassifier"
    )
    parser.add_argument("--sizes", nargs="+", default=["100", "300", "1000", "all"], help="numbers of labels")
    parser.add_argument("--seeds", type=int, default=5, help="at each number of labels")
    parser.add_argument("--seeds_of_all", type=int, default=3, help="with all labels")
    parser.add_argument("--val_fraction", type=float, default=0.2, help="of the labels; 0.1 with all of them")


def prepare(given: argparse.Namespace) -> Configuration:
    """Return the configuration of the arguments; use one thread, and suppress messages of the trainings."""
    os.environ["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", "1")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    changes = {"data.vectors": given.vectors, "init_from": given.init_from, "trainer.logger": "false"}
    return configure(given.config, changes | dict(item.split("=", 1) for item in given.set), given.model)


def main() -> None:
    """Measure one row."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.finetuning",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="name of the row")
    add_training_arguments(parser)
    parser.add_argument("--data", default="mr", choices=list(TITLES))
    parser.add_argument("--against", help="another row, to print the paired differences to it")
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    config = prepare(given)
    train, test = read(given.data)
    kept = given.report.with_suffix(".json")
    for size in (None if size == "all" else int(size) for size in given.sizes):
        start, values = time.process_time(), []
        for seed in range(given.seeds_of_all if size is None else given.seeds):
            share = min(given.val_fraction, 0.1) if size is None else given.val_fraction
            values.append(round(accuracy(config, draw(train, test, size, seed, share), seed), 2))
        minutes = (time.process_time() - start) / 60
        print(
            f"{given.data}, {given.name}, {size or 'all'}: {cell(values)} {values} ({minutes:.1f} minutes)", flush=True
        )
        # Read again each time: another row may have been measured meanwhile.
        results = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        row = results.setdefault(given.data, {}).setdefault(given.name, {"accuracy": {}, "minutes": {}})
        row["settings"] = " ".join(([] if given.model is None else [given.model]) + given.set)
        row["accuracy"][str(size)], row["minutes"][str(size)] = values, round(minutes, 2)
        with atomic_write(kept) as file:
            file.write(json.dumps(results, indent=1) + "\n")
        report(results, given.report)
    for line in differences(row, results[given.data].get(given.against, {"accuracy": {}})) if given.against else []:
        print(f"{given.name} - {given.against}, {line}")


if __name__ == "__main__":
    main()
