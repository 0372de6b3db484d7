"""Atomic writing of files and folders, and checks that they can be written."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from lit_transfer.errors import ConfigError
from lit_transfer.files.locations import is_address

# Names of the descriptors of this process, which may be those of a pipe, a socket, or a file that others write to.
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self|proc/thread-self)/(?:fd/(\d+)|(stdout)|(stderr))")
_MOST_LINKS = 40
# Suffixes by which libraries choose a compression; temporary files keep them, and no others: a program that looks for *.ckpt
# must not find an unfinished one.
_COMPRESSED = (".gz", ".bz2", ".xz")


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Open a file for writing that appears under its name only once it is complete.

    As with `open`, links are followed, an existing file keeps its mode and its owner, a new one has the permissions that
    the umask leaves, and devices, FIFOs and descriptors such as /dev/stdout are written directly.

    Args:
        path: File to write. Its folder is created if necessary; an existing file is replaced.
        mode: `w` for UTF-8 text, `wb` for bytes.

    Raises:
        OSError: The file cannot be written. An existing file is unchanged.
    """
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
    direct = _direct_target(path)
    if direct is not None:
        with open(direct, mode, encoding=encoding, newline=newline) as file:
            yield file
        return
    with atomic_path(path) as unfinished, unfinished.open(mode, encoding=encoding, newline=newline) as file:
        yield file


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Like `atomic_write`, for functions that write to a path or need to seek: yield the path of an empty temporary file.

    What it contains becomes `path` once the block ends without an exception.
    """
    direct = _direct_target(path)
    if direct is not None:
        with tempfile.TemporaryDirectory() as folder:
            unfinished = Path(folder, _temporary_name(path, "0"))
            unfinished.touch()
            yield unfinished
            with unfinished.open("rb") as source, open(direct, "wb") as file:
                shutil.copyfileobj(source, file)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    target = Path(os.path.realpath(path))
    earlier = _status(target)
    if earlier is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    unfinished = _create_temporary(target, earlier)
    try:
        yield unfinished
        _move(unfinished, target, earlier)
    finally:
        unfinished.unlink(missing_ok=True)


def _direct_target(path: Path) -> int | Path | None:
    """Return what to open for a path that is not a plain file: a new descriptor, or the path; None for plain files."""
    name = os.path.abspath(path) if path.parts else "."
    for _ in range(_MOST_LINKS):
        if found := _DESCRIPTOR.fullmatch(name):
            for stream in (sys.stdout, sys.stderr):
                if stream is not None:
                    stream.flush()  # keeps the order of what was printed before
            return os.dup(int(found[1]) if found[1] else 1 if found[2] else 2)
        if not os.path.islink(name):
            break
        name = os.path.normpath(os.path.join(os.path.dirname(name), os.readlink(name)))
    status = _status(path)
    return None if status is None or stat.S_ISREG(status.st_mode) else path


def is_standard_output(path: Path) -> bool:
    """Return whether what is written to a path is in the output of this process, such as /dev/stdout."""
    direct = _direct_target(path)
    if not isinstance(direct, int):
        return False
    try:
        return os.path.samestat(os.fstat(direct), os.fstat(1))
    finally:
        os.close(direct)


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a file behind its links; None if there is none."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _create_temporary(target: Path, earlier: os.stat_result | None) -> Path:
    """Create an empty file beside the target, or in the folder for temporary files if only the target is writable."""
    mode = 0o666 if earlier is None else 0o600  # the temporary file of a private file is private, too
    path = target.with_name(_temporary_name(target, secrets.token_hex(4)))
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    except OSError:
        if earlier is None:
            raise
        path = Path(tempfile.gettempdir(), path.name)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
    return path


def _temporary_name(target: Path, token: str) -> str:
    suffix = target.suffix if target.suffix in _COMPRESSED else ""
    return f".{target.name[:40]}.{token}{suffix}"


def remove_unfinished(path: Path) -> None:
    """Remove the temporary files that killed processes left while they wrote a file; no process may be writing it."""
    target = Path(os.path.realpath(path))
    pattern = re.compile(re.escape(_temporary_name(target, "TOKEN")).replace("TOKEN", "[0-9a-f]{8}"))
    with contextlib.suppress(OSError):
        for other in target.parent.iterdir():
            if pattern.fullmatch(other.name):
                other.unlink(missing_ok=True)


def _move(unfinished: Path, target: Path, earlier: os.stat_result | None) -> None:
    if earlier is None:
        os.replace(unfinished, target)
        return
    if earlier.st_nlink == 1 and _made_alike(unfinished, target, earlier):
        # It fails between file systems, and where a container mounts the file.
        with contextlib.suppress(OSError):
            os.replace(unfinished, target)
            return
    with unfinished.open("rb") as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)


def _made_alike(unfinished: Path, target: Path, earlier: os.stat_result) -> bool:
    """Give a file or folder the owner, the mode and the access list of an earlier one, if permitted."""
    try:
        own = unfinished.stat()
        if (own.st_uid, own.st_gid) != (earlier.st_uid, earlier.st_gid):
            os.chown(unfinished, earlier.st_uid, earlier.st_gid)
        os.chmod(unfinished, stat.S_IMODE(earlier.st_mode))
        for name in os.listxattr(target) if hasattr(os, "listxattr") else ():
            if name == "system.posix_acl_access" or name.startswith("user."):
                os.setxattr(unfinished, name, os.getxattr(target, name))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def atomic_folder(path: Path, mark: str) -> Iterator[Path]:
    """Yield a folder to write in, which appears under its name only once all its files are written; links are followed.

    Args:
        path: Path of the folder. An empty folder, or one written earlier by this function, is replaced.
        mark: Name of a file that every such folder contains; identifies folders written by this function.

    Raises:
        ConfigError: The path exists and was not written by this function.
    """
    if path.exists() and not (path.is_dir() and ((path / mark).is_file() or not any(path.iterdir()))):
        raise ConfigError(f"{path} exists and is not a folder written by an export. Remove it, or choose another name.")
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    target = Path(os.path.realpath(path))
    hidden = f".{target.name[:40]}.{secrets.token_hex(4)}"
    unfinished, earlier = target.with_name(hidden), target.with_name(f"{hidden}.earlier")
    try:
        try:
            unfinished.mkdir()
        except OSError:  # only the folder itself is writable
            if not target.is_dir():
                raise
            unfinished = target / hidden
            unfinished.mkdir()
        yield unfinished
        _move_folder(unfinished, target, earlier)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(earlier, ignore_errors=True)


def _move_folder(unfinished: Path, target: Path, earlier: Path) -> None:
    if not target.exists():
        os.replace(unfinished, target)
        return
    if unfinished.parent != target and _made_alike(unfinished, target, target.stat()):
        with contextlib.suppress(OSError):  # a mounted folder cannot be renamed
            os.replace(target, earlier)
            os.replace(unfinished, target)
            return
    for path in target.iterdir():
        if path != unfinished:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in unfinished.iterdir():
        shutil.move(path, target / path.name)


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
    if folder is None or is_address(folder):
        return
    path = Path(folder).absolute()
    existing = next(parent for parent in (path, *path.parents) if os.path.lexists(parent))
    try:
        with tempfile.TemporaryFile(dir=existing):  # permissions do not suffice: the disk may be read-only or full
            return
    except OSError as error:
        why = f"is not writable ({error.strerror or error})" if existing.is_dir() else "is not a folder"
        raise ConfigError(f"The output folder is {folder}, but {existing} {why}. {remedy}") from error


def check_file(path: Path, remedy: str = "Choose another file.") -> None:
    """Check that `atomic_write` can write a file, before the work that it will hold.

    Raises:
        ConfigError: The file cannot be written, or is a folder.
    """
    try:
        direct = _direct_target(path)
        if isinstance(direct, int):
            os.close(direct)
            return
        if path.is_dir():
            raise ConfigError(f"The output file is {path}, which is a folder. {remedy}")
        if os.path.exists(path):
            if os.access(path, os.W_OK):
                return
            raise ConfigError(f"The output file is {path}, which is not writable. {remedy}")
    except OSError as error:
        raise ConfigError(f"The output file {path} cannot be written: {error.strerror or error}. {remedy}") from error
    check_folder(Path(os.path.realpath(path)).parent, remedy)
