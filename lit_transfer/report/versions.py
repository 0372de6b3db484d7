"""Versions of the libraries that may affect results."""

from __future__ import annotations

import importlib.metadata
import os
import platform

LIBRARIES = ("lit_transfer", "torch", "lightning", "torchmetrics", "numpy")


def versions() -> str:
    """Return the versions of the libraries, Python and the machine."""
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    machine = (
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    )
    return ", ".join([*found, machine])
