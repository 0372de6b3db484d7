"""`lit_transfer.fit`: train a classifier in one call, with the settings of the shipped configurations."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import instantiate_class

from lit_transfer.arguments import argument_names
from lit_transfer.classifier import TextClassifier
from lit_transfer.config.callbacks import default_callbacks
from lit_transfer.config.quiet import hide_idle_messages
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError
from lit_transfer.report import RunReport
from lit_transfer.report.fit import FitReport
from lit_transfer.report.test import TestReport
from lit_transfer.tasks.prediction import Prediction
from lit_transfer.training.progress_bar import make_progress_bar

if TYPE_CHECKING:
    import pandas as pd

TextsAndLabels: TypeAlias = "str | Path | pd.DataFrame | tuple[Sequence[str], Sequence[Any]]"
"""Path of a tabular file, a DataFrame, or lists of texts and of their labels."""

# Settings of configs/frozen.yaml that differ from the defaults of the classes.
MODEL = {"lr": 0.002, "hidden_size": 200, "embedding_dropout": 0.25}
MODEL_ARGUMENTS, DATA_ARGUMENTS = argument_names(TextClassifier), argument_names(TextDataModule)


@dataclass(frozen=True)
class Fitted:
    """A trained classifier with its report, which a notebook displays.

    Attributes:
        model: The model of the best epoch.
        report: The report, with the test if there were test texts.
        data: The data module.
        checkpoint: Path of the checkpoint of the best epoch.
    """

    model: TextClassifier = field(repr=False)
    report: RunReport = field(repr=False)
    data: TextDataModule = field(repr=False)
    checkpoint: str

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Classify texts."""
        return self.model.predict_texts(texts)

    def _repr_html_(self) -> str:
        return self.report._repr_html_()


def fit(
    train: TextsAndLabels | None = None,
    *,
    val: TextsAndLabels | None = None,
    test: TextsAndLabels | None = None,
    vectors: str | None = None,
    transfer: str | None = None,
    max_epochs: int = 15,
    patience: int = 4,
    seed: int = 1,
    out: str | Path | None = None,
    trainer: Mapping[str, Any] | None = None,
    **options: Any,
) -> Fitted:
    """Train a classifier, keep its best epoch, and test it if there are test texts.

    Args:
        train: A DataFrame, a pair of lists of texts and labels, or the path of a tabular file.
        val: Validation texts, like `train`; if None, `val_fraction` (0.1 by default) of the training texts.
        test: Test texts, like `train`; if None, `test_fraction` (0 by default) of the training texts.
        vectors: File of pretrained vectors, or name of an installed package of vectors (`glove-6b-50d`).
        transfer: Transfer mode; None for `frozen` with vectors, and `random` without.
        max_epochs: Maximum number of epochs.
        patience: Number of epochs without a higher validation accuracy (with several labels, macro F1) after which training
            stops.
        seed: Seed of all random numbers.
        out: Folder of the checkpoint and the report; None for a new temporary folder.
        trainer: Further arguments of `lightning.Trainer`, such as `{"accelerator": "gpu"}`.
        options: Further arguments of `TextClassifier` and `TextDataModule`, such as `text_column="body"`.

    Raises:
        ConfigError: An argument is unknown or invalid.
        DataError: The data are invalid.
    """
    if unknown := sorted(options.keys() - MODEL_ARGUMENTS - DATA_ARGUMENTS):
        raise ConfigError(
            f"fit has no argument {unknown[0]!r}; expected one of TextClassifier or TextDataModule. Arguments of "
            "lightning.Trainer belong into trainer={...}."
        )
    hide_idle_messages()
    seed_everything(seed, verbose=False)
    of_data = {name: value for name, value in options.items() if name in DATA_ARGUMENTS}
    of_model = {name: value for name, value in options.items() if name in MODEL_ARGUMENTS}
    data = _data(train, val, test, {"vectors": vectors, **of_data})
    model = TextClassifier(**{"transfer": transfer or ("frozen" if vectors else "random"), **MODEL, **of_model})
    model.quiet = True
    folder = Path(tempfile.mkdtemp(prefix="lit_transfer-") if out is None else out)
    shown = make_progress_bar()
    fit_report, test_report = FitReport(show=False), TestReport(show=False)
    validated = not of_data.get("val_folds") and (val is not None or of_data.get("val_fraction", 0.1) > 0)
    best_file: dict[str, Any] = {"dirpath": folder, "filename": "best", "enable_version_counter": False}
    if validated:
        made = default_callbacks(f"val_{data.task.main_score}", patience, **best_file)
        *stop, keep = (instantiate_class((), each) for each in made)
    else:
        stop, keep = [], ModelCheckpoint(**best_file)
    settings = {
        "accelerator": "auto",
        "logger": False,
        "enable_model_summary": False,
        "default_root_dir": folder,
        **(trainer or {}),
    }
    callbacks: list[Callback] = [fit_report, test_report, *stop, keep, shown, *settings.pop("callbacks", [])]
    if settings.get("enable_progress_bar") is False:
        callbacks.remove(shown)
    run = Trainer(max_epochs=max_epochs, callbacks=callbacks, **settings)
    run.fit(model, data)
    report = fit_report.report
    if test is not None or of_data.get("test_fraction", 0.0) > 0:
        run.test(model, data, ckpt_path=keep.best_model_path, verbose=False)
        report = test_report.report
    assert report is not None
    best = TextClassifier.load_from_checkpoint(keep.best_model_path)
    return Fitted(best, replace(report, name="Training"), data, keep.best_model_path)


def _data(
    train: TextsAndLabels | None, val: TextsAndLabels | None, test: TextsAndLabels | None, arguments: dict[str, Any]
) -> TextDataModule:
    """Create the data module from files, DataFrames or lists."""
    parts = {"train": train, "val": val, "test": test}
    given: dict[str, Any] = {name: part for name, part in parts.items() if part is not None}
    if not given:
        return TextDataModule(**arguments)
    if all(isinstance(part, (str, Path)) for part in given.values()):
        files: dict[str, Any] = {f"{name}_file": str(part) for name, part in given.items()}
        return TextDataModule(**files, **arguments)
    if all(isinstance(part, tuple) for part in given.values()):
        return TextDataModule.from_lists(**given, **arguments)
    return TextDataModule.from_pandas(**given, **arguments)
