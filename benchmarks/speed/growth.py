"""Growth of the cost of the LSTM, with a plot for each size, and its share of the rate of matrix products."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.speed.arithmetic import INPUT, Sizes, flops, matrix_rate, seconds_of
from benchmarks.speed.common import Options, Row, in_turn
from benchmarks.speed.training import PackedLSTM
from lit_transfer.files import atomic_write
from lit_transfer.layers.lstm import LSTM

GRID: dict[str, tuple[str, list[int]]] = {
    "length": ("words of a text", [5, 10, 20, 50, 100, 200]),
    "hidden": ("hidden size", [32, 64, 128, 256, 512]),
    "layers": ("layers", [1, 2, 3, 4]),
    "batch": ("texts of a batch", [1, 10, 50, 100, 250]),
}


def step_of(network: nn.Module, sizes: Sizes) -> Callable[[], object]:
    inputs = torch.randn(sizes.batch, sizes.length, INPUT)
    lengths = torch.full((sizes.batch,), sizes.length)
    lengths[1:] = torch.randint(max(1, int(0.9 * sizes.length)), sizes.length + 1, (sizes.batch - 1,))

    def step() -> Tensor:
        states, _ = network(inputs, lengths)
        loss: Tensor = states.sum()
        loss.backward()
        return loss

    return step


def measure(options: Options) -> list[Row]:
    from matplotlib.figure import Figure

    torch.set_num_threads(1)
    rows, rates = [], []
    for name, (title, values) in GRID.items():
        curves: dict[str, list[float]] = {"lit_transfer": [], "packed nn.LSTM": []}
        shares = []
        for value in values:
            sizes = Sizes()._replace(**{name: value})
            arguments: dict[str, Any] = {"num_layers": sizes.layers, "bidirectional": True}
            steps = {
                "lit_transfer": step_of(LSTM(INPUT, sizes.hidden, **arguments), sizes),
                "packed nn.LSTM": step_of(PackedLSTM(INPUT, sizes.hidden, batch_first=True, **arguments), sizes),
            }
            found = in_turn(
                options.turns,
                **{label: lambda step=step: seconds_of(step) for label, step in steps.items()},
                rate=lambda: matrix_rate(1),
            )
            rates += found["rate"]
            for label in steps:
                curves[label].append(statistics.median(found[label]))
            rate = statistics.median(found["rate"])
            shares.append(flops(sizes, training=True) / curves["lit_transfer"][-1] / rate)
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot()
        for label, seconds in curves.items():
            axes.plot(values, [1e3 * second for second in seconds], marker="o", label=label)
        axes.set(xlabel=title, ylabel="ms a training step (forwards and backwards)", xscale="log", yscale="log")
        axes.set_xticks(values, [str(value) for value in values])
        axes.minorticks_off()
        axes.legend()
        rest = ", ".join(f"{key} {size}" for key, size in Sizes()._asdict().items() if key != name)
        axes.set_title(f"{rest}; input {INPUT}, both directions, one thread", fontsize=9)
        options.results.mkdir(parents=True, exist_ok=True)
        with atomic_write(options.results / f"growth_{name}.png", "wb") as file:
            figure.savefig(file, format="png", dpi=100)
        at = ", ".join(f"{value}: {share:.0%}" for value, share in zip(values, shares, strict=True))
        factor = ", ".join(
            f"{value}: {theirs / ours:.2f}"
            for value, ours, theirs in zip(values, curves["lit_transfer"], curves["packed nn.LSTM"], strict=True)
        )
        rows.append(Row(f"share of that rate by {title}", at, "", f"growth_{name}.png"))
        rows.append(
            Row(f"packed nn.LSTM's time over ours by {title}", factor, "", "the layer alone, 90 % to 100 % full")
        )
    rate = statistics.median(rates)
    return [Row("matrix products, one thread", f"{rate / 1e9:.0f} GFLOP/s", "", "float32, 1024 x 512 x 512"), *rows]
