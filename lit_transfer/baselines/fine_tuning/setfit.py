"""Baseline: SetFit (Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts"), by its own trainer."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from typing_extensions import Self

from lit_transfer.baselines.baseline import Inputs, Settings
from lit_transfer.baselines.encoded import EncodedRegression
from lit_transfer.baselines.fine_tuning.transformer import BATCH_SIZE, Speed
from lit_transfer.encoders.quiet import quietly
from lit_transfer.encoders.sentence_encoder import load_sentence, located, of_sentence_transformer
from lit_transfer.tasks import Task

PREFIX = "setfit:"
# Maximum number of contrastive steps, each on `BATCH_SIZE` pairs of texts.
MOST_STEPS = 120
# Learning rate of the encoder; SetFit's default.
LR = 2e-5
# Maximum number of texts that the pairs are drawn from: more than `MOST_STEPS` steps can use.
MOST_TEXTS = 2000


class SetFit(EncodedRegression):
    """A sentence encoder trained on pairs of texts of the same and of different classes, and logistic regression on it.

    There is nothing to select with validation texts: the number of contrastive steps is that of an epoch of all pairs, at most
    120, and the regression is scikit-learn's default.
    """

    uses_seed = True
    several_labels = False
    libraries, extra = ("setfit", "sentence_transformers"), "setfit"
    most_folds = 0  # nothing to select

    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Train the encoder, then fit the regression."""
        self.check_installed()
        self.check_task(task)
        body = load_sentence(f"The baseline {self.name}", located(self.name.removeprefix(PREFIX)))
        with tempfile.TemporaryDirectory() as folder:
            model = _train(body, train.texts, train.labels, seed, folder)
        self._encoder = of_sentence_transformer(model.model_body)
        return self.fitted(model.model_head, task, {})

    def fitted(self, model: Any, task: Task, settings: Settings | None = None) -> Self:
        """Set the regression."""
        super().fitted(model, task, settings)
        self.trainable += self.encoder.size // 4  # the encoder is trained, too, in 32 bits
        return self

    def seconds(self, speed: Speed, train: int, val: int, test: int) -> float:
        """Return the estimated time of a run on numbers of texts, in seconds."""
        pairs = min(MOST_STEPS * BATCH_SIZE, train**2)
        return speed.load + 2 * pairs * speed.train + (train + test) * speed.encode


def _train(body: Any, texts: Sequence[str], labels: np.ndarray, seed: int, folder: str) -> Any:
    """Train a SetFit model; return it."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments
    from sklearn.linear_model import LogisticRegression
    from transformers import PrinterCallback

    torch.manual_seed(seed)
    # SetFit draws pairs with a fixed seed, from a list of all pairs of texts.
    rows = np.random.default_rng(seed).permutation(len(texts))[:MOST_TEXTS]
    some = Dataset.from_dict({"text": [texts[row] for row in rows], "label": labels[rows].tolist()})
    model = SetFitModel(model_body=body, model_head=LogisticRegression(max_iter=1000))
    arguments = TrainingArguments(
        output_dir=folder,
        batch_size=BATCH_SIZE,
        max_steps=num_steps(labels[rows]),
        body_learning_rate=LR,
        seed=seed,
        report_to="none",
        logging_strategy="no",
        save_strategy="no",
        show_progress_bar=False,
    )
    with quietly():
        trainer = Trainer(model=model, args=arguments, train_dataset=some)
        trainer.remove_callback(PrinterCallback)
        trainer.train_embeddings(*trainer.dataset_to_parameters(some), args=arguments)
        trainer.train_classifier(list(texts), labels.tolist(), args=arguments)
    return model


def num_steps(labels: np.ndarray) -> int:
    """Return the number of contrastive steps: an epoch of as many pairs of a class as of two classes, at most `MOST_STEPS`."""
    counts = np.bincount(labels)
    alike = int((counts * (counts + 1) // 2).sum())
    unlike = int(counts.sum() ** 2 - (counts**2).sum()) // 2
    return min(MOST_STEPS, math.ceil(2 * max(alike, unlike) / BATCH_SIZE))
