"""Ratio of the time of a step with a vocabulary of 1,000,000 and of 10,000 words in each mode, and bytes per row."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from benchmarks.speed.common import Options, Row, clock, ratio_row
from lit_transfer import TextClassifier, Vocabulary
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.vocabulary import SPECIALS
from lit_transfer.tasks import SingleLabel
from lit_transfer.transfer import MODES

SMALL, LARGE = 10_000, 1_000_000
DIM, BATCH, SEQ = 100, 50, 20


def stepper(transfer: str, vocab_size: int) -> tuple[TextClassifier, Any, Callable[[], float]]:
    """Return a model, its optimizer, and a function that trains one step and returns its seconds."""
    tokens = [*SPECIALS, *map(str, range(vocab_size - len(SPECIALS)))]
    preprocessing = Preprocessing(Vocabulary(tokens), SingleLabel(("a", "b")), "whitespace", None, None)
    model = TextClassifier(transfer=transfer)  # type: ignore[arg-type]
    weight = torch.randn(vocab_size, DIM) if MODES[transfer].pretrained else None
    model._build_layers(preprocessing, DIM, weight)
    optimizer: Any = model.configure_optimizers()
    rng = np.random.default_rng(0)
    lengths, labels = torch.full((BATCH,), SEQ), torch.randint(2, (BATCH,))

    def step() -> float:
        # Zipf frequencies, so that a larger vocabulary has a longer tail but similar texts.
        ids = torch.from_numpy(2 + (rng.zipf(1.2, (BATCH, SEQ)) - 1) % (vocab_size - 2))
        begin = clock()
        loss = model.loss(model(ids, lengths), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return clock() - begin

    return model, optimizer, step


def bytes_per_row(model: TextClassifier, optimizer: Any) -> float:
    """Return the bytes per row of the table, its gradient, its optimizer state, and its initial values (for the drift)."""
    weight = model.embedding.weight
    held = [weight, *(value for value in optimizer.state.get(weight, {}).values() if torch.is_tensor(value))]
    if weight.grad is not None and not weight.grad.is_sparse:
        held.append(weight.grad)
    if weight.requires_grad:
        held.append(weight)
    return sum(tensor.numel() * tensor.element_size() for tensor in held) / len(weight)


def measure(options: Options) -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    for transfer in MODES:
        sizes = {size: stepper(transfer, size) for size in (SMALL, LARGE)}
        times: dict[int, list[float]] = {size: [] for size in sizes}
        for turn in range(8 * options.turns):
            for size, (_, _, step) in sizes.items():
                seconds = step()
                if turn >= 4:
                    times[size].append(seconds)
        held = {size: bytes_per_row(model, optimizer) for size, (model, optimizer, _) in sizes.items()}
        rows.append(
            ratio_row(
                f"step at {LARGE:,} words / at {SMALL:,}, {transfer}",
                times[LARGE],
                times[SMALL],
                "<= 1.2",
                f"{1e3 * statistics.median(times[LARGE]):.1f} ms / {1e3 * statistics.median(times[SMALL]):.1f} ms; "
                f"{held[LARGE]:,.0f} bytes a row of {DIM} values (at {SMALL:,} words {held[SMALL]:,.0f})",
            )
        )
        del sizes
        gc.collect()
    return rows
