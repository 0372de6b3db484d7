"""Suppression of the output of transformer libraries while a model is loaded or trained."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator

from lit_transfer.console import errors_only

# Modules with functions that switch progress bars off and on, if their library is imported.
_WITH_BARS = ("transformers.utils.logging", "datasets.utils.logging")
_LOGGERS = ("transformers", "sentence_transformers", "setfit", "datasets", "accelerate")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Suppress progress bars, log messages and warnings of these libraries."""
    libraries = [sys.modules[name] for name in _WITH_BARS if name in sys.modules]
    shown = [library for library in libraries if library.is_progress_bar_enabled()]
    for library in shown:
        library.disable_progress_bar()
    try:
        with errors_only(*_LOGGERS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for library in shown:
            library.enable_progress_bar()
