"""What a label is: encoding, decisions, sampling, scores and calibration, by task; needs numpy only."""

from lit_transfer.tasks.multi_label import MultiLabel
from lit_transfer.tasks.single_label import SingleLabel
from lit_transfer.tasks.task import Task

__all__ = ["TASKS", "MultiLabel", "SingleLabel", "Task", "make_task"]

TASKS: dict[str, type[Task]] = {task.name: task for task in (SingleLabel, MultiLabel)}


def make_task(classes: list[str] | tuple[str, ...], name: str = SingleLabel.name) -> Task:
    """Create a task from the values of a record.

    Args:
        classes: Class names by index.
        name: Name of the task; records written before there were several have none.

    Raises:
        ValueError: The task is unknown.
    """
    if name not in TASKS:
        raise ValueError(f"unknown task {name!r}; expected {' or '.join(TASKS)}")
    return TASKS[name](tuple(classes))
