"""Several labels for a text: GoEmotions by transfer mode and baseline, and what thresholds contribute.

    python -m benchmarks.multi_label --modes random init frozen slow --seeds 0 1 2
    python -m benchmarks.multi_label --modes majority tfidf tfidf:characters nbsvm mean fasttext sentence:PATH
    python -m benchmarks.multi_label --modes init --set data.vectors=other.vec
    python -m benchmarks.multi_label --logits FOLDER --ensemble init-1 tfidf-1 nbsvm-1 --name "init, tfidf and nbsvm"

GoEmotions (Demszky et al. 2020; 43,410 / 5,426 / 5,427 texts, 28 classes) is expected in `../shared/data/goemotions`. The
official split is used; temperature and thresholds are fitted on the validation part. Each run adds a row to
`benchmarks/results/multi_label.json`, from which the table `multi_label.md` is written: macro and micro F1 on the test part at a
threshold of 0.5, at one common threshold, at the best threshold of each class, and at those of the package, shrunk to the common
one; exact match, average precision, and texts per second on one thread. The first columns are on the validation part, each half
decided by temperature and thresholds of the other. An ensemble has the mean log-odds, each calibrated, of runs whose logits were
kept by `--logits`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from benchmarks.corpora import ROOT, SHARED
from lit_transfer import TextClassifier, TextDataModule, load
from lit_transfer.baselines.baseline import Inputs
from lit_transfer.baselines.catalogue import class_of, make_baseline, short_name
from lit_transfer.baselines.folder import BaselineRecord
from lit_transfer.files import atomic_write
from lit_transfer.prediction.baseline_predictor import BaselinePredictor
from lit_transfer.runtime.base_predictor import BasePredictor
from lit_transfer.tasks import MultiLabel
from lit_transfer.tasks.calibration import fit_temperature, sigmoid_sums
from lit_transfer.tasks.f1_thresholds import best_threshold, common_threshold, fit_thresholds
from lit_transfer.tasks.scores import average_precision

FOLDER = SHARED / "data" / "goemotions"
ROWS = ROOT / "benchmarks" / "results" / "multi_label.json"
NETWORKS = ("random", "init", "frozen", "slow")
MODEL = {"lr": 1e-3, "hidden_size": 150, "dropout": 0.5, "pooling": ["max", "mean"]}
DATA = {"vectors": "glove-6b-50d", "batch_size": 50, "max_length": 60}
TRAINER = {"max_epochs": 8, "patience": 2, "precision": "32-true"}
HEAD = """# Several labels for a text: GoEmotions

Test part, percent, mean (and standard deviation) over seeds; see `python -m benchmarks.multi_label --help`. Published: BERT-base
46 macro F1 (Demszky et al. 2020). "0.5", "common", "each class" and "shrunk" are the thresholds, chosen on the validation part.
Texts per second are those of prediction on one thread, minutes those of training, both of processor time. Baselines that do not
depend on the seed (`tfidf`, `nbsvm`, a regression on the vectors of an encoder) have one run.

"Batches of 128" are in bfloat16 at a learning rate of 0.002, instead of batches of 50 in float32 at 0.001. A row of several
methods is their mean log-odds (`--ensemble`). `pretrained` is a run with batches of 128 from `lightning pretrain train.tsv
--target goemotions.yaml --model.objectives language_model` (8 epochs over the training texts without labels, adapted vectors).
`student` has a teacher file: the mean of the labels and of probabilities of TF-IDF and NBSVM from other folds. `student,
pretrained` starts as `pretrained`, and its teacher file is the mean of the labels and of the mean log-odds of TF-IDF, NBSVM and
`pretrained` from three other folds. The static vectors of `model2vec` are distilled from the encoder by model2vec itself.
"""
Parts = dict[str, tuple[np.ndarray, np.ndarray]]
COLUMNS = ("0.5", "common", "each class", "shrunk")


def evaluate(
    task: MultiLabel, val: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> dict[str, Any]:
    """Return the scores on the test part by rule for the thresholds.

    Args:
        task: The task.
        val: Logits and targets of the validation part. *Shape:* `(texts, num_classes)`.
        test: Logits and targets of the test part.
    """
    temperature = fit_temperature(sigmoid_sums(*val))
    probabilities, row = task.probabilities(test[0], temperature), {}
    rules = rules_of(task.probabilities(val[0], temperature), val[1])
    for name, threshold in rules.items():
        decisions = probabilities >= threshold
        row[name] = task.figures(task.count_hits(decisions, test[1])) | task.text_figures(decisions, test[1])
    return {
        "rules": row,
        "validation": validate(task, *val),
        "temperature": temperature,
        "common": float(rules["common"]),
        "average_precision": float(average_precision(probabilities, test[1]).mean()),
    }


def rules_of(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, np.ndarray]:
    """Return the thresholds of each rule, chosen on some texts. *Shape:* `(num_classes,)`, or a scalar."""
    best = [best_threshold(*columns) for columns in zip(probabilities.T, targets.T, strict=True)]
    common = np.array(common_threshold(probabilities, targets))
    return dict(
        zip(COLUMNS, (np.array(0.5), common, np.array(best), fit_thresholds(probabilities, targets)), strict=True)
    )


def validate(task: MultiLabel, logits: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Return macro and micro F1 on the validation part, each half decided by temperature and thresholds of the other."""
    [half] = task.stratified_split(targets, [0.5], 0)
    first = np.isin(np.arange(len(targets)), half)
    decisions = np.zeros(targets.shape, dtype=bool)
    for part in (first, ~first):
        calibration = task.fit_calibration(logits[~part], targets[~part])
        decisions[part] = task.decide(
            task.probabilities(logits[part], calibration["temperature"]), calibration["threshold"]
        )
    return task.figures(task.count_hits(decisions, targets))


def network(mode: str, seed: int, changes: dict[str, Any]) -> tuple[dict[str, Any], Parts]:
    """Train a network; return its times, and the logits and targets of the validation and the test part."""
    seed_everything(seed, verbose=False)
    changed = {
        part: {k[len(part) + 1 :]: v for k, v in changes.items() if k.startswith(part + ".")}
        for part in ("data", "model", "trainer")
    }
    options = {**TRAINER, **changed["trainer"]}
    arguments = {**DATA, **changed["data"]}
    if mode == "random":
        arguments["vectors"] = None
    model = TextClassifier(
        transfer=mode, embedding_dim=None if arguments["vectors"] else 50, **{**MODEL, **changed["model"]}
    )  # type: ignore[arg-type]
    data = read(**arguments)
    with tempfile.TemporaryDirectory() as folder:
        best = ModelCheckpoint(folder, monitor="val_f1", mode="max", save_weights_only=True)
        stop = EarlyStopping("val_f1", mode="max", patience=options["patience"])
        trainer = Trainer(
            max_epochs=options["max_epochs"],
            callbacks=[best, stop],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            default_root_dir=folder,
            precision=options["precision"],
        )
        start = time.process_time()
        trainer.fit(model, data)
        minutes = (time.process_time() - start) / 60
        predictor = load(best.best_model_path)
    rate, parts = classify(predictor, data)
    return {"epochs": trainer.current_epoch, "minutes": minutes, "texts_per_second": rate}, parts


def baseline(mode: str, seed: int, changes: dict[str, Any]) -> tuple[dict[str, Any], Parts]:
    """Fit a baseline as `lightning compare` does, with settings selected on the validation part; return as `network` does."""
    data = read(**DATA)
    made = make_baseline(mode, vectors=data.vectors if class_of(mode).uses_vectors else None)
    train, val = (Inputs.of(data, part) for part in ("train", "val"))
    _ = train.tokens, val.tokens
    start = time.process_time()
    made.fit(train, val, data.task, seed)
    minutes = (time.process_time() - start) / 60
    record = BaselineRecord(
        mode, made.settings, data.labels, data.tokenizer, data.arguments.max_length, task_name=data.task.name
    )
    rate, parts = classify(BaselinePredictor(made, record), data)
    return {"minutes": minutes, "texts_per_second": rate, "settings": made.settings}, parts


def ensemble(members: list[str], rows: list[dict[str, Any]], folder: Path) -> tuple[dict[str, Any], Parts]:
    """Average the log-odds of runs, given as NAME-SEED; return as `network` does."""
    arrays = [np.load(folder / f"{member}.npz") for member in members]
    temperatures = [fit_temperature(sigmoid_sums(each["val_0"], each["val_1"])) for each in arrays]
    parts = {
        part: (
            np.mean([each[f"{part}_0"] / t for each, t in zip(arrays, temperatures, strict=True)], axis=0),
            arrays[0][f"{part}_1"],
        )
        for part in ("val", "test")
    }
    runs = [row for row in rows if f"{row['name']}-{row['seed']}" in members]
    rate = 1 / sum(1 / row["texts_per_second"] for row in runs)
    return {"minutes": sum(row["minutes"] for row in runs), "texts_per_second": rate, "members": members}, parts


def classify(predictor: BasePredictor, data: TextDataModule) -> tuple[float, Parts]:
    """Return the texts per second, and the logits and targets of the validation and the test part."""
    parts = {}
    for name in ("val", "test"):
        split, start = data.split(name), time.process_time()
        parts[name] = predictor.logits(split.texts), np.asarray(split.labels)
        seconds = time.process_time() - start
    return len(parts["test"][0]) / seconds, parts


def read(**arguments: Any) -> TextDataModule:
    """Return the data module of GoEmotions."""
    files = {
        f"{name}_file": str(FOLDER / f"{part}.tsv")
        for name, part in (("train", "train"), ("val", "dev"), ("test", "test"))
    }
    return TextDataModule(**files, label_separator="|", **arguments)


def write(rows: list[dict[str, Any]], report: Path) -> None:
    """Write the table."""
    lines = [
        HEAD,
        "| method | macro, validation | micro, validation | "
        + " | ".join(f"macro, {name}" for name in COLUMNS)
        + " | micro, shrunk | exact match | average precision | texts/s | minutes | seeds |",
    ]
    lines.append("|---" + "|---:" * (len(COLUMNS) + 8) + "|")
    for name in dict.fromkeys(row["name"] for row in rows):
        some = [row for row in rows if row["name"] == name]
        cells = [_cell([row["validation"][figure] for row in some]) for figure in ("f1", "f1_micro")]
        cells += [_cell([row["rules"][rule]["f1"] for row in some]) for rule in COLUMNS]
        cells += [_cell([row["rules"]["shrunk"][figure] for row in some]) for figure in ("f1_micro", "accuracy")]
        cells.append(_cell([row["average_precision"] for row in some]))
        cells += [
            f"{statistics.median(row['texts_per_second'] for row in some):,.0f}",
            f"{statistics.mean(row['minutes'] for row in some):.1f}",
            str(len(some)),
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    with atomic_write(report) as file:
        file.write("\n".join(lines) + "\n")


def _cell(shares: list[float]) -> str:
    spread = f" ({100 * statistics.stdev(shares):.1f})" if len(shares) > 1 else ""
    return f"{100 * statistics.mean(shares):.1f}{spread}"


def add(
    values: argparse.Namespace, name: str, seed: int, changes: dict[str, Any], row: dict[str, Any], parts: Parts
) -> None:
    """Evaluate a run, add it to the rows and print it."""
    task = MultiLabel(tuple(map(str, range(parts["val"][1].shape[1]))))
    row = {"name": name, "seed": seed, "set": changes, **row, **evaluate(task, parts["val"], parts["test"])}
    rows = json.loads(values.rows.read_text()) if values.rows.exists() else []
    rows = [other for other in rows if (other["name"], other["seed"]) != (name, seed)] + [row]
    with atomic_write(values.rows) as file:
        file.write(json.dumps(rows, indent=1) + "\n")
    print(
        name,
        seed,
        {rule: round(100 * each["f1"], 1) for rule, each in row["rules"].items()},
        {figure: round(100 * share, 1) for figure, share in row["validation"].items()},
        f"{row['minutes']:.1f} min",
        flush=True,
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", nargs="+", default=[], help="transfer modes, and baselines of compare")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="PART.NAME=VALUE", help="changes of data, model or trainer"
    )
    parser.add_argument("--name", help="name of the row (default: the mode)")
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--logits", type=Path, help="existing folder to write the logits of each run to")
    parser.add_argument("--ensemble", nargs="+", metavar="NAME-SEED", help="runs whose logits are in the folder")
    values = parser.parse_args()
    torch.set_num_threads(1)
    changes = {name: yaml.safe_load(value) for name, _, value in (each.partition("=") for each in values.set)}
    if values.ensemble:
        rows = json.loads(values.rows.read_text())
        add(values, values.name or " + ".join(values.ensemble), 0, {}, *ensemble(values.ensemble, rows, values.logits))
    for mode in values.modes:
        for seed in values.seeds if mode in NETWORKS or class_of(mode).uses_seed else values.seeds[:1]:
            row, parts = (network if mode in NETWORKS else baseline)(mode, seed, changes)
            name = values.name or (mode if mode in NETWORKS else short_name(mode))
            if values.logits:
                arrays = {f"{part}_{i}": array for part, both in parts.items() for i, array in enumerate(both)}
                np.savez_compressed(values.logits / f"{name}-{seed}.npz", **arrays)
            add(values, name, seed, changes, row, parts)
    write(json.loads(values.rows.read_text()), values.rows.with_suffix(".md"))


if __name__ == "__main__":
    main()
