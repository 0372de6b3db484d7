"""Validation accuracy with other settings, for selecting the defaults of `configs/`; the test split is not used.

python -m benchmarks.settings --data demo sst2 --modes frozen init --seeds 3 --set hidden_size=200 lr=3e-3
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import statistics
import tempfile
import warnings
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import seed_everything

from benchmarks.corpora import NAMES, SHARED, data_arguments
from benchmarks.demo import DEMO, MODEL, make_demo_trainer
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.arguments import argument_names
from lit_transfer.transfer import MODES


def best_accuracy(data: TextDataModule, arguments: dict[str, Any], seed: int) -> float:
    """Return the best validation accuracy of an epoch in percent."""
    os.environ["PL_GLOBAL_SEED"] = str(seed)
    seed_everything(seed, verbose=False)
    model = TextClassifier(**arguments)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        trainer = make_demo_trainer(folder)
        trainer.fit(model, data)
    return 100 * trainer.checkpoint_callback.best_model_score.item()  # type: ignore[union-attr]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.settings", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["demo"], choices=["demo", *NAMES])
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=list(MODES))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder with data/ and vectors/")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="arguments of the model or the data")
    given = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    changes = {name: yaml.safe_load(value) for name, value in (item.split("=", 1) for item in given.set)}
    changes = {
        name: float(value) if name.endswith("lr") else value for name, value in changes.items()
    }  # YAML: 3e-3 is a str
    of_model = argument_names(TextClassifier)
    model = MODEL | {name: value for name, value in changes.items() if name in of_model}
    for name in given.data:
        arguments = dict(DEMO["data"]["init_args"]) if name == "demo" else data_arguments(name, given.shared)
        arguments |= {name: value for name, value in changes.items() if name not in of_model}
        for mode in given.modes:
            data = TextDataModule(**arguments)
            found = [best_accuracy(data, {**model, "transfer": mode}, seed) for seed in range(1, given.seeds + 1)]
            deviation = f" ± {statistics.stdev(found):.1f}" if len(found) > 1 else ""
            settings = " ".join(given.set)
            print(f"{name} {mode} {settings}: {statistics.mean(found):.1f}{deviation}", flush=True)


if __name__ == "__main__":
    main()
