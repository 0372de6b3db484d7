"""How far an embedding moved from where it started."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Drift(NamedTuple):
    """How far an embedding went from where it started.

    Attributes:
        cosine: Mean cosine of each row to its start, over the rows that are not zero.
        moved: Share of rows that changed at all, 0 to 1.
        largest: The largest change of any value.
        farthest: The rows that moved most (by Euclidean distance), each with its distance.
    """

    cosine: float
    moved: float
    largest: float
    farthest: list[tuple[int, float]]


@torch.no_grad()
def measure_drift(start: Tensor, weight: Tensor, padding_idx: int, most: int = 10, chunk: int = 65536) -> Drift:
    """Compare an embedding weight with its start, in chunks of rows. *Shape:* both `(vocab_size, embedding_dim)`."""
    distance = torch.empty(len(weight))
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
    top = distance.topk(min(most, len(distance)))
    farthest = [(row, far) for row, far in zip(top.indices.tolist(), top.values.tolist(), strict=True) if far > 0]
    return Drift(cosine / max(counted, 1), moved, largest, farthest)
