"""Execution of runs on a Ray cluster."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from lit_transfer.compare.execution.progress import ComparisonProgress
from lit_transfer.compare.execution.runner import execute, run_error
from lit_transfer.compare.execution.shared import Shared
from lit_transfer.compare.plan import RunSpec

# Number of times that a run is repeated after its process or machine was lost.
RETRIES = 3
# Interval between updates of the progress bar, in seconds.
REFRESH = 1.0


@dataclass(frozen=True)
class _Place:
    """Where runs are executed.

    Attributes:
        folder: Working directory, which the paths of the configuration refer to.
        path: Search path of modules, for classes of the user.
        shared: Reference of the pickled data in Ray's object store. Ray's own pickling would make arrays read-only.
        device: Index of the GPU; the CPU if None.
    """

    folder: str
    path: list[str]
    shared: object
    device: int | None


def on_cluster(
    shared: Shared, runs: Sequence[RunSpec], progress: ComparisonProgress, jobs: int, gpu: bool
) -> Iterator[RunSpec]:
    """Execute runs as tasks of the connected Ray cluster, each with a GPU if `gpu` and the cluster has any.

    Yields:
        Each finished run.

    Raises:
        RunError: A run failed, or its process was killed each time.
    """
    import ray

    gpus = int(gpu and ray.cluster_resources().get("GPU", 0) >= 1)
    place = _Place(str(Path.cwd()), list(sys.path), ray.put(pickle.dumps(shared)), 0 if gpus else None)
    task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)(_execute)
    waiting, doing = list(runs), dict[Any, RunSpec]()
    try:
        while waiting or doing:
            while waiting and len(doing) < jobs:
                run = waiting.pop(0)
                progress.begin(run)
                doing[task.remote(place, run)] = run
            ended, _ = ray.wait(list(doing), timeout=REFRESH)
            progress.refresh()
            for reference in ended:
                run = doing.pop(reference)
                try:
                    ray.get(reference)
                except ray.exceptions.RayTaskError as error:
                    raise run_error(shared, run, error.cause) from error
                except ray.exceptions.RayError as error:
                    raise run_error(shared, run, BrokenProcessPool(str(error))) from error
                yield run
    finally:
        for reference in doing:  # after an error or an interrupt
            ray.cancel(reference, force=True)


def _execute(place: _Place, run: RunSpec) -> None:
    os.chdir(place.folder)
    sys.path[:] = place.path
    torch.set_num_threads(1)
    execute(_load(place.shared), run, place.device)


@lru_cache(maxsize=1)
def _load(reference: Any) -> Shared:
    """Return the shared data, once for each process."""
    import ray

    return pickle.loads(ray.get(reference))
