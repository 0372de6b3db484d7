"""Teachers: baselines on pretrained models, and trained models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lit_transfer.baselines.baseline import Inputs, calibrated, calibration_of, fit_on_folds
from lit_transfer.baselines.catalogue import make_baseline, prefix_of
from lit_transfer.data.labelled_text import global_seed
from lit_transfer.data.tokenized import tokenize
from lit_transfer.datamodule import TextDataModule
from lit_transfer.encoders.sentence_encoder import SENTENCE, STATIC, load_encoder
from lit_transfer.prediction.teacher import Teacher, model_teacher


def load_teacher(name: str, data: TextDataModule) -> tuple[Teacher, float | None]:
    """Load a teacher.

    With `val_folds`, a baseline is fitted to all training texts, with the middle one of the settings that the folds select.

    Args:
        name: A baseline on a pretrained model, fitted to the train split with settings selected on the validation split, as
            in `lightning compare`: `sentence:PATH` or `static:PATH` (logistic regression on the vectors of an encoder),
            `finetune:PATH` (the encoder is trained too), `setfit:PATH`; or a model for `lit_transfer.load` with the same
            classes.
        data: Data module of the task.

    Returns:
        teacher: The teacher.
        accuracy: Accuracy on the validation split, 0 to 1; with `val_folds`, that of the teachers of the folds. None for a
            model if there is no validation split.

    Raises:
        ConfigError: The library of the encoder is not installed, the model has other classes, or there is no validation
            split.
        CheckpointError: The model is missing or damaged.
    """
    folds = data.folds()
    val = None if folds else Inputs.of(data, "val")
    task = data.task
    if prefix_of(name) is None:
        teacher = model_teacher(name, task)
        held_out = [] if val is None else [(teacher.probabilities(val.texts), val.labels)]
        return teacher, _accuracy(teacher, held_out)
    encoder = load_encoder(name, "teacher") if name.startswith((SENTENCE, STATIC)) else None
    baseline = make_baseline(name, encoder=encoder)
    baseline.check_task(task)
    if val is None:
        held_out = fit_on_folds(baseline, data, folds, global_seed())
    else:
        baseline.fit(Inputs.of(data, "train"), val, task, global_seed())
        held_out = [(baseline.predict_proba(val), val.labels)]
    calibration = calibration_of(task, held_out)

    def of_texts(texts: Sequence[str]) -> np.ndarray:
        found = baseline.predict_proba(Inputs(texts, lambda: tokenize(texts, data.text.split_tokens)))
        return calibrated(task, found, calibration)

    teacher = Teacher(task, of_texts, calibration.get("threshold"))
    return teacher, _accuracy(teacher, [(calibrated(task, found, calibration), labels) for found, labels in held_out])


def _accuracy(teacher: Teacher, held_out: Sequence[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """Return the share of correct decisions from the probabilities and the targets of parts of the texts, 0 to 1."""
    right = [teacher.task.correct(teacher.decide(probabilities), targets) for probabilities, targets in held_out]
    return float(np.concatenate(right).mean()) if right else None
