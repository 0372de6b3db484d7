"""Connection to a Ray cluster."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator

from lit_transfer.errors import ConfigError, missing_package, one_line


@contextlib.contextmanager
def connected() -> Iterator[None]:
    """Connect to the Ray cluster of `RAY_ADDRESS`, or start Ray on this machine; an existing connection is used as it is.

    Raises:
        ConfigError: Ray is not installed, or the cluster does not respond.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError(missing_package("The engine ray", "Ray", "ray", error)) from error
    if ray.is_initialized():
        yield
        return
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises many classes, `Exception` itself included
        address = os.environ.get("RAY_ADDRESS")
        what = f"The Ray cluster of RAY_ADDRESS={address} does not respond" if address else "Ray cannot be started"
        raise ConfigError(f"{what}: {one_line(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()
