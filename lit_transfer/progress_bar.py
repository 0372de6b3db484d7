"""Alias of the progress bar, for configurations written before version 0.2."""

from lit_transfer.training.progress_bar import ProgressBar

__all__ = ["ProgressBar"]
