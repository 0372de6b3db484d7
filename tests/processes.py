"""Code for the processes of test_processes.py, in a separate module since each process imports it."""

from __future__ import annotations

import faulthandler
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, seed_everything
from lightning.pytorch.callbacks import ModelCheckpoint

from lit_transfer import TextClassifier, TextDataModule, WordVectors
from lit_transfer.prediction.writer import PredictionWriter
from lit_transfer.pretraining.datamodule import PretrainingDataModule
from lit_transfer.pretraining.module import PretrainingModule
from lit_transfer.transfer import MODES
from tests import prepared
from tests.pretraining.samples import write_documents
from tests.samples import make_trainer, write_corpus, write_sets_of_labels, write_vectors

RANKS = 2
SPLITS = {"train": 67, "val": 29, "test": 31, "predict": 33}  # odd numbers of texts, for two processes
CASES = [(mode, sparse) for mode in MODES for sparse in ([False, True] if MODES[mode].trainable else [False])]


class Recorder(Callback):
    """Callback that stores the rows and the gradients of each step."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self.epochs: list[int] = []
        self.gradients: list[dict[str, torch.Tensor]] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.rows.append(batch.rows.tolist())
        self.epochs.append(trainer.current_epoch)
        self.gradients.append(
            {
                name: parameter.grad.to_dense().clone()
                for name, parameter in pl_module.named_parameters()
                if parameter.grad is not None
            }
        )


def run_processes(function: Callable[..., None], *arguments: Any, seconds: float = 180) -> None:
    """Run `function(rank, *arguments)` in each of `RANKS` processes; a process that hangs is ended with a traceback."""
    prepared.context()
    context = torch.multiprocessing.start_processes(
        run_one, (function, seconds, *arguments), nprocs=RANKS, join=False, start_method="forkserver"
    )
    deadline = time.monotonic() + seconds
    try:
        while not context.join(timeout=max(deadline - time.monotonic(), 0)):
            if time.monotonic() >= deadline:
                alive = [rank for rank, process in enumerate(context.processes) if process.is_alive()]
                raise TimeoutError(f"Processes {alive} still ran after {seconds} seconds.")
    finally:
        for process in context.processes:
            process.kill()


def run_one(rank: int, function: Callable[..., None], seconds: float, *arguments: Any) -> None:
    faulthandler.dump_traceback_later(0.9 * seconds)
    function(rank, *arguments)
    # Without the teardown of the interpreter, in which the first rank may hang after the other has exited.
    os._exit(0)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def write_files(folder: Path) -> None:
    """Write the files for `data_of` before the processes start, since one might read while another writes."""
    for seed, (part, count) in enumerate(SPLITS.items()):
        write_corpus(folder / f"{part}.tsv", count, seed)
        write_sets_of_labels(folder / f"sets_{part}.tsv", count, seed)
    write_vectors(folder / "vectors.txt")
    write_documents(folder / "documents.txt")
    store = sentences_of(folder, 1).store
    np.save(folder / "teacher.npy", np.random.default_rng(0).standard_normal((store.num_sentences, 3)))


def data_of(folder: Path, ranks: int, several: bool = False) -> TextDataModule:
    """Return a data module with the same texts per step for any number of processes."""
    kind, options = ("sets_", {"label_separator": "|"}) if several else ("", {})
    files: dict[str, Any] = {f"{part}_file": str(folder / f"{kind}{part}.tsv") for part in SPLITS} | options
    cache = str(folder / f"cache_of_{ranks}")
    return TextDataModule(**files, vectors=str(folder / "vectors.txt"), batch_size=16 // ranks, cache_dir=cache)


def sentences_of(folder: Path, ranks: int) -> PretrainingDataModule:
    """Return a data module with the same sentences per step for any number of processes."""
    return PretrainingDataModule(
        train_file=str(folder / "documents.txt"),
        vectors=str(folder / "vectors.txt"),
        batch_size=8 // ranks,
        min_freq=1,
        cache_dir=str(folder / f"cache_of_{ranks}"),
    )


def pretrain(folder: Path, objectives: str, ranks: int) -> dict[str, torch.Tensor]:
    """Pretrain with row-sparse updates; return the weights."""
    seed_everything(1, verbose=False)
    module = PretrainingModule(objectives=objectives, hidden_size=8, lr=0.01, sparse=True)
    trainer = make_trainer(folder, max_epochs=2, enable_checkpointing=False, **parallel(ranks))
    trainer.fit(module, sentences_of(folder, ranks))
    return {name: value.clone() for name, value in module.state_dict().items()}


def train(folder: Path, mode: str, sparse: bool, ranks: int) -> dict[str, Any]:
    """Train without dropout, which differs between processes."""
    recorder = Recorder()
    seed_everything(1, verbose=False)
    model = TextClassifier(
        hidden_size=8,
        lr=0.01,
        transfer=mode,
        sparse=sparse,
        dropout=0.0,
        num_layers=2,
        embedding_lr=0.01 if mode == "slow" else None,
        embedding_unfreeze_epoch=1 if mode == "slow" else 0,
    )
    trainer = make_trainer(
        folder, callbacks=[recorder], gradient_clip_val=0.5, enable_checkpointing=False, **parallel(ranks)
    )
    trainer.fit(model, data_of(folder, ranks))
    return {
        "rows": recorder.rows,
        "epochs": recorder.epochs,
        "gradients": recorder.gradients,
        "weights": {name: value.clone() for name, value in model.state_dict().items()},
        "metrics": {name: value.item() for name, value in trainer.callback_metrics.items()},
        "vocabulary": model.preprocessing.vocabulary.digest,
        "table": trainer.datamodule.alignment.weight.clone(),
    }


def train_several(folder: Path, mode: str, ranks: int) -> dict[str, Any]:
    """Train on texts with any number of labels; return weights, metrics and calibration."""
    seed_everything(1, verbose=False)
    model = TextClassifier(hidden_size=8, lr=0.02, transfer=mode, dropout=0.0, class_weight="balanced")
    trainer = make_trainer(folder, enable_checkpointing=False, **parallel(ranks))
    trainer.fit(model, data_of(folder, ranks, several=True))
    return {
        "weights": {name: value.clone() for name, value in model.state_dict().items()},
        "metrics": {name: value.item() for name, value in trainer.callback_metrics.items()},
        "calibration": model.calibration,
    }


def interrupt(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights of a run, and of one that resumes from the middle of its second epoch."""
    weights, paths = [], [None, folder / "steps" / "step=7.ckpt"]
    for path in paths:
        seed_everything(1 if path is None else 9, verbose=False)
        model = TextClassifier(
            hidden_size=8, lr=0.01, transfer="slow", embedding_lr=0.01, embedding_unfreeze_epoch=1, sparse=True
        )
        steps = ModelCheckpoint(folder / "steps", "{step}", every_n_train_steps=1, save_top_k=-1)
        trainer = make_trainer(folder, callbacks=[steps], max_epochs=3, **parallel(RANKS))
        trainer.fit(model, data_of(folder, RANKS), ckpt_path=path)
        figures = {name: value.clone() for name, value in trainer.callback_metrics.items()}
        weights.append({**model.state_dict(), **figures})
    return weights[0], weights[1]


def start_softmax(folder: Path, ranks: int) -> dict[str, torch.Tensor]:
    """Return the softmax layer initialized by regression, without training."""
    seed_everything(1, verbose=False)
    model = TextClassifier(hidden_size=8, lr=0.0, transfer="frozen", softmax_start="regression")
    trainer = make_trainer(folder, max_epochs=1, enable_checkpointing=False, **parallel(ranks))
    trainer.fit(model, data_of(folder, ranks))
    return {name: value.clone() for name, value in model.softmax.state_dict().items()}


def evaluate(folder: Path, checkpoint: Path, ranks: int) -> dict[str, Any]:
    """Test, validate and predict with a checkpoint."""
    results: dict[str, Any] = {}
    for stage in ("validate", "test"):
        trainer, model = make_trainer(folder, **parallel(ranks)), TextClassifier(hidden_size=8)
        run = getattr(trainer, stage)
        (results[stage],) = run(model, data_of(folder, ranks), ckpt_path=checkpoint, verbose=False)
    tested = model.test_results
    pairs_and_counts = model.preprocessing.task.confusions(tested.decisions, tested.targets)
    results["confusion"] = [torch.from_numpy(part) for part in pairs_and_counts]
    trainer = make_trainer(folder / f"predicted_by_{ranks}", callbacks=[PredictionWriter()], **parallel(ranks))
    model = TextClassifier(hidden_size=8)
    trainer.predict(model, data_of(folder, ranks), ckpt_path=checkpoint, return_predictions=False)
    return results


def parallel(ranks: int) -> dict[str, Any]:
    return {"devices": ranks, "strategy": "ddp"} if ranks > 1 else {}


def on_ranks(rank: int, folder: Path, port: int) -> None:
    """Train in every mode, evaluate, and store the results of one process."""
    torch.set_num_threads(1)
    os.environ |= {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "WORLD_SIZE": str(RANKS),
        "NODE_RANK": "0",
        "LOCAL_RANK": str(rank),
    }
    opened = []
    look_up = WordVectors.lookup_first
    WordVectors.lookup_first = lambda self, groups: opened.append(str(self.path)) or look_up(self, groups)
    seen: dict[str, Any] = {}
    for mode, sparse in CASES:
        seen[f"{mode} {sparse}"] = train(folder, mode, sparse, RANKS)
    seen["opened"] = list(opened)
    seen["several"] = {mode: train_several(folder, mode, RANKS) for mode in MODES}
    seen["interrupted"] = interrupt(folder)
    seen["softmax"] = start_softmax(folder, RANKS)
    seen["taught"] = pretrain(folder, f"distill:{folder}/teacher.npy", RANKS)
    seen["pretrained"] = pretrain(folder, "document + language_model", RANKS)
    seen["evaluated"] = evaluate(folder, folder / "one.ckpt", RANKS)
    torch.save(seen, folder / f"rank{rank}.pt")
