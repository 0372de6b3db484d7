"""Texts per second of training, compared with bare loops over the same network, and of prediction."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.corpora import data_arguments
from benchmarks.speed.arithmetic import limit
from benchmarks.speed.common import (
    Options,
    Row,
    built,
    clock,
    in_turn,
    make_trainer,
    quiet,
    ratio_row,
    run_python,
)
from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.data.batching import Batch
from lit_transfer.tokenizers.registry import get_tokenizer


class PackedLSTM(nn.LSTM):
    """LSTM over packed sequences, as usually written."""

    def forward(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, (last, _) = super().forward(packed)
        return pad_packed_sequence(states, batch_first=True)[0], torch.cat([*last[-2:]], dim=-1)


def with_packed_lstm(model: TextClassifier) -> TextClassifier:
    """Return the network with the same weights, and `nn.LSTM` over packed sequences."""
    ours = model.lstm
    model.lstm = PackedLSTM(  # type: ignore[assignment]
        ours.input_size, ours.hidden_size, ours.num_layers, batch_first=True, bidirectional=ours.bidirectional
    )
    model.lstm.load_state_dict(ours.state_dict())
    return model


def bare_epochs(model: TextClassifier, batches: Iterable[Batch], count: int) -> Callable[[], float]:
    """Return a function that measures the texts per second of a bare loop over an epoch."""
    optimizer: Any = model.configure_optimizers()

    def epoch() -> float:
        model.train()
        begin = clock()
        for batch in batches:
            loss = model.loss(model(batch.token_ids, batch.lengths), batch.labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return count / (clock() - begin)

    return epoch


class EpochTimes(Callback):
    """Callback that records the start of each epoch, and the end of the last."""

    def __init__(self) -> None:
        self.begins: list[float] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        self.begins.append(clock())

    on_train_end = on_train_epoch_start


def fitted_epochs(data: TextDataModule, count: int, epochs: int = 2, **model_arguments: Any) -> float:
    """Return the texts per second of the trainer from the second epoch on."""
    times = EpochTimes()
    with quiet():
        make_trainer(max_epochs=epochs + 1, callbacks=[times]).fit(TextClassifier(**model_arguments), data)
    return count * epochs / (times.begins[-1] - times.begins[1])


def measure(options: Options) -> list[Row]:
    torch.set_num_threads(1)
    rows = []
    for name in ("trec", "sst2"):
        data = TextDataModule(**data_arguments(name, options.shared))
        batches, count = data.train_dataloader(), len(data.split("train"))
        found = in_turn(
            options.turns,
            fit=lambda data=data, count=count: fitted_epochs(data, count),
            packed=bare_epochs(with_packed_lstm(built(data)), batches, count),
            ours=bare_epochs(built(data), batches, count),
        )
        speed = {key: f"{statistics.median(values):,.0f}" for key, values in found.items()}
        most = limit(words_of(data), training=True, turns=options.turns)
        detail = (
            f"frozen, hidden 128, batch 50; texts/s: at the rate of matrix products {most:,.0f}, fit {speed['fit']}"
        )
        rows += [
            ratio_row(
                f"train on {name}: fit / bare loop with packed nn.LSTM",
                found["fit"],
                found["packed"],
                ">= 1.5",
                f"{detail}, bare {speed['packed']}",
            ),
            ratio_row(
                f"train on {name}: fit / bare loop with our LSTM",
                found["fit"],
                found["ours"],
                ">= 0.95",
                f"{detail}, bare {speed['ours']}",
            ),
        ]
    return rows


def words_of(data: TextDataModule) -> float:
    """Return the mean number of words of a training text."""
    return float(data.encoded("train").lengths.float().mean())


def predicted(model: TextClassifier, texts: Sequence[str]) -> float:
    begin = clock()
    model.predict_texts(texts)
    return len(texts) / (clock() - begin)


def measure_flair(options: Options) -> list[Row]:
    """Compare with Flair's static word vectors and RNN: the same words, vectors and sizes, with Flair's trainer."""
    if options.flair_python is None:
        return [Row("Flair: training and prediction", "not measured: no --flair-python")]
    torch.set_num_threads(1)
    data = TextDataModule(**data_arguments("trec", options.shared))
    split, train = get_tokenizer(data.tokenizer), data.split("train")
    assert train.labels is not None
    model = built(data).eval()
    script = Path(__file__).with_name("peer_flair.py")
    with tempfile.TemporaryDirectory() as folder:
        job = {"rows": f"{folder}/rows.json", "vectors": data.vectors.path, "count": 1500, "hidden": 128, "epochs": 3}  # type: ignore[union-attr]
        rows = [[split(text), label] for text, label in zip(train.texts, train.labels.tolist(), strict=True)]
        Path(job["rows"]).write_text(json.dumps(rows), encoding="utf-8")
        ours: dict[str, list[float]] = {"train": [], "predict": []}
        theirs: dict[str, list[float]] = {"train": [], "predict": []}
        for _ in range(min(options.turns, 2)):
            found = run_python(options.flair_python, script, job)
            for name, values in found.items():
                theirs[name] += values
            ours["train"].append(fitted_epochs(data, len(train)))
            ours["predict"] += [predicted(model, train.texts) for _ in range(3)]
    lines = []
    for name, wanted in (("train", ">= 4"), ("predict", ">= 10")):
        most = limit(words_of(data), name == "train", options.turns)
        both = f"{statistics.median(ours[name]):,.0f} / {statistics.median(theirs[name]):,.0f} texts/s"
        both += (
            f"; at the rate of matrix products {most:,.0f}: {most / statistics.median(theirs[name]):.1f} times Flair"
        )
        lines.append(ratio_row(f"{name} on trec: ours / Flair", ours[name], theirs[name], wanted, both))
    return lines
