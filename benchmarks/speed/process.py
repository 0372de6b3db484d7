"""Peak memory of `fit` and its growth, and the time to the first step."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.corpora import ROOT, data_arguments, write_part
from benchmarks.speed.common import Options, Row, in_turn, ratio_row

# Not ru_maxrss, which a process inherits from its parent.
PEAK = """
import sys
from pathlib import Path
from lit_transfer.cli.main import main
main(sys.argv[1:])
print("PEAK", int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024)
"""


def fit_command(arguments: dict[str, object], folder: str, steps: int) -> list[str]:
    trainer = {"max_steps": steps, "logger": "false", "enable_progress_bar": "false", "accelerator": "cpu"}
    trainer |= {"default_root_dir": folder, "enable_checkpointing": "false", "enable_model_summary": "false"}
    flags = [f"--data.{name}={value}" for name, value in arguments.items()]
    return ["fit", *flags, f"--data.cache_dir={folder}/cache", *(f"--trainer.{k}={v}" for k, v in trainer.items())]


def peak_mib(arguments: dict[str, object], folder: str) -> int:
    command = [sys.executable, "-c", PEAK, *fit_command(arguments, folder, 30)]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return int(out.rsplit("PEAK", 1)[1])


def seconds_of(command: list[str]) -> float:
    """Return the processor time of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(options: Options) -> list[Row]:
    os.environ["OMP_NUM_THREADS"] = "1"
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        arguments = data_arguments("nsmc", options.shared)
        del arguments["test_file"]
        source = Path(arguments["train_file"])
        counts = (15_000, 149_995)
        peaks = {}
        for count in counts:
            part = {**arguments, "train_file": write_part(source, Path(folder, f"{count}.tsv"), count)}
            peaks[count] = peak_mib(part, folder), peak_mib(part, folder)
        (few_cold, few), (all_cold, all_) = (peaks[count] for count in counts)
        each = {
            name: 1024 * (large - small) / (counts[1] - counts[0])
            for name, small, large in (("cold", few_cold, all_cold), ("cached", few, all_))
        }
        rows.append(
            Row(
                "peak memory of fit on nsmc, 149,995 texts",
                f"{all_cold:,} MiB the first time, {all_:,} MiB from the cache",
                "",
                f"15,000 texts: {few_cold:,} and {few:,} MiB; so {each['cold']:.1f} and {each['cached']:.1f} KiB a text "
                "(its words, and the vectors of 300,000 different words, included)",
            )
        )
        arguments = data_arguments("trec", options.shared)
        command = [sys.executable, "-m", "lit_transfer", *fit_command(arguments, folder, 1)]
        found = in_turn(
            options.turns,
            first_step=lambda: seconds_of(command),
            imports=lambda: seconds_of([sys.executable, "-c", "import torch, lightning"]),
        )
        rows.append(
            ratio_row(
                "command to first step / `import torch, lightning`",
                found["first_step"],
                found["imports"],
                "<= 1.6",
                "trec, text in the cache",
            )
        )
    return rows
