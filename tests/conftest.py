"""Fixtures of all tests, and a working directory for the command line.

torch and Lightning are imported where they are used, since the process that distributes the tests does not need them.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings

from lit_transfer.cli.main import main
from tests.prepared import run as run_prepared

# No deadline, since the duration of an example depends on the load of the machine.
settings.register_profile("default", deadline=None)
settings.load_profile("default")

# A shell starts jobs in the background with ctrl-C ignored, which the processes started by tests would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A small configuration: few words, few texts, no progress bar.
SMALL = """\
model: {hidden_size: 8, lr: 0.01}
data: {train_file: corpus.tsv, vectors: vectors.txt, val_fraction: 0.2, test_fraction: 0.2, batch_size: 16}
trainer:
  accelerator: cpu
  max_epochs: 2
  enable_progress_bar: false
  enable_model_summary: false
  default_root_dir: runs
"""
FIRST = "runs/lightning_logs/version_0/checkpoints/epoch=1-step=10.ckpt"
ROOT = Path(__file__).parents[1]
# Ray keeps the first one that a process has; without one, it writes one to the home folder.
RAY_TOKEN = secrets.token_hex(16)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests_own(tmp_path_factory):
    """Use an empty cache folder instead of the user's, also in processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Use one thread: parallel tests share the cores, and small matrices do not benefit from more threads."""
    import torch

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


def _write_files(folder: Path) -> None:
    from tests.samples import write_corpus, write_vectors

    write_corpus(folder / "corpus.tsv")
    write_vectors(folder / "vectors.txt")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory with `corpus.tsv`, `vectors.txt` and `small.yaml`, without files of earlier runs."""
    _write_files(tmp_path)
    (tmp_path / "small.yaml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["lightning"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("PL_GLOBAL_SEED", "PL_SEED_WORKERS", "WANDB_MODE"):
        monkeypatch.setenv(name, "")  # restored after the test
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def lightning(folder: Path) -> Callable[..., None]:
    """Return a function that runs a command with `small.yaml` in this process, which is faster than in a new one."""
    return lambda command, *flags: main([command, "--config", "small.yaml", *flags])


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a function that creates a folder once for all processes of pytest-xdist; tests must not change the folder."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def create(name: str, fill: Callable[[Path], None]) -> Path:
        folder = base / name
        with FileLock(base / f"{name}.lock"):
            if not (folder / "filled").exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                (folder / "filled").touch()
        return folder

    return create


def _fit_small(here: Path) -> None:
    _write_files(here)
    (here / "small.yaml").write_text(SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setattr(sys, "argv", ["lightning"])
        patch.setattr(sys, "path", [*sys.path])
        patch.setenv("PL_GLOBAL_SEED", "")  # restored afterwards
        main(["fit", "--config", "small.yaml"])


@pytest.fixture(scope="session")
def finished_fit(once) -> Path:
    """Return the output folder of `fit` with `small.yaml`, created once for all tests."""
    return once("finished_fit", _fit_small) / "runs"


def _fit_frozen(folder: Path) -> None:
    from tests.samples import fit

    _, trainer = fit(folder, transfer="frozen", trainer={"max_epochs": 8})
    trainer.save_checkpoint(folder / "model.ckpt")


@pytest.fixture(scope="session")
def frozen_model(once) -> Path:
    """Return a folder with `model.ckpt`, and `vectors.txt` with a word ("brilliant") outside the training text."""
    return once("frozen_model", _fit_frozen)


@pytest.fixture
def trained(folder: Path, finished_fit: Path) -> Path:
    """Return the checkpoint of a finished `fit` with `small.yaml` in this folder."""
    shutil.copytree(finished_fit, folder / "runs")
    return Path(FIRST)


@pytest.fixture
def refused(lightning: Callable[..., None], folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Return a function that runs a command, checks that it fails, and returns the error message."""

    def run(command: str, *flags: str) -> str:
        before = {path: path.read_bytes() for path in _results(folder)}
        with pytest.raises(SystemExit) as stop:
            lightning(command, *flags)
        assert stop.value.code == 2
        assert {path: path.read_bytes() for path in _results(folder)} == before, "something was written"
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        message = err[err.index("error: ") :]
        # Errors of the parser have further lines; those of this package have one line.
        assert "Parser key" in message or message.count("\n") == 1, message
        return message

    return run


def _results(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.suffix in (".ckpt", ".csv", ".png")]


def _start_ray(ray: Any, attempts: int = 3) -> Any:
    """Ray gives up after 30 seconds, which are too few for it on a machine that does other things."""
    try:
        return ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    except Exception:
        if attempts == 1:
            raise
        ray.shutdown()
        return _start_ray(ray, attempts - 1)


@pytest.fixture(scope="module")
def two_workers() -> Iterator[str]:
    """A Ray on this machine with CPUs for two workers, and its address. Its processes end with the module's tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", RAY_TOKEN)
        patch.delenv("RAY_ADDRESS", raising=False)
        ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
        before = signal.getsignal(signal.SIGTERM)
        try:
            yield _start_ray(ray).address_info["gcs_address"]
        finally:
            ray.shutdown()
            signal.signal(signal.SIGTERM, before)


@pytest.fixture
def process(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a program of the environment in a new process, with the package of this source tree."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        program = Path(sys.executable).with_name(command[0])
        return subprocess.run([program, *command[1:]], env=environment, capture_output=True, text=True, timeout=240)

    return run


@pytest.fixture
def prepared(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command line in a process forked from a server that has imported the package."""

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return run_prepared(["lightning", *command], os.environ, tmp_path_factory.mktemp("said"))

    return run
