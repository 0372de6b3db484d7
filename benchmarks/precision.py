"""Training and prediction in bfloat16 compared with 32 bits, on a CPU that computes in bfloat16.

    python -m benchmarks.precision > benchmarks/results/precision.md

The mode `init` of the demo is trained for two epochs in each precision, and one of the models classifies all sentences of the
demo. Precisions alternate; medians of wall time are printed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch import Callback, Trainer, seed_everything

from benchmarks.demo import DEMO, MODEL
from benchmarks.speed.common import machine, quiet
from lit_transfer import TextClassifier, TextDataModule, load
from lit_transfer.layers.precision import Precision, has_bf16

FIT = ("32-true", "bf16-mixed", "bf16-true")
PREDICT: tuple[Precision, ...] = ("32", "bf16")
BATCH_SIZES = (50, 128)


class EpochTimes(Callback):
    """Times of the training epochs in seconds, without validation."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: object) -> None:
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: object) -> None:
        self.seconds.append(time.perf_counter() - self._start)


def fit(data: TextDataModule, precision: str, checkpoint: Path | None = None) -> float:
    """Train for two epochs; return the seconds of the second."""
    seed_everything(1, verbose=False)
    model, times = TextClassifier("init", **MODEL), EpochTimes()
    model.quiet = True
    trainer = Trainer(
        accelerator="cpu",
        precision=precision,
        max_epochs=2,
        limit_val_batches=0,
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[times],
    )
    trainer.fit(model, data)
    if checkpoint is not None:
        trainer.save_checkpoint(checkpoint)
    return times.seconds[-1]


def seconds_to_predict(checkpoint: Path, texts: Sequence[str], turns: int) -> tuple[dict[str, float], float]:
    """Return the seconds of each precision, and the share of texts with the same label."""
    predictors = {precision: load(checkpoint, precision=precision) for precision in PREDICT}
    seconds: dict[str, list[float]] = {precision: [] for precision in PREDICT}
    answers = {precision: predictor.predict_proba(texts).argmax(1) for precision, predictor in predictors.items()}
    for _ in range(turns):
        for precision, predictor in predictors.items():
            start = time.perf_counter()
            predictor.predict_proba(texts)
            seconds[precision].append(time.perf_counter() - start)
    same = float(np.mean(answers["32"] == answers["bf16"]))
    return {precision: statistics.median(found) for precision, found in seconds.items()}, same


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.precision",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    if not has_bf16():
        parser.error("this processor does not compute in bfloat16")
    print(f"# bfloat16 on a CPU\n\n{machine()}; `python -m benchmarks.precision`, medians of {given.turns} turns.\n")
    print("Seconds of a training epoch of the demo (`init`, 6,824 sentences):\n")
    print(f"| threads | batch size | {' | '.join(FIT)} | bf16-mixed / 32-true |\n|--:|--:|{'--:|' * (len(FIT) + 1)}")
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "model.ckpt")
        for threads in given.threads:
            torch.set_num_threads(threads)
            for batch_size in BATCH_SIZES:
                data = TextDataModule(**{**DEMO["data"]["init_args"], "batch_size": batch_size})
                seconds: dict[str, list[float]] = {precision: [] for precision in FIT}
                with quiet():
                    for _ in range(given.turns):
                        for precision in FIT:
                            seconds[precision].append(fit(data, precision, checkpoint if precision == FIT[0] else None))
                medians = [statistics.median(seconds[precision]) for precision in FIT]
                cells = " | ".join(f"{median:.2f}" for median in medians)
                print(f"| {threads} | {batch_size} | {cells} | {medians[1] / medians[0]:.2f} |", flush=True)
        texts = [text for split in ("train", "val", "test") for text in all_texts(data, split)]
        print(f"\nTexts per second of `predict_proba`, {len(texts):,} sentences:\n")
        print("| threads | 32 | bf16 | bf16 / 32 | same label |\n|--:|--:|--:|--:|--:|")
        for threads in given.threads:
            torch.set_num_threads(threads)
            with quiet():
                found, same = seconds_to_predict(checkpoint, texts, given.turns)
            rates = {precision: len(texts) / found[precision] for precision in PREDICT}
            print(
                f"| {threads} | {rates['32']:,.0f} | {rates['bf16']:,.0f} | {rates['bf16'] / rates['32']:.2f} | {same:.2%} |"
            )


def all_texts(data: TextDataModule, split: str) -> Sequence[str]:
    """Return the texts of a split."""
    data.setup("fit")
    data.setup("test")
    return data.split(split).texts


if __name__ == "__main__":
    main()
