"""A comparison small enough to run in a test."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from lit_transfer import TextClassifier
from tests.samples import write_corpus, write_vectors


def write_inputs(folder: Path) -> None:
    """Write the corpus and the vectors."""
    write_corpus(folder / "corpus.tsv", count=160)
    write_vectors(folder / "vectors.txt")


def configuration(folder: Path, **options: Any) -> dict[str, Any]:
    """Return a configuration for them; `options` are those of the section `compare`."""
    return {
        "compare": {
            "seeds": 2,
            "train_sizes": [20, None],
            "embedding_lrs": [1e-6],
            "output_dir": str(folder / "out"),
            "min_steps": 4,
            "deliver": False,
            "folds": None,
            **options,
        },
        "model": {"class_path": "lit_transfer.TextClassifier", "init_args": {"hidden_size": 4, "lr": 0.02}},
        "data": {
            "class_path": "lit_transfer.TextDataModule",
            "init_args": {
                "train_file": str(folder / "corpus.tsv"),
                "vectors": str(folder / "vectors.txt"),
                "val_fraction": 0.2,
                "test_fraction": 0.3,
                "batch_size": 20,
                "cache": False,
            },
        },
        "trainer": {"accelerator": "cpu", "max_epochs": 3, "logger": False},
    }


class DyingClassifier(TextClassifier):
    """Model that ends its process abruptly, as if killed by the system for lack of memory."""

    def on_train_start(self) -> None:
        os._exit(9)


class DyingOnceClassifier(TextClassifier):
    """Kills its process unless the file `died` is in the working directory, which it writes before."""

    def on_train_start(self) -> None:
        if not Path("died").exists():
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)


class FailingClassifier(TextClassifier):
    """Raises an error when training starts."""

    def on_train_start(self) -> None:
        raise RuntimeError("not today")
