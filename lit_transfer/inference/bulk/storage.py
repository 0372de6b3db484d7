"""Files on this disk, and in stores such as S3: found by a pattern, fetched, written whole."""

from __future__ import annotations

import contextlib
import glob
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, LocalFileSystem, copy_files

from lit_transfer.errors import ConfigError
from lit_transfer.files import written_whole

_WILDCARD = re.compile(r"[*?\[]")


def open_storage(location: str) -> tuple[FileSystem, str]:
    """Return what holds a path or an address, and the path in it.

    Args:
        location: A path of this machine, or an address that pyarrow knows: `s3://`, `gs://`, `hdfs://`, `file://`.

    Raises:
        ConfigError: There is no storage of this kind.
    """
    if "://" not in location:
        return LocalFileSystem(), Path(location).expanduser().absolute().as_posix()
    try:
        return FileSystem.from_uri(location)
    except (OSError, ValueError, NotImplementedError) as error:
        raise ConfigError(f"{location} cannot be used: {one_line(error)}") from error


def absolute(location: str) -> str:
    """Return the path that means the same in processes with another working directory; an address as it is."""
    return location.rstrip("/") if "://" in location else open_storage(location)[1]


def list_files(wanted: str, of_a_folder: Callable[[str], bool]) -> tuple[str, list[str]]:
    """Return the folder that all files asked for are in, and the files' names in it.

    Args:
        wanted: A file, a folder (files below it), or a pattern with `*`, `**`, `?` and `[...]`; a path, or an address.
        of_a_folder: Whether a file of this name in the folder is meant.

    Raises:
        ConfigError: They cannot be listed.
    """
    parts = wanted.rstrip("/").split("/")
    plain = next((i for i, part in enumerate(parts) if _WILDCARD.search(part)), len(parts))
    pattern = "/".join(parts[plain:])
    root = absolute("/".join(parts[:plain]) or ("/" if wanted.startswith("/") else "."))
    storage, base = open_storage(root)
    try:
        if pattern:
            paths = ArrowFSWrapper(storage).glob(f"{base}/{pattern}")
            found = storage.get_file_info(paths)
        elif (info := storage.get_file_info(base)).type is FileType.Directory:
            below = storage.get_file_info(FileSelector(base, recursive=True))
            found = [each for each in below if of_a_folder(each.path[len(base) + 1 :])]
        else:
            found = [info]
            (root, _, _), (base, _, _) = root.rpartition("/"), base.rpartition("/")
    except OSError as error:
        raise ConfigError(f"{wanted} cannot be listed: {one_line(error)}") from error
    return root, sorted(info.path[len(base) + 1 :] for info in found if info.is_file)


def facts(location: str) -> FileInfo:
    """Return whether there is such a file, and when it was written."""
    storage, path = open_storage(location)
    return storage.get_file_info(path)


@contextlib.contextmanager
def fetched(location: str) -> Iterator[Path]:
    """Give a file on this disk, a copy where it is elsewhere."""
    storage, path = open_storage(location)
    if storage.type_name == "local":
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, Path(path).name)
        copy_files(path, str(copy), source_filesystem=storage, destination_filesystem=LocalFileSystem())
        yield copy


@contextlib.contextmanager
def stored_whole(location: str) -> Iterator[IO[bytes]]:
    """Open a file of bytes that appears under its name only once it is complete, on this disk or elsewhere.

    Unfinished files that a killed process left beside it are removed.
    """
    storage, path = open_storage(location)
    if storage.type_name == "local":
        for unfinished in Path(path).parent.glob(f".{glob.escape(Path(path).name)}.{'[0-9a-f]' * 8}"):
            unfinished.unlink(missing_ok=True)
        with written_whole(Path(path), "wb") as file:
            yield file
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "file")
        with copy.open("wb") as file:
            yield file
        copy_files(str(copy), path, source_filesystem=LocalFileSystem(), destination_filesystem=storage)


def one_line(error: Exception) -> str:
    """Return an error's text on one line."""
    return " ".join(str(error).split())
