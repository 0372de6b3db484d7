"""Words per second of pretraining by objective, with the trainer and a bare loop; growth with vocabulary and network."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import Callback, seed_everything

from benchmarks.speed.common import Options, Row, clock, make_trainer, quiet, ratio_row
from lit_transfer.pretraining.batches import SentenceBatch
from lit_transfer.pretraining.datamodule import PretrainingDataModule
from lit_transfer.pretraining.encoding import Encoding
from lit_transfer.pretraining.module import PretrainingModule

OBJECTIVES = ("document", "adjacent", "language_model", "masked_vector", "document + language_model")
DIM, HIDDEN, WORDS, STEPS = 50, 200, 30_000, 5
DOCUMENTS, SENTENCES, LONGEST = 400, 12, 40


class Paces(NamedTuple):
    """Words per second of the trainer and of a bare loop."""

    trainer: float
    bare: float


class Pace(Callback):
    """Callback that records the number of words and the time of each batch."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.ends: list[float] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.words.append(int(batch.lengths.sum()))
        self.ends.append(clock())

    def per_second(self) -> float:
        """Return the words per second, without the first batch."""
        return sum(self.words[1:]) / (self.ends[-1] - self.ends[0])


def names_of(words: int) -> np.ndarray:
    return np.array([f"w{number}" for number in range(words)])


def write_text(folder: Path, words: int) -> str:
    """Write documents of words with Zipf frequencies, each word at least once."""
    rng, names = np.random.default_rng(0), names_of(words)
    share = 1 / np.arange(1, words + 1)
    share /= share.sum()
    text = folder / f"{words}.txt"
    with text.open("w") as file:
        for _ in range(DOCUMENTS):
            lengths = rng.integers(6, LONGEST, SENTENCES)
            file.write(" ".join(f"{' '.join(rng.choice(names, length, p=share))} ." for length in lengths) + "\n")
        file.write("\n".join(" ".join(part) for part in np.array_split(names, max(2, words // LONGEST))) + "\n")
    return str(text)


def write_vectors(folder: Path, words: int) -> str:
    """Write vectors of all words."""
    values = np.random.default_rng(0).standard_normal((words, DIM)).round(3).astype(str)
    np.savetxt(folder / "vectors.vec", np.c_[names_of(words), values], fmt="%s")
    return str(folder / "vectors.vec")


def paces(text: str, objectives: str, hidden_size: int = HIDDEN, vectors: str | None = None) -> Paces:
    """Train some steps with the trainer, then as many with a bare loop over prepared batches."""
    seed_everything(1, verbose=False)
    pace = Pace()
    with tempfile.TemporaryDirectory() as folder:
        data = PretrainingDataModule(text, vectors=vectors, min_freq=1, cache_dir=f"{folder}/cache")
        module = PretrainingModule(
            objectives,
            transfer="init" if vectors else "random",
            hidden_size=hidden_size,
            embedding_dim=DIM,
            lr_schedule="constant",
        )
        with quiet():
            make_trainer(default_root_dir=folder, max_steps=STEPS, gradient_clip_val=1.0, callbacks=[pace]).fit(
                module, data
            )
        batches = [batch for batch, _ in zip(data.train_dataloader(), range(STEPS), strict=False)]
    return Paces(pace.per_second(), bare_pace(module.train(), batches))


def bare_pace(module: PretrainingModule, batches: list[SentenceBatch]) -> float:
    """Return the words per second of a bare loop."""
    optimizer, pace = module.configure_optimizers(), Pace()
    for number, batch in enumerate(batches):
        texts = Encoding(batch, module.read, module.pooling)
        loss = torch.stack([one.weight * one(texts) for one in module.objectives]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pace.on_train_batch_end(None, module, loss, batch, number)
    return pace.per_second()


def measure(options: Options) -> list[Row]:
    """Return the rows of the table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        text, vectors = write_text(Path(folder), WORDS), write_vectors(Path(folder), WORDS)
        for objectives in OBJECTIVES:
            found = [paces(text, objectives, vectors=vectors) for _ in range(options.turns)]
            trainer, bare = zip(*found, strict=True)
            detail = f"{statistics.median(trainer):,.0f} words/s; {WORDS:,} words, {DIM}-d, hidden {HIDDEN}, float32"
            rows.append(ratio_row(f"trainer / bare loop, {objectives}", trainer, bare, ">= 0.9", detail))
        for words in (WORDS, 10 * WORDS):
            grown = write_text(Path(folder), words)
            pace = statistics.median(paces(grown, OBJECTIVES[-1]).trainer for _ in range(options.turns))
            rows.append(Row(f"{OBJECTIVES[-1]}, {words:,} words", f"{pace:,.0f} words/s"))
        for hidden in (HIDDEN // 2, 2 * HIDDEN):
            pace = statistics.median(paces(text, OBJECTIVES[-1], hidden).trainer for _ in range(options.turns))
            rows.append(Row(f"{OBJECTIVES[-1]}, hidden {hidden}", f"{pace:,.0f} words/s"))
    return rows
