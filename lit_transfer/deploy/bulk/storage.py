"""Local and remote files (such as S3): listing by a pattern, download, and atomic writing."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, LocalFileSystem, copy_files

from lit_transfer.errors import ConfigError, one_line
from lit_transfer.files import atomic_write, expanded, is_address, remove_unfinished

_WILDCARD = re.compile(r"[*?\[]")


def open_storage(location: str) -> tuple[FileSystem, str]:
    """Return the file system of a location, and the path in it.

    Args:
        location: A local path, or a URI supported by pyarrow: `s3://`, `gs://`, `hdfs://`, `file://`.

    Raises:
        ConfigError: The location is invalid, or of an unsupported kind.
    """
    if not is_address(location):
        return LocalFileSystem(), expanded(location).absolute().as_posix()
    try:
        return FileSystem.from_uri(location)
    except (OSError, ValueError, NotImplementedError) as error:
        raise ConfigError(f"{location} cannot be used: {one_line(error)}") from error


def absolute(location: str) -> str:
    """Return the absolute path of a local location; URIs are returned unchanged."""
    return location.rstrip("/") if is_address(location) else open_storage(location)[1]


def list_files(wanted: str, of_a_folder: Callable[[str], bool]) -> tuple[str, list[str]]:
    """Return the common folder of the matching files, and their names relative to it.

    Args:
        wanted: A file, a folder (searched recursively), or a pattern with `*`, `**`, `?` and `[...]`; a path or a URI.
        of_a_folder: Function that returns whether to include a file of a folder, by its name.

    Raises:
        ConfigError: The files cannot be listed.
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


def file_info(location: str) -> FileInfo:
    """Return the type and the modification time of a file."""
    storage, path = open_storage(location)
    return storage.get_file_info(path)


@contextlib.contextmanager
def fetched(location: str) -> Iterator[Path]:
    """Provide a file as a local path; remote files are downloaded to a temporary folder."""
    storage, path = open_storage(location)
    if storage.type_name == "local":
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, Path(path).name)
        copy_files(path, str(copy), source_filesystem=storage, destination_filesystem=LocalFileSystem())
        yield copy


@contextlib.contextmanager
def atomic_write_location(location: str) -> Iterator[IO[bytes]]:
    """Open a binary file for writing that appears under its name only once it is complete; local or remote.

    Incomplete local files of killed processes are removed.
    """
    storage, path = open_storage(location)
    if storage.type_name == "local":
        remove_unfinished(Path(path))
        with atomic_write(Path(path), "wb") as file:
            yield file
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch, "file")
        with copy.open("wb") as file:
            yield file
        copy_files(str(copy), path, source_filesystem=LocalFileSystem(), destination_filesystem=storage)
