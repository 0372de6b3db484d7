"""Alias of the progress bar, for configurations written before version 0.2."""

from typing import Any

from lit_transfer.errors import warn_deprecated
from lit_transfer.training.progress_bar import ProgressBar as _ProgressBar


class ProgressBar(_ProgressBar):
    """Deprecated alias of `lit_transfer.training.progress_bar.ProgressBar`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warn_deprecated(
            "lit_transfer.progress_bar.ProgressBar", "0.4", "lit_transfer.training.progress_bar.ProgressBar"
        )
        super().__init__(*args, **kwargs)
