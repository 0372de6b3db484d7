"""Common code of the benchmarks: clock, data, settings, and table."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer, seed_everything

from benchmarks.corpora import ROOT
from lit_transfer import TextClassifier, TextDataModule

# One thread, and the processor time of this process, since the machine may be shared.
clock = time.process_time


class Row(NamedTuple):
    """A row of the table; `wanted` is the target for `value`, such as ">= 0.95", or empty."""

    what: str
    value: str
    wanted: str = ""
    detail: str = ""

    def markdown(self) -> str:
        return f"| {self.what} | {self.value} | {self.wanted} | {self.detail} |"


def ratio_row(what: str, ours: Sequence[float], peer: Sequence[float], wanted: str, detail: str) -> Row:
    """Return a row with the ratio of medians; `wanted` is a target such as ">= 1.5" or "<= 1.2"."""
    value = statistics.median(ours) / statistics.median(peer)
    sign, limit = wanted.split()
    met = value >= float(limit) if sign == ">=" else value <= float(limit)
    return Row(what, f"**{value:.2f}**" + ("" if met else " (missed)"), wanted, detail)


@dataclass(frozen=True)
class Options:
    """Command line options."""

    shared: Path
    flair_python: str | None
    fasttext_python: str | None
    turns: int
    results: Path


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress the output of Lightning and of this package."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def make_trainer(**arguments: Any) -> Trainer:
    return Trainer(
        **{
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "limit_val_batches": 0,
            **arguments,
        }
    )


def built(data: TextDataModule, **arguments: Any) -> TextClassifier:
    """Return a model with its layers, as after `setup`."""
    seed_everything(1, verbose=False)
    model = TextClassifier(**arguments)
    model.build_from(data)
    return model


def in_turn(turns: int, **measures: Callable[[], float]) -> dict[str, list[float]]:
    """Measure alternately in several turns; the first turn is a warm-up."""
    found: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(turns + 1):
        for name, measure in measures.items():
            value = measure()
            if turn:
                found[name].append(value)
    return found


def run_python(python: str, script: Path | str, arguments: Any, timeout: float = 900) -> Any:
    """Run a script in a separate environment, and return the JSON in the last line of its output."""
    command = [python, *(["-m", script] if isinstance(script, str) else [str(script)]), json.dumps(arguments)]
    process = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    if process.returncode:
        raise RuntimeError(f"{script}: {process.stderr[-2000:]}")
    return json.loads(process.stdout.strip().splitlines()[-1])


def machine() -> str:
    name = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    return f"{name}, {os.cpu_count()} cores, torch {torch.__version__}, Python {sys.version.split()[0]}"
