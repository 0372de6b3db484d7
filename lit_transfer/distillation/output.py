"""The folder of a distillation: labelled texts, the teacher's probabilities, and a configuration of `fit`."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from lit_transfer.config.fit import DEFAULT_CLASSES
from lit_transfer.data.labels import label_order
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_folder, check_folder
from lit_transfer.layers.pooling import EMBEDDING_MEAN, names_of
from lit_transfer.prediction.teacher import Teacher
from lit_transfer.pretraining.target import held_out_splits
from lit_transfer.tasks.task import Label

CONFIG, PROBABILITIES = "distilled.yaml", "teacher.npy"
FILES = {CONFIG, PROBABILITIES, "train.jsonl", "val.jsonl", "test.jsonl"}
# Number of texts that the teacher labels at once.
_AT_ONCE = 4096
# Arguments of the data module for the written files, which need no further selection.
_READING = {
    **vars(ReadingOptions()),
    "dataset": None,
    "val_folds": None,
    "val_fraction": 0.0,
    "test_fraction": 0.0,
    "drop_overlap": False,
    "train_size": None,
}

# Arguments that `lightning init` writes for few labels, beside `val_folds`, by section. A student learns from many texts: with
# the defaults, it was 3.9 to 6.6 points better on three data sets (docs/pretraining.md).
_FOR_FEW_LABELS = {"model": ("pooling", "softmax_start"), "data": ("oov",)}

Labelled = Iterable[tuple[str, Any]]
"""Texts and their labels (lists of several); None for the label that the teacher gives."""


def check_output(folder: Path) -> None:
    """Check that a folder can be written, and that its files are those of an earlier distillation, if any.

    Raises:
        ConfigError: The folder has other files, or is not writable.
    """
    check_folder(folder, "Give another --out.")
    names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    if names and not (CONFIG in names and names <= FILES):
        others = ", ".join(sorted(names - FILES)[:3]) or f"no {CONFIG}"
        raise ConfigError(
            f"--out is {folder}, which has files of others than `distill`: {others}. Give another folder."
        )


def write_output(
    folder: Path,
    data: TextDataModule,
    plain: Mapping[str, Any],
    texts: Labelled,
    teacher: Teacher,
    on_progress: Callable[[int], None],
) -> tuple[Path, int]:
    """Label the texts, and write the folder as a whole.

    The texts of the train split are read in bounded memory; `plain` is the configuration of `fit` for the task as plain values.
    `on_progress` receives the number of texts that have been labelled.

    Returns:
        config: Path of the configuration.
        count: Number of texts.
    """
    held_out = held_out_splits(data)
    with atomic_folder(folder, mark=CONFIG) as unfinished:
        for name, split in held_out.items():
            assert split.labels is not None
            with (unfinished / f"{name}.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(
                    _line(text, label) for text, label in zip(split.texts, data.task.decode(split.labels), strict=True)
                )
        probabilities = _write_train(unfinished / "train.jsonl", texts, teacher, on_progress)
        # `fit` orders the classes by the labels in the file, not by those before `label_names`.
        columns = sorted(range(len(data.labels)), key=lambda number: label_order(data.labels[number]))
        np.save(unfinished / PROBABILITIES, probabilities[:, columns])
        (unfinished / CONFIG).write_text(configuration(plain, folder, held_out), encoding="utf-8")
    return folder / CONFIG, len(probabilities)


def configuration(plain: Mapping[str, Any], folder: Path, held_out: Iterable[str]) -> str:
    """Return the configuration for training the student on the files of the folder, as YAML.

    With `val_folds` and a mean of embedded words, the settings that `lightning init` writes for few labels are left out.
    `held_out` has the names of the splits with files besides `train`.
    """
    config = copy.deepcopy(dict(plain))
    for part, default in DEFAULT_CLASSES.items():
        config.setdefault(part, dict(default)).setdefault("init_args", {})
    if config["data"]["init_args"].get("val_folds") and EMBEDDING_MEAN in names_of(
        config["model"]["init_args"].get("pooling", [])
    ):
        for part, names in _FOR_FEW_LABELS.items():
            config[part]["init_args"] = {k: v for k, v in config[part]["init_args"].items() if k not in names}
    config["model"]["init_args"]["teacher"] = str(folder / PROBABILITIES)
    files = {f"{name}_file": str(folder / f"{name}.jsonl") for name in ("train", *held_out)}
    config["data"]["init_args"] |= {"val_file": None, "test_file": None, **_READING, **files}
    head = f"# lightning fit --config {folder / CONFIG}\n#\n# Written by `lightning distill`.\n"
    return head + yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=10_000)


def _write_train(path: Path, texts: Labelled, teacher: Teacher, on_progress: Callable[[int], None]) -> np.ndarray:
    """Write the texts with their labels; return the teacher's probabilities. *Shape:* `(texts, num_classes)`, float32."""
    parts, done, left = [], 0, iter(texts)
    with path.open("w", encoding="utf-8") as file:
        while some := list(islice(left, _AT_ONCE)):
            probabilities = teacher.probabilities([text for text, _ in some]).astype(np.float32)
            labels = teacher.task.decode(teacher.decide(probabilities))
            file.writelines(
                _line(text, label if own is None else own) for (text, own), label in zip(some, labels, strict=True)
            )
            parts.append(probabilities)
            done += len(some)
            on_progress(done)
    return np.concatenate(parts)


def _line(text: str, label: Label) -> str:
    shown = text + (label if isinstance(label, str) else "".join(label or ()))
    return json.dumps({"text": text, "label": label}, ensure_ascii=not shown.isprintable()) + "\n"
