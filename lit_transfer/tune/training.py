"""Training of one setting: on texts in memory, with a score after each epoch."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything

from lit_transfer.classifier import TextClassifier
from lit_transfer.compare.shared_validation import scores_by_sample
from lit_transfer.config.callbacks import default_callbacks
from lit_transfer.config.fit import build
from lit_transfer.data.corpus import Split
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.reading.options import ReadingOptions
from lit_transfer.data.tokenized import NO_WORD, tokenize
from lit_transfer.data.vocabulary import Vocabulary
from lit_transfer.datamodule import TextDataModule
from lit_transfer.tasks import Task
from lit_transfer.tokenizers.registry import get_tokenizer
from lit_transfer.training.fit_and_predict import fit_model, predict_at_best
from lit_transfer.vectors.lookup import VectorSource

# Sections of a configuration.
PARTS = ("model", "data", "trainer")
# Arguments of the data module for the location of the texts, which are in memory here.
SOURCES = {"train_file", "val_file", "test_file", "predict_file", "predict_output", "dataset", "val_fraction"}
SOURCES |= {"test_fraction", "train_size", "drop_overlap", "split_column", *ReadingOptions.__dataclass_fields__}


@dataclass(frozen=True)
class LabelledTexts:
    """Texts and targets in memory."""

    texts: list[str]
    targets: np.ndarray

    @classmethod
    def of(cls, split: Split) -> LabelledTexts:
        """Return the texts and targets of a labelled split."""
        assert split.labels is not None
        return cls(list(split.texts), split.labels)

    def __getitem__(self, rows: np.ndarray) -> LabelledTexts:
        return LabelledTexts([self.texts[row] for row in rows.tolist()], self.targets[rows])

    def __len__(self) -> int:
        return len(self.texts)

    def pair(self, task: Task) -> tuple[list[str], list[Any]]:
        """Return texts and names of labels."""
        return self.texts, list(task.decode(self.targets))


class ScoreCallback(Callback):
    """Callback that calls `on_score` with the epoch and its validation score; training stops if it returns False."""

    def __init__(self, monitor: str, on_score: Callable[[int, float], bool]) -> None:
        self.monitor = monitor
        self.on_score = on_score

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the score."""
        if self.monitor in trainer.callback_metrics:
            score = float(trainer.callback_metrics[self.monitor])
            trainer.should_stop = not self.on_score(trainer.current_epoch, score) or trainer.should_stop


class Training:
    """Trains settings on texts in memory: those of a configuration of `fit`, changed by dotted names."""

    def __init__(self, plain: Mapping[str, Any], task: Task, texts: list[str], monitor: str) -> None:
        self.plain, self.task, self.texts, self.monitor = plain, task, texts, monitor
        self._vectors: dict[tuple[str, str], VectorSource] = {}

    def validate(
        self,
        settings: Mapping[str, Any],
        seed: int,
        train: LabelledTexts,
        val: LabelledTexts,
        on_score: Callable[[int, float], bool],
    ) -> None:
        """Train settings, and call `on_score` with each epoch and its score; training stops if it returns False.

        Raises:
            KeyboardInterrupt: The training was interrupted.
        """
        with tempfile.TemporaryDirectory() as folder:
            model, data, trainer = self._make(settings, seed, folder, train, val, None)
            trainer.callbacks.append(ScoreCallback(self.monitor, on_score))  # type: ignore[attr-defined]
            fit_model(trainer, model, data)

    def decide(
        self,
        settings: Mapping[str, Any],
        seed: int,
        train: LabelledTexts,
        val: LabelledTexts | None,
        test: LabelledTexts,
    ) -> tuple[np.ndarray, dict[str, list[float]]]:
        """Train settings, and classify the test texts at the best epoch.

        Returns:
            decisions: The decisions.
            by_sample: Scores by sample of the validation texts, if thresholds are chosen on them; see
                `lit_transfer.compare.shared_validation`.
        """
        with tempfile.TemporaryDirectory() as folder:
            model, data, trainer = self._make(settings, seed, folder, train, val, test)
            fit_model(trainer, model, data)
            probabilities = predict_at_best(trainer, model, data.test_dataloader())
            by_sample: dict[str, list[float]] = {}
            if self.task.several and val is not None:
                of_val = predict_at_best(trainer, model, data.val_dataloader()), val.targets
                by_sample = scores_by_sample(self.task, of_val, (probabilities, test.targets))
        threshold = model.calibration.get("threshold") if self.task.several else None
        return self.task.decide_all(probabilities, threshold), by_sample

    def _make(
        self,
        settings: Mapping[str, Any],
        seed: int,
        folder: str,
        train: LabelledTexts,
        val: LabelledTexts | None,
        test: LabelledTexts | None,
    ) -> tuple[TextClassifier, TextDataModule, Trainer]:
        parts = applied(self.plain, settings)
        parts["trainer"] |= {
            "logger": False,
            "callbacks": self._callbacks(parts["trainer"].get("callbacks"), folder, keep=test is not None),
            "enable_checkpointing": test is not None,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "default_root_dir": folder,
            "devices": 1,
            "strategy": "auto",
        }
        seed_everything(seed, verbose=False)
        model, made, trainer = build(parts)
        model.quiet = True
        arguments = {name: value for name, value in parts["data"]["init_args"].items() if name not in SOURCES}
        if val is not None:
            arguments.pop("val_folds", None)
        given: dict[str, Any] = {
            name: part.pair(self.task) for name, part in (("val", val), ("test", test)) if part is not None
        }
        data = type(made).from_lists(train.pair(self.task), val_fraction=0.0, **given, **arguments)
        # All classes, also those without a text in these folds.
        data.text.earlier = Preprocessing(Vocabulary.from_counts({}), self.task, data.tokenizer, None, None)
        if data.vectors is not None:
            data.vectors = self._known(data.vectors, data.tokenizer, data.arguments.cache_folder)
        return model, data, Trainer(**trainer)

    def _callbacks(self, configured: Any, folder: str, keep: bool) -> list[dict[str, Any]]:
        """Return the configured early stopping, or the default one, and a checkpoint if it is to be kept."""
        found = {each["class_path"].rpartition(".")[2]: each for each in configured or []}
        default = default_callbacks(self.monitor, dirpath=str(Path(folder) / "best"), save_weights_only=True)
        return [found.get("EarlyStopping", default[0]), *(default[1:] if keep else [])]

    def _known(self, source: VectorSource, tokenizer: str, cache: Path | None) -> VectorSource:
        """Return the vectors of all texts' words, which are looked up once for each tokenizer."""
        key = str(source.path), tokenizer
        if key not in self._vectors:
            words = [word for word in tokenize(self.texts, get_tokenizer(tokenizer)).words if word != NO_WORD]
            self._vectors[key] = source.in_memory(words, cache)
        return self._vectors[key]


def applied(plain: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections model, data and trainer of a configuration with other settings, by dotted names."""
    parts: dict[str, Any] = {name: copy.deepcopy(plain[name]) for name in PARTS}
    for name, value in settings.items():
        part, _, key = name.partition(".")
        (parts[part] if part == "trainer" else parts[part]["init_args"])[key] = value
    return parts
