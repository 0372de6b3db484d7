"""The class path that configurations written before version 0.2 name."""

from lit_transfer.training.progress_bar import ProgressBar

__all__ = ["ProgressBar"]
