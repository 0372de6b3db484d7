"""Location of the shared files, and helpers for tests of vectors."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", Path(__file__).parents[2] / "../shared"))
FIXTURES = SHARED / "vectors/fixtures"
needs_shared = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"no shared vector files at {FIXTURES}")
NO_GENSIM = "gensim is not installed; it has no release for Python 3.14"
needs_gensim = pytest.mark.skipif(importlib.util.find_spec("gensim") is None, reason=NO_GENSIM)


def gensim(module="models"):
    """Return a module of gensim, or skip the test without it."""
    return pytest.importorskip(f"gensim.{module}", reason=NO_GENSIM)


def everything(vectors):
    """Return all words and all rows of a file."""
    words, rows = [], [np.zeros((0, vectors.dim), np.float32)]
    for some, of_them in vectors.chunks():
        words += some
        rows.append(of_them)
    return words, np.concatenate(rows)
