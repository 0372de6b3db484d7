"""Execution of runs, sequentially in this process, in parallel worker processes, or on a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Any

import torch

from lit_transfer.compare.execution.distributed import on_cluster
from lit_transfer.compare.execution.progress import ComparisonProgress
from lit_transfer.compare.execution.runner import execute, run_error
from lit_transfer.compare.execution.shared import Shared
from lit_transfer.compare.execution.store import Store
from lit_transfer.compare.plan import RunSpec
from lit_transfer.runtime.parent import end_with_parent

# Interval between updates of the progress bar, in seconds.
REFRESH = 1.0

worker: dict[str, Any] = {}
"""State of a worker process: `shared`, and its `device`."""


def do_all(shared: Shared, runs: Sequence[RunSpec], store: Store, progress: ComparisonProgress, jobs: int) -> None:
    """Execute the runs in their order; the result of each is on disk as soon as it has finished.

    A single job executes them in this process.

    Raises:
        RunError: A run failed. Results of finished runs are kept.
    """
    progress.wait_for(runs)
    if shared.config.comparison.engine == "ray":
        doing = on_cluster(shared, runs, progress, jobs, gpu=_wants_gpus(shared))
    else:
        doing = _one_by_one(shared, runs, progress) if jobs == 1 else _side_by_side(shared, runs, progress, jobs)
    for run in doing:
        progress.end(run, store.row(run))


def _one_by_one(shared: Shared, runs: Sequence[RunSpec], progress: ComparisonProgress) -> Iterator[RunSpec]:
    device = 0 if num_gpus(shared) else None
    for run in runs:
        progress.begin(run)
        try:
            execute(shared, run, device)
        except Exception as error:
            raise run_error(shared, run, error) from error
        yield run


def _side_by_side(
    shared: Shared, runs: Sequence[RunSpec], progress: ComparisonProgress, jobs: int
) -> Iterator[RunSpec]:
    context = multiprocessing.get_context("spawn")  # forking a process with threads or a GPU may hang
    threads = threads_per_run(jobs)
    arguments = (shared, context.Value("i", 0), num_gpus(shared), threads, list(sys.path))
    waiting, doing = list(runs), dict[Future[None], RunSpec]()
    executor = ProcessPoolExecutor(jobs, context, initializer=begin_worker, initargs=arguments)
    try:
        while waiting or doing:
            while waiting and len(doing) < jobs:
                run = waiting.pop(0)
                progress.begin(run)
                doing[executor.submit(_in_worker, run)] = run
            ended, _ = wait(doing, timeout=REFRESH, return_when=FIRST_COMPLETED)
            progress.refresh()
            for future in ended:
                run = doing.pop(future)
                try:
                    future.result()
                except Exception as error:
                    raise run_error(shared, run, error) from error
                yield run
    finally:
        # After an error or an interrupt, running workers are killed; their runs are repeated later. SIGTERM does not suffice,
        # since Lightning's handler ends the training but not the process.
        processes = list((executor._processes or {}).values())
        executor.shutdown(wait=not doing, cancel_futures=True)
        for process in processes if doing else []:
            process.kill()


def begin_worker(shared: Shared, counter: Any, gpus: int, threads: int, path: list[str]) -> None:
    """Prepare a worker process; the GPUs are assigned in turn."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # handled by the parent
    end_with_parent()
    sys.path[:] = path
    torch.set_num_threads(threads)
    with counter.get_lock():
        number, counter.value = counter.value, counter.value + 1
    worker.update(shared=shared, device=number % gpus if gpus else None)


def _in_worker(run: RunSpec) -> None:
    execute(worker["shared"], run, worker["device"])


def threads_per_run(jobs: int) -> int:
    """Return the number of threads of each of `jobs` parallel runs, which share those of this machine."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdecimal() and int(given):
        together = int(given)
    else:
        together = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(together // jobs, 1)


def num_gpus(shared: Shared) -> int:
    """Return the number of GPUs to use; 0 if the configured accelerator is not a GPU."""
    return torch.cuda.device_count() if _wants_gpus(shared) else 0


def _wants_gpus(shared: Shared) -> bool:
    return shared.config.trainer["accelerator"] in ("auto", "gpu", "cuda")
