"""Where the shared real files are, and what several tests do with vectors."""

import os
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(os.environ.get("LIT_TRANSFER_SHARED", Path(__file__).parents[2] / "../shared"))
FIXTURES = SHARED / "vectors/fixtures"
needs_shared = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"no shared vector files at {FIXTURES}")


def everything(vectors):
    """All words of a file, and all its rows."""
    words, rows = [], [np.zeros((0, vectors.dim), np.float32)]
    for some, of_them in vectors.chunks():
        words += some
        rows.append(of_them)
    return words, np.concatenate(rows)
