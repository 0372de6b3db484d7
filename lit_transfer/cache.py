"""Cache of computed arrays: one checksummed file per entry, computed once even if several processes ask for it.

A file has a preamble of 64 bytes (magic, length of the header, CRC-32 of everything after the preamble), a header in JSON,
and the bytes of the arrays, each aligned to 64 bytes, so that they are memory-mapped and never copied.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import hashlib
import json
import os
import shutil
import struct
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.errors import warn
from lit_transfer.files import atomic_write

Entry = dict[str, Any]
"""Named numpy arrays and JSON values."""

UNUSED_DAYS = 60
"""Entries not read for this long are removed when a new one is stored."""

MAGIC = b"lit_transfer cache 1\n\0\0\0"
PREAMBLE = struct.Struct("<24sQL28x")
_ALIGNED = 64
_IDENTITY_BYTES = 1 << 16
_SUFFIX = ".cache"


def default_folder() -> Path | None:
    """Return the user's cache folder, as the operating system defines it; None, with a warning, if there is none.

    Containers often run as a user without an entry and without HOME.
    """
    import platformdirs

    try:
        return platformdirs.user_cache_path("lit_transfer").absolute()
    except (RuntimeError, KeyError, OSError):
        warn(
            "This user has no home folder, so nothing is cached. Set HOME or XDG_CACHE_HOME to a folder to change that."
        )
        return None


@functools.cache
def scratch_folder() -> Path:
    """Return a folder for caches of this process alone, which is removed when it ends."""
    folder = tempfile.mkdtemp(prefix="lit_transfer_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def identity(paths: Iterable[Path], *details: object) -> str:
    """Return a key that changes with the contents of files: sizes, modification times, first and last bytes.

    Raises:
        OSError: A file cannot be read.
    """
    key = hashlib.sha256(repr(details).encode())
    for path in paths:
        stat = path.stat()
        key.update(f"{stat.st_size} {stat.st_mtime_ns} ".encode())
        with path.open("rb") as stream:
            key.update(stream.read(_IDENTITY_BYTES))
            stream.seek(max(0, stat.st_size - _IDENTITY_BYTES))
            key.update(stream.read(_IDENTITY_BYTES))
    return key.hexdigest()


@functools.cache
def code(*rooms: str) -> str:
    """Return a key of the source code of some subpackages, so that a change of their code invalidates cached entries."""
    key = hashlib.sha256()
    for room in rooms:
        for path in sorted((Path(__file__).parent / room).rglob("*.py")):
            key.update(path.read_bytes())
    return key.hexdigest()


def load_or_make(folder: Path | None, key: Mapping[str, Any], make: Callable[[], Entry]) -> Entry:
    """Return the cache entry of a key: memory-mapped from its file, or computed and stored.

    If several processes ask at the same time, one of them computes the entry. A damaged file causes a warning and is
    computed again. If the entry cannot be stored (full disk, read-only folder), a warning is issued and the computed
    entry is returned.

    Args:
        folder: Cache folder; if None, nothing is stored.
        key: Everything that the entry depends on, as JSON values or objects with distinct `str` values. Should include
            the code that computes the entry, see `code`.
        make: Function that computes the entry. Its exceptions propagate, and nothing is stored.

    Returns:
        The result of `make`. Arrays read from a file are copy-on-write, so that the file never changes.
    """
    if folder is None:
        return make()
    path = folder / (hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()[:32] + _SUFFIX)
    with contextlib.suppress(_DamagedError, OSError):
        return _load(path)  # needs no lock, since files appear whole
    with _locked(path):
        try:
            return _load(path)  # another process computed it while this one waited
        except (FileNotFoundError, NotADirectoryError):
            pass
        except (_DamagedError, OSError) as error:
            warn(f"The cache file {path} is damaged: {error}. Its entry is computed again.")
        entry = make()
        try:
            _store(path, entry)
            remove_unused(folder.glob(f"*{_SUFFIX}"), _remove)
        except OSError as error:
            warn(
                f"Cannot write to the cache {folder}: {error.strerror or error}. The next run computes the entry again."
            )
        return entry


class _DamagedError(Exception):
    """A cache file is damaged."""


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock against other processes; without effect where the file system has no locks."""
    from filelock import FileLock

    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, NotImplementedError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # texts may be private
            stack.enter_context(FileLock(path.with_suffix(".lock")))
        yield


def _store(path: Path, entry: Entry) -> None:
    arrays = {name: np.asarray(value, order="C") for name, value in entry.items() if isinstance(value, np.ndarray)}
    values = {name: value for name, value in entry.items() if name not in arrays}
    header = json.dumps(
        {"values": values, "arrays": [(name, array.dtype.str, array.shape) for name, array in arrays.items()]}
    ).encode()
    blocks: list[Any] = [header, *(array.reshape(-1).view(np.uint8).data for array in arrays.values())]
    checksum = 0
    for block in blocks:
        checksum = zlib.crc32(_padding(len(block)), zlib.crc32(block, checksum))
    with atomic_write(path, "wb") as file:
        file.write(PREAMBLE.pack(MAGIC, len(header), checksum))
        for block in blocks:
            file.write(block)
            file.write(_padding(len(block)))


def _padding(size: int) -> bytes:
    return bytes(-size % _ALIGNED)


def _load(path: Path) -> Entry:
    with path.open("rb") as file:
        start = file.read(PREAMBLE.size)
    if len(start) < PREAMBLE.size or not start.startswith(MAGIC):
        raise _DamagedError("unknown preamble")
    _, length, checksum = PREAMBLE.unpack(start)
    content = np.memmap(path, np.uint8, mode="c")[PREAMBLE.size :]
    if zlib.crc32(content.data) != checksum:
        raise _DamagedError("wrong checksum")
    try:
        header = json.loads(content[:length].tobytes())
        entry, at = dict(header["values"]), length + len(_padding(length))
        for name, dtype, shape in header["arrays"]:
            if np.dtype(dtype).hasobject:  # numpy would interpret the bytes as pointers
                raise ValueError("an array of objects")
            size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
            entry[name] = np.ndarray(tuple(shape), dtype, buffer=content[at : at + size].data)
            at += size + len(_padding(size))
    except (ValueError, TypeError, KeyError) as error:
        raise _DamagedError(f"invalid header ({error})") from error
    with contextlib.suppress(OSError):
        os.utime(path)
    return entry


def remove_unused(files: Iterable[Path], remove: Callable[[Path], None]) -> None:
    """Remove the entries of files that were not read for `UNUSED_DAYS`."""
    oldest = time.time() - UNUSED_DAYS * 86400
    for path in files:
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                remove(path)


def _remove(path: Path) -> None:
    path.unlink()
    path.with_suffix(".lock").unlink()
