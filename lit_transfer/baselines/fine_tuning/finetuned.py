"""Baseline: a transformer encoder fine-tuned with a linear layer on its vector of a text, by transformers' own trainer."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import Self

from lit_transfer.baselines.baseline import Baseline, Inputs
from lit_transfer.baselines.fine_tuning.transformer import (
    BATCH_SIZE,
    PREDICT_BATCH_SIZE,
    Speed,
    features_of,
    load_body,
    save_body,
)
from lit_transfer.baselines.saved_parts import read_parts, write_parts
from lit_transfer.encoders.quiet import quietly
from lit_transfer.tasks import Task

PREFIX = "finetune:"
# Learning rates of the encoder and of the linear layer.
LR, HEAD_LR = 5e-5, 1e-3
# Share of the steps in which the learning rates rise; then they fall to 0.
WARMUP = 0.1
# Number of epochs by number of training texts: enough for about `STEPS` steps, within these bounds.
STEPS, FEWEST_EPOCHS, MOST_EPOCHS = 50, 3, 8
# Number of epochs without a lower validation loss after which training stops.
PATIENCE = 2
BODY = "encoder"


def epochs_for(num_texts: int) -> int:
    """Return the maximum number of epochs: 8 with 100 texts, 3 from 267 texts on."""
    return min(MOST_EPOCHS, max(FEWEST_EPOCHS, math.ceil(STEPS * BATCH_SIZE / max(num_texts, 1))))


class FinetunedTransformer(Baseline):
    """A transformer encoder with a linear layer on the vector of a text, all of whose weights are trained.

    The network of the epoch with the lowest validation loss is kept. If `settings` are given, training stops after their
    number of epochs, with the learning rates of a training of `of` epochs.
    """

    reads_words = False
    uses_seed = True
    libraries, extra = ("sentence_transformers", "accelerate"), "finetune"
    most_folds = 1  # a fit takes minutes

    @property
    def path(self) -> str:
        """Path of the encoder."""
        return self.name.removeprefix(PREFIX)

    def fit(self, train: Inputs, val: Inputs | None, task: Task, seed: int = 0) -> Self:
        """Train the encoder and the linear layer."""
        self.check_installed()
        torch.manual_seed(seed)
        self.network = Finetuned(load_body(self.name, self.path), task)
        most = int(self.settings.get("of", epochs_for(len(train))))
        with quietly(), tempfile.TemporaryDirectory() as folder:
            trainer = make_trainer(
                self.network, train, None if self.settings else val, most, seed, folder, self.settings
            )
            trainer.train()
            if not self.settings:
                self.settings = {"epochs": _best_epoch(trainer), "of": most}
        return self._fitted()

    def _fitted(self) -> Self:
        self.network.eval()
        count = sum(parameter.numel() for parameter in self.network.parameters())
        self.trainable, self.size = count, 4 * count
        return self

    def predict_proba(self, inputs: Inputs) -> np.ndarray:
        """Return class probabilities. *Shape:* `(texts, num_classes)`."""
        vectors = self.network.body.encode(
            list(inputs.texts), batch_size=PREDICT_BATCH_SIZE, show_progress_bar=False, convert_to_tensor=True
        )
        with torch.inference_mode():
            logits: np.ndarray = self.network.head(vectors).cpu().numpy()
        return self.network.task.probabilities(logits)

    def save(self, folder: Path) -> None:
        """Write the encoder in the format of sentence-transformers, and the linear layer."""
        (folder / BODY).mkdir()
        save_body(self.network.body, folder / BODY)
        head = {name: tensor.numpy() for name, tensor in self.network.head.state_dict().items()}
        write_parts(folder, settings=self.settings, **head)

    def load(self, folder: Path, task: Task) -> Self:
        """Read the encoder and the linear layer."""
        parts = read_parts(folder)
        self.settings = parts.pop("settings")
        self.network = Finetuned(load_body(self.name, str(folder / BODY)), task)
        self.network.head.load_state_dict({name: torch.from_numpy(array) for name, array in parts.items()})
        return self._fitted()

    def seconds(self, speed: Speed, train: int, val: int, test: int) -> float:
        """Return the estimated time of a run on numbers of texts, in seconds."""
        most = epochs_for(train)
        return speed.load + most * (train * speed.train + val * speed.encode) + test * speed.encode


class Finetuned(nn.Module):
    """A `SentenceTransformer` and a linear layer."""

    def __init__(self, body: Any, task: Task) -> None:
        super().__init__()
        self.body, self.task = body, task
        with torch.inference_mode():
            vector = body.encode("a", show_progress_bar=False, convert_to_tensor=True)
        self.head = nn.Linear(len(vector), task.num_classes, dtype=vector.dtype).to(body.device)

    def forward(self, labels: Tensor | None = None, **features: Any) -> dict[str, Tensor]:
        """Return the logits and, with labels, the loss. *Shape:* `(batch, num_classes)`."""
        logits = self.head(self.body(features)["sentence_embedding"])
        if labels is None:
            return {"logits": logits}
        if self.task.several:
            loss = nn.functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
        else:
            loss = nn.functional.cross_entropy(logits, labels)
        return {"loss": loss, "logits": logits}


def make_trainer(
    network: Finetuned,
    train: Inputs,
    val: Inputs | None,
    epochs: int,
    seed: int,
    folder: str,
    settings: dict[str, Any],
) -> Any:
    """Return transformers' trainer for a number of epochs, or for those of the settings, at the rates of that number."""
    from transformers import (
        EarlyStoppingCallback,
        PrinterCallback,
        Trainer,
        TrainingArguments,
        get_linear_schedule_with_warmup,
    )

    steps = epochs * math.ceil(len(train) / BATCH_SIZE)
    optimizer = torch.optim.AdamW(
        [
            {"params": network.body.parameters(), "lr": LR},
            {"params": network.head.parameters(), "lr": HEAD_LR},
        ]
    )
    validates: dict[str, Any] = {}
    if val is not None:
        validates = {
            "eval_strategy": "epoch",
            "save_strategy": "epoch",
            "save_only_model": True,
            "save_total_limit": 1,
            "load_best_model_at_end": True,
            "metric_for_best_model": "eval_loss",
            "greater_is_better": False,
        }
    arguments = TrainingArguments(
        output_dir=folder,
        num_train_epochs=int(settings.get("epochs", epochs)),
        per_device_train_batch_size=BATCH_SIZE,
        per_device_eval_batch_size=PREDICT_BATCH_SIZE,
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        label_names=["labels"],
        seed=seed,
        **(validates or {"save_strategy": "no"}),
    )

    def rows(inputs: Inputs) -> list[tuple[str, Any]]:
        return list(zip(inputs.texts, inputs.labels.tolist(), strict=True))

    def collate(batch: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        texts, labels = zip(*batch, strict=True)
        return {**features_of(network.body, texts), "labels": torch.tensor(labels)}

    trainer = Trainer(
        model=network,
        args=arguments,
        train_dataset=rows(train),
        eval_dataset=None if val is None else rows(val),
        data_collator=collate,
        optimizers=(optimizer, get_linear_schedule_with_warmup(optimizer, math.ceil(WARMUP * steps), steps)),
        callbacks=[] if val is None else [EarlyStoppingCallback(PATIENCE)],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _best_epoch(trainer: Any) -> int:
    """Return the number of epochs of the kept network."""
    losses = [
        (entry["eval_loss"], round(entry["epoch"])) for entry in trainer.state.log_history if "eval_loss" in entry
    ]
    return min(losses)[1]
