"""Size, speed, time to the first answer, and accuracy of the demo's model and its exports.

`OMP_NUM_THREADS=1 python -m benchmarks.export > benchmarks/results/export.md` uses one thread.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from lightning.pytorch import seed_everything

from benchmarks.demo import DEMO, MODEL, make_demo_trainer
from lit_transfer import TextClassifier, TextDataModule, load
from lit_transfer.deploy.onnx.export import export
from lit_transfer.deploy.onnx.measurement import contenders, measure


def main() -> None:
    """Train the model of the demo, export it, and print the table."""
    seed_everything(1, verbose=False)
    data = TextDataModule(**DEMO["data"]["init_args"])
    model = TextClassifier("frozen", **MODEL)
    model.quiet = True
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_demo_trainer(folder)
        trainer.fit(model, data)
        best: Any = trainer.checkpoint_callback
        checkpoint = Path(best.best_model_path)
        export(load(checkpoint), Path(folder, "int8"), int8=True)
        split = data.split("test")
        labels = np.array(data.labels, dtype=object)[split.labels].tolist()
        found = contenders(checkpoint, Path(folder, "int8"), Path(folder, "scratch"), int8=True)
        rows = measure(found, list(split.texts), labels)
    first = next(iter(rows.values()))
    print(f"# The demo's model and its exports, {len(split.texts):,} test texts\n")
    print("`python -m benchmarks.export`, medians of 5 alternating rounds (start: of 3 processes);")
    print(
        f"x86_64, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f} at the end), {torch.get_num_threads()} thread(s),"
    )
    print(
        f"torch {torch.__version__}, onnxruntime {onnxruntime.__version__}. A checkpoint leaves the vectors of unseen words"
    )
    print("in their file; an exported folder holds those of all 400,000 words.\n")
    print("| | size, MB | texts/s | times torch fp32 | start to first answer, s | same label | accuracy |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, row in rows.items():
        times = row.texts_per_second / first.texts_per_second
        print(
            f"| {name} | {row.size / 1e6:.1f} | {row.texts_per_second:,.0f} | {times:.2f} | {row.start:.2f} | "
            f"{row.same:.2%} | {row.accuracy:.2%} |"
        )


if __name__ == "__main__":
    main()
