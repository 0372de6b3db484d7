"""The configuration of a single run."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lit_transfer.compare.configuration.configuration import Configuration
from lit_transfer.compare.plan import RunSpec
from lit_transfer.config.callbacks import default_callbacks

# Callbacks that only display the progress of a run.
FOR_DISPLAY = ("ProgressBar", "ModelSummary")
# Arguments of each logger for the folder and the name of a run, and the group of the comparison.
LOGGER_ARGUMENTS: dict[str, Any] = {
    "CSVLogger": lambda folder, name, group: {"save_dir": folder, "name": "", "version": ""},
    "TensorBoardLogger": lambda folder, name, group: {"save_dir": folder, "name": "", "version": ""},
    "WandbLogger": lambda folder, name, group: {"save_dir": folder, "name": name, "group": group},
}


def config_of(
    config: Configuration, run: RunSpec, folder: Path, stretch: int, device: int | None, monitor: str = "val_accuracy"
) -> dict[str, Any]:
    """Return the sections `model`, `data` and `trainer` of the configuration of a run, whose output is in the folder.

    `stretch` is the number of epochs between evaluations of the validation split, by which `max_epochs` is multiplied; `device`
    the index of the GPU, None for the CPU; and `monitor` the logged value for early stopping and checkpointing, unless
    callbacks are configured.
    """
    arguments = run.method.arguments
    class_path = arguments.pop("class_path", config.model.class_path)
    trainer = copy.deepcopy(dict(config.trainer))
    trainer |= {
        "logger": _loggers(trainer["logger"], folder, run.key, config.folder.name),
        "callbacks": _callbacks(trainer["callbacks"], folder, monitor),
        "default_root_dir": str(folder),
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "strategy": "auto",
        "accelerator": "cpu" if device is None else "gpu",
        "devices": 1 if device is None else [device],
        "max_epochs": trainer["max_epochs"] and trainer["max_epochs"] * stretch,
        "check_val_every_n_epoch": (trainer["check_val_every_n_epoch"] or 1) * stretch,
        "log_every_n_steps": 1,
    }
    return {
        "model": {**config.model.plain(**arguments), "class_path": class_path},
        "data": config.data.plain(vectors=run.method.vectors, **run.method.data_arguments),
        "trainer": trainer,
    }


def _loggers(loggers: Any, folder: Path, name: str, group: str) -> Any:
    """Return the configured loggers with the folder and the name of a run; by default, a CSV logger."""
    if loggers is False:
        return False
    if loggers in (None, True):
        loggers = [{"class_path": "lightning.pytorch.loggers.CSVLogger"}]
    adapted = []
    for logger in loggers if isinstance(loggers, list) else [loggers]:
        arguments = LOGGER_ARGUMENTS.get(_class_name(logger), lambda *_: {})(str(folder), name, group)
        adapted.append({**logger, "init_args": {**logger.get("init_args", {}), **arguments}})
    return adapted


def _callbacks(callbacks: Any, folder: Path, monitor: str) -> list[Any]:
    """Return the configured callbacks except those for display; add missing early stopping and checkpointing."""
    given = callbacks if isinstance(callbacks, list) else [callbacks] if callbacks else []
    kept = [copy.deepcopy(callback) for callback in given if not _class_name(callback).endswith(FOR_DISPLAY)]
    names = {_class_name(callback) for callback in kept}
    kept += [callback for callback in default_callbacks(monitor) if _class_name(callback) not in names]
    for callback in kept:
        if _class_name(callback) == "ModelCheckpoint":
            callback["init_args"] |= {"dirpath": str(folder / "checkpoints"), "save_weights_only": True}
    return kept


def _class_name(entry: Mapping[str, Any]) -> str:
    return entry["class_path"].rpartition(".")[2]
