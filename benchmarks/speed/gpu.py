"""Tokens per second on a GPU compared with a loop with only cuDNN; not measured without a GPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import torch

from benchmarks.corpora import data_arguments
from benchmarks.speed.common import Options, Row, built, ratio_row
from benchmarks.speed.training import with_packed_lstm
from lit_transfer import TextClassifier, TextDataModule

BATCH_SIZES = (50, 200, 800)


def epoch_of(model: TextClassifier, batches: list[Any], bf16: bool) -> Callable[[], float]:
    """Return a function that measures tokens per second of an epoch; batches are copied from pinned memory."""
    model.cuda()
    optimizer: Any = model.configure_optimizers()
    count = sum(int(batch.lengths.sum()) for batch in batches)

    def epoch() -> float:
        model.train()
        torch.cuda.synchronize()
        begin = time.perf_counter()
        for batch in batches:
            ids, labels = (each.cuda(non_blocking=True) for each in (batch.token_ids, batch.labels))
            with torch.autocast("cuda", torch.bfloat16, enabled=bf16):
                # nn.LSTM needs lengths on the CPU.
                loss = model.loss(model(ids, batch.lengths.cuda(non_blocking=True)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        torch.cuda.synchronize()
        return count / (time.perf_counter() - begin)

    return epoch


def measure(options: Options) -> list[Row]:
    if not torch.cuda.is_available():
        return [
            Row(
                "GPU: tokens/s compared with a cuDNN-only loop, bf16, batch sizes",
                "not measured: no GPU here",
                ">= 0.9",
            )
        ]
    card = f"{torch.cuda.get_device_name()}, {date.today()}"
    rows = []
    for batch_size in BATCH_SIZES:
        data = TextDataModule(**{**data_arguments("sst2", options.shared), "batch_size": batch_size})
        batches = [type(batch)(*(each.pin_memory() for each in batch)) for batch in data.train_dataloader()]
        measures = {
            "ours": epoch_of(built(data), batches, bf16=False),
            "cudnn": epoch_of(with_packed_lstm(built(data)), batches, bf16=False),
            "bf16": epoch_of(built(data), batches, bf16=True),
        }
        found: dict[str, list[float]] = {name: [] for name in measures}
        used = []
        for turn in range(options.turns + 1):
            for name, epoch in measures.items():
                speed = epoch()
                if turn:
                    found[name].append(speed)
            used.append(_utilisation())
        speed = {name: f"{statistics.median(values):,.0f}" for name, values in found.items()}
        what = f"GPU, batch {batch_size}"
        rows += [
            ratio_row(
                f"{what}: tokens/s / cuDNN-only loop",
                found["ours"],
                found["cudnn"],
                ">= 0.9",
                f"{speed['ours']} / {speed['cudnn']}; utilisation {statistics.median(used):.0f} %; {card}",
            ),
            Row(
                f"{what}: bf16 / float32",
                f"{statistics.median(found['bf16']) / statistics.median(found['ours']):.2f}",
                "",
                f"{speed['bf16']} tokens/s; {card}",
            ),
        ]
    return rows


def _utilisation() -> float:
    try:
        return float(torch.cuda.utilization())
    except (ImportError, RuntimeError):  # without NVIDIA's management library
        return float("nan")
