"""Tasks: encoding of labels, decisions, sampling, scores and calibration; needs numpy only."""

from lit_transfer.errors import ConfigError
from lit_transfer.tasks.multi_label import MultiLabel
from lit_transfer.tasks.single_label import SingleLabel
from lit_transfer.tasks.task import Task

__all__ = ["TASKS", "MultiLabel", "SingleLabel", "Task", "make_task", "require_single_label"]

TASKS: dict[str, type[Task]] = {task.name: task for task in (SingleLabel, MultiLabel)}


def make_task(classes: list[str] | tuple[str, ...], name: str = SingleLabel.name) -> Task:
    """Create a task from the values of a record; records written before there were several have no name.

    Raises:
        ValueError: The task is unknown.
    """
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}; expected {' or '.join(TASKS)}")
    return TASKS[name](tuple(classes))


def require_single_label(task: Task, what: str) -> None:
    """Check that each text has one label, for a feature (the subject of the message) that supports no others.

    Raises:
        ConfigError: A text may have several labels.
    """
    if task.several:
        raise ConfigError(
            f"{what} takes one label for each text, but the data are {task.name} ({task.num_classes} classes). Use "
            "`lightning fit` with several labels, or data with one label for each text."
        )
