"""Classification of files on a Ray cluster, by Ray Data."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import torch

from lit_transfer.deploy.bulk.files import ClassificationJob, FileTask, Outcome, classify_file
from lit_transfer.deploy.cluster import connected
from lit_transfer.errors import LitTransferError
from lit_transfer.runtime.base_predictor import BasePredictor

# Number of times that a file is repeated after its worker process was killed. A file that does not fit in memory kills it each
# time.
RETRIES = 3
# Maximum number of blocks of Ray Data; with fewer files, each file is a block.
MOST_BLOCKS = 10_000


class _Worker:
    """A process of the cluster that classifies one file after the other.

    The model is a reference to Ray's object store, so that the machines do not need the checkpoint.
    """

    def __init__(self, job: ClassificationJob, predictor: Any) -> None:
        import ray

        torch.set_num_threads(1)  # there is a worker for each CPU
        self.job, self.predictor = job, ray.get(predictor)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        task = FileTask(**row)
        try:
            return asdict(classify_file(self.job, self.predictor, task))
        except Exception as error:  # would otherwise end the other workers
            return asdict(Outcome(task.source, 0, f"{task.source}: {type(error).__name__}: {error}"))


def classify_on_cluster(
    job: ClassificationJob, predictor: BasePredictor, tasks: Sequence[FileTask], jobs: int | None = None
) -> Iterator[Outcome]:
    """Classify files on a Ray cluster, and yield the outcomes as they are finished.

    The files of a killed worker or machine are repeated by another one.

    Args:
        job: Settings.
        predictor: The loaded model.
        tasks: The files; all machines must be able to read and write their locations.
        jobs: Maximum number of workers; None means the number of CPUs of the cluster.

    Raises:
        ConfigError: Ray is not installed, or the cluster does not respond.
        LitTransferError: No worker could be started.
    """
    if not tasks:
        return
    with connected():
        import ray.data

        workers = min(jobs or max(int(ray.cluster_resources().get("CPU", 1)), 1), len(tasks))
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # a file that kills its workers does not end the others
        files = ray.data.from_items([asdict(task) for task in tasks], override_num_blocks=min(len(tasks), MOST_BLOCKS))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray deprecates `max_task_retries` here, and has nothing else for it
            answers = files.map(
                _Worker,
                fn_constructor_args=(job, ray.put(predictor)),
                compute=ray.data.ActorPoolStrategy(
                    min_size=1,  # a cluster may be busy with other work
                    initial_size=workers,
                    max_size=workers,
                    max_tasks_in_flight_per_actor=1,  # those waiting at a worker that is killed would count as tried, too
                ),
                num_cpus=1,
                max_task_retries=RETRIES,
            )
        missing = dict.fromkeys(task.source for task in tasks)
        try:
            for row in answers.iter_rows():
                outcome = Outcome(**row)
                missing.pop(outcome.source)
                yield outcome
        except ray.exceptions.RayError as error:
            reason = str(error).strip().rpartition("\n")[2]
            raise LitTransferError(
                f"Ray could not classify the files: {reason}. Finished files are kept; repeating the command resumes."
            ) from error
    for source in missing:
        problem = f"{source}: its worker process was killed {1 + RETRIES} times, probably because it ran out of memory."
        yield Outcome(source, 0, problem)
