"""Writing of the predictions of `lightning predict` to a CSV file."""

from __future__ import annotations

import csv
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from lit_transfer.console import print_line
from lit_transfer.data.batching import gather
from lit_transfer.data.reading.in_memory import InMemory
from lit_transfer.data.reading.tabular import Columns, Source, read_tabular
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_write, check_file, is_address, locate, output_file
from lit_transfer.prediction.formats import UNSURE, csv_row, label_field
from lit_transfer.report.fit import run_folder
from lit_transfer.runtime.base_predictor import check_finite
from lit_transfer.tasks import Task

# Values of the column `note` for texts without known words.
EMPTY = "empty text"
NO_KNOWN_WORD = "no known word"


class PredictionWriter(Callback):
    """Callback that writes the predictions of all processes to one CSV file, in the order of the texts.

    The columns are `text`, `label` (`unsure` below the threshold in the checkpoint), a probability `p_LABEL` for each class,
    `note` (usually empty), and the other columns of the input, renamed to `input_NAME` in case of a conflict.

    The path is `predict_output` of the data module, or a new file in the folder of the run.
    """

    def __init__(self) -> None:
        self._parts: list[dict[str, Tensor]] = []

    def on_predict_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Clear earlier predictions, and check the output path before predicting.

        Raises:
            ConfigError: The predictions would overwrite an input, or the data module does not provide the texts.
        """
        self._parts = []
        data: Any = getattr(trainer, "datamodule", None)
        if not hasattr(data, "split"):
            raise ConfigError(
                f"The predictions are written with their texts, which {type(data).__name__} does not provide. Derive it from "
                "lit_transfer.TextDataModule, or use trainer.predict in Python, which returns the probabilities."
            )
        path = output_path(trainer)
        check_file(path, "Set another --data.predict_output, or --trainer.default_root_dir.")
        refuse_to_overwrite(path, [*data.text.files.values(), trainer.ckpt_path])

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: Any,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Store the predictions of a batch, and whether each text has a known word."""
        part = {name: value.double() if value.is_floating_point() else value for name, value in outputs.items()}
        vocabulary = pl_module.preprocessing.vocabulary
        part["known"] = ((batch.token_ids != vocabulary.pad_id) & (batch.token_ids != vocabulary.unk_id)).any(dim=1)
        self._parts.append({name: value.cpu() for name, value in part.items()})

    def on_predict_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Gather the predictions of all processes and write them."""
        path = output_path(trainer)
        parts = [part for rank in gather(trainer, self._parts) for part in rank]
        if not trainer.is_global_zero or not parts:
            return
        rows, probabilities, known = (
            torch.cat([part[key] for part in parts]) for key in ("rows", "probabilities", "known")
        )
        order = rows.argsort()
        rows, probabilities, known = rows[order], probabilities[order], known[order]
        task: Task = pl_module.preprocessing.task
        threshold = pl_module.calibration.get("threshold")
        decisions = task.decide(check_finite(probabilities.numpy()), threshold)
        unsure = task.is_unsure(decisions, pl_module.calibration.get("abstain", False)).tolist()
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        texts = data.split("predict").texts
        ours = ["text", task.field, *(f"p_{label}" for label in task.classes), "note"]
        others = _other_columns(data, len(texts))
        names = [f"input_{name}" if name in ours else name for name in others]
        path = path if data.arguments.predict_output else _unused(path)
        with atomic_write(path) as file:
            writer = csv.writer(file)
            writer.writerow(csv_row([*ours, *names]))
            for row, values, label, hidden, has_word in zip(
                rows.tolist(), probabilities.tolist(), task.decode(decisions), unsure, known.tolist(), strict=True
            ):
                note = "" if has_word else NO_KNOWN_WORD if texts[row].strip() else EMPTY
                cells = [_cell(column[row]) for column in others.values()]
                shares = (f"{value:.6g}" for value in values)
                writer.writerow(csv_row([texts[row], label_field(None if hidden else label), *shares, note, *cells]))
        left = f" of {len(texts):,}" if len(rows) < len(texts) else ""
        print_line("predictions", f"{os.path.relpath(path)} ({len(rows):,}{left} texts)")
        if threshold is not None and (num_unsure := sum(unsure)):
            print_line(
                "unsure",
                f"{num_unsure:,} texts are below the checkpoint's threshold: their label is {UNSURE}",
            )
        if unread := int((~known).sum()):
            print_line("not read", f"{unread:,} texts are empty or have no known word: see the column note")


def output_path(trainer: Any) -> Path:
    """Return the output path; must be called by all processes, since the first broadcasts its folder."""
    folder, chosen = run_folder(trainer), trainer.datamodule.arguments.predict_output
    return folder / "predictions.csv" if chosen is None else output_file(chosen)


def refuse_to_overwrite(path: Path, inputs: Sequence[Source | None]) -> None:
    """Check that an output file is not one of the inputs.

    Raises:
        ConfigError: The path is the same file as an input.
    """
    for given in inputs:
        if given is None or isinstance(given, InMemory) or is_address(given) or not path.exists():
            continue
        source = locate(given)
        if source.exists() and source.samefile(path):
            raise ConfigError(
                f"The predictions would overwrite {given}, which is an input. Set another --data.predict_output."
            )


def _unused(path: Path) -> Path:
    """Return the path, with a number appended if the file exists."""
    numbered = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in itertools.count(1))
    return next(each for each in itertools.chain([path], numbered) if not each.exists())


def _other_columns(data: Any, count: int) -> Columns:
    """Return the columns of the input except the texts; empty if the input cannot be read again."""
    source, reading = data.text.files["predict"], data.arguments.reading
    if not isinstance(source, InMemory) and not locate(source).is_file():
        return {}
    columns = read_tabular(source, reading)
    return {name: values for name, values in columns.items() if name not in reading.texts_in and len(values) == count}


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
