"""Baseline: a model2vec model fine-tuned with its own classifier."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from typing_extensions import Self

from lit_transfer.baselines.baseline import Baseline, Inputs
from lit_transfer.encoders.quiet import quietly
from lit_transfer.encoders.sentence_encoder import load_static, located
from lit_transfer.errors import CheckpointError
from lit_transfer.tasks import Task

PIPELINE = "pipeline"


class FinetunedStatic(Baseline):
    """The vectors of a model2vec model and a hidden layer, trained with early stopping on validation texts.

    If `settings` are given, the network after their number of epochs is kept.
    """

    reads_words = False
    uses_seed = True
    several_labels = False
    libraries, extra = ("model2vec", "datasets"), "static"

    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Train the vectors and the hidden layer."""
        self.check_installed()
        self.check_task(task)
        static = load_static(f"The baseline {self.name}", located(self.name.partition(":")[2]))
        with _in_float32():
            network = _classifier().from_static_model(model=static)
        texts, labels = list(train.texts), _names(train.labels)
        batch_size = 32 * min(max(len(texts) // 960, 1), 16)  # model2vec's own rule
        options: dict[str, Any] = {"X_val": texts[:1], "y_val": labels[:1], "early_stopping_patience": None}
        if self.settings:
            network.keeps_last = True
            options["max_epochs"] = int(self.settings["epochs"])
        else:
            assert val is not None
            known = set(labels)
            rows = [row for row in zip(val.texts, _names(val.labels), strict=True) if row[1] in known]
            options = {"X_val": [text for text, _ in rows], "y_val": [label for _, label in rows]} if rows else {}
        with (
            quietly(),
            _in_float32(),
            contextlib.redirect_stderr(io.StringIO()),  # the progress bar of model2vec cannot be switched off
        ):
            network.fit(
                texts,
                labels,
                random_seed=seed,
                device="cpu",
                batch_size=batch_size,
                validation_steps=math.ceil(len(texts) / batch_size),  # once an epoch
                **options,
            )
        self.settings = self.settings or {"epochs": max(network.best_check, 1)}
        self.pipeline = network.to_pipeline()
        return self._fitted(task)

    def _fitted(self, task: Task) -> Self:
        self.num_classes = task.num_classes
        head = sum(layer.weight.size + layer.bias.size for layer in self.pipeline.head.layers)
        self.trainable = int(self.pipeline.model.embedding.size + head)
        self.size = int(self.pipeline.model.embedding.nbytes + 4 * head)
        return self

    def predict_proba(self, inputs: Inputs) -> np.ndarray:
        """Return class probabilities. *Shape:* `(texts, num_classes)`."""
        probabilities = np.zeros((len(inputs), self.num_classes))
        columns = [int(name) for name in self.pipeline.classes_]
        probabilities[:, columns] = self.pipeline.predict_proba(list(inputs.texts), use_multiprocessing=False)
        return probabilities

    def save(self, folder: Path) -> None:
        """Write the model in model2vec's own format."""
        self.pipeline.save_pretrained(str(folder / PIPELINE))

    def load(self, folder: Path, task: Task) -> Self:
        """Read the model."""
        self.check_installed()
        from model2vec.inference import StaticModelPipeline

        # Older versions of model2vec wrote a file of this name, for which it trusts any type.
        if (folder / PIPELINE / "pipeline.skops").exists():
            raise CheckpointError(
                f"{folder / PIPELINE} has a pipeline.skops, which is not read. Train the model again."
            )
        try:
            self.pipeline = StaticModelPipeline.from_pretrained(str(folder / PIPELINE))
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"{folder / PIPELINE} cannot be read by model2vec: {error}") from error
        return self._fitted(task)


@contextlib.contextmanager
def _in_float32() -> Iterator[None]:
    """Make float32 the default, which model2vec takes for granted: its vectors have it, and its layers the default."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(default)


def _names(labels: np.ndarray) -> list[str]:
    """Return labels as strings, as model2vec takes them."""
    return [str(label) for label in labels.tolist()]


def _classifier() -> Any:
    """Return model2vec's classifier, extended by the number of the validation whose weights it keeps."""
    from model2vec.train import StaticModelForClassification

    class Classifier(StaticModelForClassification):
        """The classifier; `keeps_last` keeps the last weights rather than those of the best validation."""

        checks = best_check = 0
        keeps_last = False

        def train(self, mode: bool = True) -> Any:
            self.checks += not mode  # set to evaluation mode before each validation
            return super().train(mode)

        def state_dict(self, *args: Any, **options: Any) -> Any:
            self.best_check = self.checks  # copied after each validation that is the best so far
            return super().state_dict(*args, **options)

        def load_state_dict(self, *args: Any, **options: Any) -> Any:
            return None if self.keeps_last else super().load_state_dict(*args, **options)

    return Classifier
