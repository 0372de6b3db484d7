"""Versions of the libraries that may affect results."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Sequence

LIBRARIES = ("lit_transfer", "torch", "lightning", "torchmetrics", "numpy")


def library_versions(names: Sequence[str] = LIBRARIES) -> list[str]:
    """Return the names and versions of the installed ones among some libraries."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Return the version of Python, the system and the number of processors."""
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors"


def versions() -> str:
    """Return the versions of the libraries, Python and the machine."""
    return ", ".join([*library_versions(), machine()])
