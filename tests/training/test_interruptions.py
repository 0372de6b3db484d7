"""Runs that are killed, interrupted, or stopped by a full disk; and memory use of a long run."""

import ctypes
import errno
import gc
import os
import resource
import signal
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint

from lit_transfer.cli.main import main
from tests.samples import fit

# A checkpoint after every three of the five steps of an epoch, which replaces the previous one.
OFTEN = """\
trainer:
  max_epochs: 4
  callbacks:
    - class_path: lightning.pytorch.callbacks.ModelCheckpoint
      init_args: {filename: last, every_n_train_steps: 3, enable_version_counter: false}
"""
# Code that affects the process after a step, before the checkpoint of that step is written.
HARM = """\
import os, signal
from lightning.pytorch import Callback
class Harm(Callback):
    def __init__(self, step: int, signal: int):
        self.step, self.signal = step, signal
    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_step == self.step:
            os.kill(os.getpid(), self.signal)
"""


@pytest.fixture
def harmed(folder, prepared):
    """Return a function that trains in a process which receives a signal after a step; it returns exit code and output."""
    Path("harm.py").write_text(HARM)
    Path("often.yaml").write_text(OFTEN)

    def run(step, number):
        Path("harmed.yaml").write_text(
            f"trainer: {{callbacks+: [{{class_path: harm.Harm, init_args: {{step: {step}, signal: {int(number)}}}}}]}}"
        )
        configs = [part for name in ("small", "often", "harmed") for part in ("--config", f"{name}.yaml")]
        done = prepared("fit", *configs)
        return done.returncode, done.stdout + done.stderr

    return run


def trained(lightning, *flags):
    """Train in this process; return the final weights."""
    lightning(
        "fit",
        "--config",
        "often.yaml",
        *flags,
        "--trainer.callbacks+",
        '{"class_path": "tests.training.test_interruptions.Keep"}',
    )
    return Keep.weights


class Keep(Callback):
    weights = None

    def on_train_end(self, trainer, pl_module):
        Keep.weights = {name: value.clone() for name, value in pl_module.state_dict().items()}


def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_run(harmed, lightning):
    code, _ = harmed(step=9, number=signal.SIGKILL)  # in the middle of the second epoch
    assert code == -signal.SIGKILL
    (path,) = Path().rglob("*.ckpt")
    assert torch.load(path)["global_step"] == 6
    resumed = trained(lightning, "--ckpt_path", "last", "--seed_everything", "7")
    Path("runs").rename("killed")
    whole = trained(lightning)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_ctrl_c_ends_cleanly_and_names_the_last_checkpoint(harmed):
    code, printed = harmed(step=8, number=signal.SIGINT)
    assert code == 1
    assert "Traceback" not in printed
    assert "interrupted  runs/lightning_logs/version_0/checkpoints/last.ckpt; resume with --ckpt_path last" in printed


def test_a_full_disk_stops_with_a_clear_error_and_leaves_the_earlier_checkpoint(trained, lightning, capsys):
    (path,) = Path().rglob("*.ckpt")
    before, files = path.read_bytes(), set(Path().rglob("*"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # larger than the logs, smaller than a checkpoint
    try:
        with pytest.raises(SystemExit) as stop:
            lightning("fit", "--ckpt_path", "last", "--trainer.max_epochs", "4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert "could not be written: File too large" in message[message.index("error: ") :]
    assert "Traceback" not in message
    assert path.read_bytes() == before
    assert [new for new in Path().rglob("*.ckpt*") if new not in files] == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_other_files_that_cannot_be_written_stop_with_a_clear_error(lightning, monkeypatch, capsys, number):
    from lightning.pytorch.loggers import CSVLogger

    def save(self):
        raise OSError(number, os.strerror(number), "metrics.csv")

    monkeypatch.setattr(CSVLogger, "save", save)
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", "small.yaml", "--trainer.logger", "CSVLogger", "--trainer.logger.save_dir", "runs"])
    assert stop.value.code == 2
    assert f"error: A file could not be written: {os.strerror(number)} (metrics.csv)" in capsys.readouterr().err


LIBC = ctypes.CDLL(None)
counted = pytest.mark.skipif(
    not (Path("/proc/self/fd").exists() and hasattr(LIBC, "mallinfo2")), reason="counts through /proc and glibc"
)
# Small objects of Python; larger ones and tensors are allocated by the C library.
LARGEST_BLOCK = 512
# Growth that is considered a leak, in bytes per epoch.
LEAK = 40_000


class MallInfo(ctypes.Structure):
    names = ["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"]
    _fields_ = [(name, ctypes.c_size_t) for name in names]


def bytes_in_use():
    """Return the bytes allocated and not freed, which are exact, unlike the resident memory."""
    gc.collect()
    LIBC.mallinfo2.restype = MallInfo
    info = LIBC.mallinfo2()
    return info.uordblks + info.hblkhd + LARGEST_BLOCK * sys.getallocatedblocks()


def growth(measured):
    """Return the growth from one measurement to the next, without the first third, in which caches are filled."""
    flat = measured[len(measured) // 3 :]
    return (flat[-1] - flat[0]) / (len(flat) - 1)


class Watch(Callback):
    """Callback that stores the allocated memory after each epoch."""

    def __init__(self):
        self.memory, self.handles = [], []

    def on_train_epoch_end(self, trainer, pl_module):
        self.memory.append(bytes_in_use())
        self.handles.append(len(os.listdir("/proc/self/fd")))


class Leak(Callback):
    """Callback that keeps something after each epoch.

    Args:
        make: Function that returns what is kept.
    """

    def __init__(self, make):
        self.make, self.kept = make, []

    def on_train_epoch_end(self, trainer, pl_module):
        self.kept.append(self.make())


@pytest.fixture
def frozen_heap():
    """Exclude the objects of the imported modules from garbage collection, which takes a third of a second otherwise."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def watched(folder, epochs, *callbacks):
    """Train with two checkpoint callbacks; return what was measured after each epoch."""
    watch = Watch()
    checkpoints = [ModelCheckpoint(monitor="val_loss", save_top_k=2), ModelCheckpoint(filename="last")]
    trainer = {"max_epochs": epochs, "callbacks": [watch, *callbacks, *checkpoints]}
    fit(folder, transfer="slow", sparse=True, trainer=trainer)
    return watch


@counted
@pytest.mark.parametrize(
    "make",
    [lambda: torch.zeros(25_000), lambda: b"x" * 100_000, lambda: [object() for _ in range(1_000)]],
    ids=["a tensor", "bytes", "small objects"],
)
def test_a_leak_of_100_kb_an_epoch_would_be_seen(make, tmp_path, frozen_heap):
    assert growth(watched(tmp_path, 20, Leak(make)).memory) > LEAK


@counted
@pytest.mark.parametrize("epochs", [60, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_memory_and_file_handles_stay_flat(tmp_path, epochs, frozen_heap):
    watch = watched(tmp_path, epochs)
    assert len(watch.handles) == epochs
    assert max(watch.handles[epochs // 5 :]) <= max(watch.handles[: epochs // 5]), watch.handles
    assert growth(watch.memory) < LEAK, watch.memory
