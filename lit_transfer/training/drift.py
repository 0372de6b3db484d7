"""Drift of an embedding from its initial values."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

NUM_FARTHEST = 10


class Drift(NamedTuple):
    """Drift of an embedding from its initial values.

    Attributes:
        cosine: Mean cosine between rows and their initial values, over nonzero rows.
        moved: Share of rows that changed, 0 to 1.
        largest: Largest absolute change of a value.
        farthest: The ten rows with the largest Euclidean distance from their initial values, and the distances.
    """

    cosine: float
    moved: float
    largest: float
    farthest: list[tuple[int, float]]


@torch.no_grad()
def measure_drift(start: Tensor, weight: Tensor, padding_idx: int, chunk: int = 65536) -> Drift:
    """Compare an embedding weight with its initial values, in chunks of rows.

    Args:
        start: Initial values. *Shape:* `(vocab_size, embedding_dim)`.
        weight: Current values. *Shape:* `(vocab_size, embedding_dim)`.
        padding_idx: Row of the padding, which is ignored.
        chunk: Number of rows per chunk.
    """
    distance = torch.empty(len(weight), dtype=torch.float32)
    cosine, counted, largest = 0.0, 0, 0.0
    for begin in range(0, len(weight), chunk):
        before, after = start[begin : begin + chunk].cpu().float(), weight[begin : begin + chunk].cpu().float()
        difference = after - before
        distance[begin : begin + chunk] = difference.norm(dim=1)
        largest = max(largest, difference.abs().max().item())
        both = (before.norm(dim=1) > 0) & (after.norm(dim=1) > 0)
        cosine += nn.functional.cosine_similarity(before[both].double(), after[both].double(), dim=1).sum().item()
        counted += int(both.sum())
    distance[padding_idx] = 0.0
    moved = int((distance > 0).sum()) / max(len(weight) - 1, 1)
    top = distance.topk(min(NUM_FARTHEST, len(distance)))
    farthest = [(row, far) for row, far in zip(top.indices.tolist(), top.values.tolist(), strict=True) if far > 0]
    return Drift(cosine / max(counted, 1), moved, largest, farthest)
