"""Code in a new process without network access."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

GUARD = """
import socket, sys
def refuse(*a, **k): raise SystemExit(f'look-up of {a}')
socket.getaddrinfo = refuse
from lit_transfer.data.reading.hugging_face import read_dataset
from lit_transfer.data.reading.tabular import read_tabular
from lit_transfer.errors import DataError
"""


def in_a_process_of_its_own(code: str, home: Path, *arguments: object, **environment: str) -> str:
    """Run code with `home` as the home folder; every lookup of a host name is an error."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", GUARD + code, *map(str, arguments)],
        env={**variables, "HOME": str(home), "XDG_CACHE_HOME": str(home), **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
