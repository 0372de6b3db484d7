"""Small unlabelled text, and fast pretraining runs on it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from lightning.pytorch import seed_everything

from lit_transfer.pretraining.datamodule import PretrainingDataModule
from lit_transfer.pretraining.module import PretrainingModule
from tests.samples import BAD, GOOD, PLAIN, make_trainer, write_vectors


def write_documents(path: Path, count: int = 40, seed: int = 0) -> Path:
    """Write documents of two to six sentences, one per line; a document has either words of GOOD or words of BAD."""
    rng = random.Random(seed)
    lines = []
    for i in range(count):
        telling = GOOD if i % 2 else BAD
        sentences = []
        for _ in range(rng.randint(2, 6)):
            words = [*rng.choices(PLAIN, k=rng.randint(2, 6)), *rng.choices(telling, k=2)]
            rng.shuffle(words)
            sentences.append(f"{' '.join(words)} .")
        lines.append(" ".join(sentences))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def make_pretraining_data(folder: Path, **arguments: Any) -> PretrainingDataModule:
    """Create a data module with such documents and vectors."""
    defaults = {
        "train_file": str(write_documents(folder / "plain.txt")),
        "vectors": str(write_vectors(folder / "vectors.txt")),
        "batch_size": 8,
        "min_freq": 1,
        "cache_dir": str(folder / "cache"),
    }
    return PretrainingDataModule(**{**defaults, **arguments})


def pretrain(folder: Path, data: dict[str, Any] | None = None, trainer: dict[str, Any] | None = None, **model: Any):
    """Pretrain a small network; return the module and its trainer."""
    seed_everything(1, verbose=False)
    module = PretrainingModule(**{"hidden_size": 8, "lr": 0.01, **model})
    trained_by = make_trainer(folder, **(trainer or {}))
    trained_by.fit(module, make_pretraining_data(folder, **(data or {})))
    return module, trained_by
