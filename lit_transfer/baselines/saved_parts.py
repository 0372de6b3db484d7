"""Fitted scikit-learn objects on disk: written by skops, and read only if all types in the file are expected ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lit_transfer.errors import CheckpointError

FILE = "parts.skops"
# Types besides those that skops trusts by itself (numpy, scipy and scikit-learn).
TRUSTED = ("lit_transfer.baselines.counts.as_it_is", "lit_transfer.baselines.counts.composed")


def write_parts(folder: Path, **parts: Any) -> None:
    """Write fitted objects and arrays, by name."""
    import skops.io

    skops.io.dump(parts, folder / FILE)


def read_parts(folder: Path) -> dict[str, Any]:
    """Read fitted objects and arrays, by name.

    Raises:
        CheckpointError: The file is missing or damaged, or contains types that a baseline does not have.
    """
    import skops.io

    path = folder / FILE
    try:
        unexpected = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
        if unexpected:
            raise CheckpointError(
                f"{path} contains types that no baseline has: {', '.join(unexpected)}. Loading it could run code, and nothing "
                "was loaded. Use a folder written by `lightning compare`."
            )
        parts = skops.io.load(path, trusted=list(TRUSTED))
    except CheckpointError:
        raise
    except Exception as error:  # skops raises errors of zip, JSON and its own
        raise CheckpointError(
            f"{path} cannot be read ({type(error).__name__}: {error}). Use a folder written by `lightning compare`."
        ) from error
    if not isinstance(parts, dict):
        raise CheckpointError(f"{path} contains a {type(parts).__name__}; expected named parts of a baseline.")
    return parts
