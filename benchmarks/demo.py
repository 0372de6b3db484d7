"""The settings of the demo, which other benchmarks use as well."""

from __future__ import annotations

from typing import Any

import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from benchmarks.corpora import ROOT

DEMO = yaml.safe_load((ROOT / "configs" / "frozen.yaml").read_text(encoding="utf-8"))
# Settings of the network, for any mode.
MODEL = {name: value for name, value in DEMO["model"]["init_args"].items() if name not in ("transfer", "optimizer")}


def make_demo_trainer(folder: str) -> Trainer:
    """Return the trainer of the demo on the CPU, without output: early stopping, and a checkpoint of the best epoch."""
    arguments: dict[str, Any] = {"monitor": "val_accuracy", "mode": "max"}
    return Trainer(
        accelerator="cpu",
        max_epochs=DEMO["trainer"]["max_epochs"],
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[
            EarlyStopping(patience=4, **arguments),
            ModelCheckpoint(folder, save_weights_only=True, **arguments),
        ],
    )
