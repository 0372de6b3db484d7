"""Differences between versions of Python and of other packages."""

from __future__ import annotations

import importlib
from types import ModuleType

from lit_transfer.errors import ConfigError


def import_gensim(module: str = "") -> ModuleType:
    """Import gensim or one of its modules. It has no release for Python 3.14, so there the package is installed without it.

    Raises:
        ConfigError: gensim is not installed.
    """
    try:
        return importlib.import_module(f"gensim.{module}" if module else "gensim")
    except ImportError as error:
        raise ConfigError(
            "Training and adapting vectors, and reading native gensim files, need gensim, which is not installed "
            f"({error}). gensim has no release for Python 3.14: use Python 3.10 to 3.13, and install it with: "
            "pip install gensim. All other formats of vectors are read without it."
        ) from error
