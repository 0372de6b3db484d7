"""Progress bars: one that fits on one line of a terminal, and one for notebooks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.callbacks.progress.rich_progress import RichProgressBarTheme
from rich.progress import TimeRemainingColumn

from lit_transfer.console import sparkline
from lit_transfer.html import fragment

if TYPE_CHECKING:
    from IPython.display import DisplayHandle


class ProgressBar(RichProgressBar):
    """Lightning's progress bar reduced to 80 columns: a short bar, the remaining time, the loss and the accuracy."""

    def __init__(self) -> None:
        super().__init__(theme=RichProgressBarTheme(metrics_format=".3f"))

    def configure_columns(self, trainer: Trainer) -> list[Any]:
        """Return the columns: epoch, bar, batches, and remaining time (elapsed time at the end)."""
        description, bar, batches, *_ = super().configure_columns(trainer)
        bar.bar_width = 10
        return [description, bar, batches, TimeRemainingColumn(compact=True, elapsed_when_finished=True)]

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:  # type: ignore[override]
        """Return the logged metrics without the version number of the run, which is in its folder's name."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}

    def _get_train_description(self, current_epoch: int) -> str:
        """Return the epoch; without a limit, as with `--budget`, Lightning would write `Epoch 8/-2`."""
        return super()._get_train_description(current_epoch).replace("/-2", "")


class NotebookProgress(ProgressBar):
    """Callback that shows the epochs in one output of a notebook, which remains as their curve."""

    def __init__(self) -> None:
        super().__init__()
        self._handle: DisplayHandle | None = None
        self._scores: list[float] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create no progress bar of the terminal."""
        self.disable()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Create the output."""
        from IPython.display import HTML, display

        self._html = HTML
        self._handle = display(HTML("training …"), display_id=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the epoch and the curve of the main validation score of the task."""
        if self._handle is None or trainer.sanity_checking or trainer.state.fn != "fit":
            return
        score = f"val_{trainer.datamodule.task.main_score}"  # type: ignore[attr-defined]
        self._scores.append(float(trainer.callback_metrics[score]))
        limit = trainer.max_epochs or 0
        summary = [
            ("epoch", f"{trainer.current_epoch + 1}{f' of at most {limit}' if limit > 0 else ''}"),
            (score, f"{sparkline(self._scores)} {100 * self._scores[-1]:.1f} %"),
        ]
        self._handle.update(self._html(fragment("html/summary.html.j2", summary=summary)))


def make_progress_bar() -> ProgressBar:
    """Return the progress bar for a notebook, if the output goes to one, or for the terminal."""
    return NotebookProgress() if _in_notebook() else ProgressBar()


def _in_notebook() -> bool:
    """Return whether the output goes to Jupyter, which imports IPython before this package."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")
