"""Sources of tabular files (path, package, pipe, zip member), and their encodings."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import json
import lzma
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from lit_transfer.errors import DataError
from lit_transfer.files import excerpt, is_hidden, is_text, locate, recognize, unmarked_utf16, without_marks

COMPRESSION: dict[str, tuple[str, Callable[..., Any]]] = {
    ".gz": ("gzip", gzip.open),
    ".bz2": ("bzip2", bz2.open),
    ".xz": ("xz", lzma.open),
}
"""Names and openers of compressed files by file extension."""
DAMAGED = (EOFError, OSError, lzma.LZMAError, zlib.error)
"""Exceptions for files that cannot be read or decompressed."""

# The first bytes of files that are not text, as regular expressions.
_COMPRESSED = {rb"\x1f\x8b": ".gz", rb"BZh[1-9]1AY&SY": ".bz2", rb"\xfd7zXZ\0": ".xz"}
_MAGIC = {rb"PAR1\x15": ".parquet", rb"PK\x03\x04": ".zip"}
_FASTTEXT = re.compile(rb"__label__[^\s,;|]+ ")
_CONFLICT = re.compile(rb"(?:^|\n)<{7} .*\n={7}\r?\n(?:.*\n)?>{7} ", re.DOTALL)
_SAMPLE = 1 << 16  # number of bytes for detecting an encoding
# Encodings to detect; if several give the same characters, the first is reported. cp949 is a superset of euc_kr.
_ENCODINGS = [
    *("utf_16", "cp949", "cp1252", "cp932", "gb18030", "big5", "cp1251", "cp1250", "cp1253", "cp1254", "cp1255"),
    *("cp1256", "cp1257", "cp1258", "euc_jp", "koi8_r"),
]


@contextlib.contextmanager
def local_file(source: str | Path, encoding: str | None = None) -> Iterator[Path]:
    """Provide a source as a local file, in UTF-8 if it is text, with the file extension of its format.

    A pipe (`/dev/stdin`, process substitution) is copied to a temporary file, and its format is detected from its first
    bytes. In a zip, the only file is used, or the one named after the archive, as in `reviews.zip/train.csv`.

    Args:
        source: A path, or `package:NAME/path/in/it`.
        encoding: Encoding of a text file; None for UTF-8.

    Raises:
        DataError: The file does not exist, is empty, or is not in the encoding.
        ConfigError: The encoding is unknown.
    """
    path = locate(source)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            archive = next((parent for parent in path.parents if parent.is_file()), None)
            is_file, is_folder, exists = path.is_file(), path.is_dir(), path.exists()
        except (OSError, ValueError) as error:  # too long, or with a null byte in it
            raise DataError(f"{str(source)[:100]!r} cannot be the path of a file: {error}.") from error
        if is_folder:
            raise DataError(f"{source} is a directory; expected a file.")
        if archive is not None and zipfile.is_zipfile(archive):
            path = _unzip(archive, path.relative_to(archive).as_posix(), Path(scratch))
        elif not exists:
            raise DataError(
                f"There is no file {source} (looked in {Path.cwd()}). Check the path and the working directory."
            )
        elif not is_file or (not path.suffix and any(map(path.is_relative_to, ("/dev", "/proc")))):
            path = _spool(path, Path(scratch))
        if path.suffix.lower() == ".zip":
            path = _unzip(path, None, Path(scratch))
        if path.stat().st_size == 0:
            raise DataError(f"{source} is empty (0 bytes); expected a table with a header and at least one row.")
        check_content(path, str(source), encoding)
        if encoding is not None and has_text_name(path):
            path = _to_utf8(path, encoding, str(source), Path(scratch))
        yield path


def has_text_name(path: Path) -> bool:
    """Return whether the name of a file is that of a text format, which has an encoding."""
    return Path(without_compression(path.name.lower())).suffix not in (".parquet", ".xlsx")


def without_compression(name: str) -> str:
    """Return a file name without the file extension of a compression."""
    return name[: -len(ending)] if (ending := Path(name).suffix).lower() in COMPRESSION else name


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, decompressed if its name ends in one of `COMPRESSION`."""
    _, opened = COMPRESSION.get(path.suffix.lower(), ("", open))
    return opened(path, "rb")  # type: ignore[no-any-return]


def opening(path: Path) -> str:
    """Return the first words of a text file in brackets, for messages; empty for other files."""
    if has_text_name(path):
        with contextlib.suppress(*DAMAGED), open_bytes(path) as file:
            head = file.read(1 << 12)
            return f" ({excerpt(head)})" if head.strip() else ""
    return ""


def encoding_problem(path: Path, encoding: str = "utf-8") -> str:
    """Describe where a file violates an encoding, and its likely encoding."""
    if encoding != "utf-8":
        with open_bytes(path) as file:
            likely = _likely(file.read(_SAMPLE))
        return f"it is not {encoding}.{_advice(path, likely)}"
    if unmarked := unmarked_encoding(path):
        return f"it is UTF-16 without a byte order mark.{_advice(path, [unmarked])}"
    with open_bytes(path) as file:
        place, count, likely = _survey(file)
    return f"it is not UTF-8{place}{count}.{_advice(path, likely)}"


def unmarked_encoding(path: Path) -> str | None:
    """Return the encoding of a text file that is UTF-16 without a byte order mark; None for any other."""
    if not has_text_name(path):
        return None
    with contextlib.suppress(*DAMAGED), open_bytes(path) as file:
        return unmarked_utf16(file.read(1 << 14))
    return None


def _survey(file: IO[bytes]) -> tuple[str, str, list[str]]:
    """Find the lines that are not UTF-8: the position of the first, their number, and their likely encodings."""
    offset, place, number = 0, "", 0
    wrong: list[bytes] = []
    head = b""
    for number, line in enumerate(file, start=1):
        head = head or line[:2]
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            place = place or f": line {number}, byte {offset + error.start} of the file is 0x{line[error.start]:02x}"
            wrong.append(line)
        offset += len(line)
    if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        likely = ["utf-16"]
    else:
        likely = _likely(b"".join(wrong[:300])[:_SAMPLE]) if wrong else []
    count = f" ({len(wrong):,} of {number:,} lines are not)" if len(wrong) > 1 else ""
    return place, count, likely


def find_encoding(source: str | Path) -> str | None:
    """Return the likely encoding of a file; None if it is UTF-8, has no encoding, or is undecidable.

    Raises:
        DataError: The file does not exist or is empty.
    """
    with local_file(source) as path:
        if not has_text_name(path):
            return None
        if unmarked := unmarked_encoding(path):
            return unmarked
        with contextlib.suppress(*DAMAGED), open_bytes(path) as file:
            likely = _survey(file)[2]
            return likely[0] if likely else None
    return None


def _likely(sample: bytes) -> list[str]:
    """Return the most likely encodings of a text, best first."""
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=_ENCODINGS)
    # If several encodings give the same characters, report the most common one.
    return list(dict.fromkeys(min(match.could_be_from_charset, key=_ENCODINGS.index) for match in matches))[:3]


def _advice(path: Path, likely: list[str]) -> str:
    best = likely[0] if likely else "ENCODING"
    seems = f" It looks like {' or '.join(likely)}." if likely else ""
    return (
        f"{seems} Give its encoding, as in --data.encoding {best} (in Python encoding={best!r}), or convert it: "
        f"iconv -f {best.replace('_', '-')} -t UTF-8 {path.name} > utf8-{path.name}"
    )


def _spool(pipe: Path, scratch: Path) -> Path:
    """Copy a pipe into a file with the file extension of its format."""
    spooled = scratch / "stream"
    try:
        with pipe.open("rb") as stream, spooled.open("wb") as out:
            shutil.copyfileobj(stream, out)
    except OSError as error:
        raise DataError(f"{pipe} cannot be read: {error.strerror or error}.") from error
    with spooled.open("rb") as stream:
        head = stream.read(1 << 12)
    packed = next((ending for magic, ending in _COMPRESSED.items() if re.match(magic, head)), "")
    if packed:
        # Reported when the file is read.
        with contextlib.suppress(*DAMAGED), COMPRESSION[packed][1](spooled) as stream:
            head = stream.read(1 << 12)
    ending = next((ending for magic, ending in _MAGIC.items() if re.match(magic, head)), None) or _text_format(head)
    if ending == ".zip" and (b"[Content_Types].xml" in head or b"xl/" in head):
        ending = ".xlsx"
    return spooled.rename(scratch / f"stream{ending}{packed}")


def _text_format(head: bytes) -> str:
    """Detect the file extension of a text format: JSON, fastText labels, or separated rows."""
    start = without_marks(head).lstrip()
    if start[:1] in (b"{", b"["):
        return ".jsonl"
    first = start.split(b"\n", 1)[0]
    if first.startswith(b"__label__") or not any(separator in first for separator in (b",", b";", b"\t")):
        return ".txt" if first.startswith(b"__label__") else ".csv"
    return ".tsv" if b"\t" in first else ".csv"


def _unzip(archive: Path, member: str | None, scratch: Path) -> Path:
    """Extract the named member, or the only one."""
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [info.filename for info in opened.infolist() if not info.is_dir() and not is_hidden(info.filename)]
            if member is None and len(names) == 1:
                member = names[0]
            if member not in names:
                came = f"no member {member!r}" if member else f"{len(names)} members"
                raise DataError(
                    f"{archive} has {came}; expected one. Name it, as in {archive.name}/{names[0] if names else 'MEMBER'}. "
                    f"Members: {', '.join(names[:20]) or 'none'}."
                )
            out = scratch / Path(member).name
            with opened.open(member) as packed, out.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked)
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        check_compressed(archive, str(archive))
        if "encrypted" in str(error):
            raise DataError(f"{archive} has a password. Extract the file in it, and give that.") from error
        raise DataError(f"{archive} is not a readable zip file ({error}). Download or create it again.") from error
    return out


def check_compressed(path: Path, source: str) -> None:
    """Check that a file that cannot be decompressed is not a Git LFS pointer or an HTML page.

    Raises:
        DataError: It is one.
    """
    with contextlib.suppress(OSError), path.open("rb") as file:
        if kind := recognize(file.read(1 << 14)):
            raise DataError(f"{source} is not compressed, but {kind}") from None


def check_content(path: Path, source: str, encoding: str | None = None) -> None:
    """Check that a file has the format of its name, and is not a Git LFS pointer or an HTML page.

    Raises:
        DataError: The file is of another format, such as a pointer of Git LFS or an HTML page.
    """
    try:
        with open_bytes(path) as file:
            head = file.read(1 << 14)
    except DAMAGED:
        check_compressed(path, source)
        return  # reported when the file is read
    if kind := None if encoding else recognize(head):
        raise DataError(f"{source} is no table, but {kind}")
    if has_text_name(path):
        if kind := None if encoding else _other_rows(head, path):
            raise DataError(f"{source} {kind}")
        for magic, ending in (_COMPRESSED | _MAGIC).items():
            if re.match(magic, head):
                if ending in COMPRESSION:
                    _check_inside(path, source, ending)
                if path.suffix.lower() in COMPRESSION:
                    raise DataError(f"{source} is compressed twice. Decompress it once, and give the result.")
                kind = COMPRESSION[ending][0] if ending in COMPRESSION else "zip" if ending == ".zip" else None
                came = f"is compressed by {kind}" if kind else "is a Parquet file"
                hint = " (or .xlsx, if it is an Excel workbook)" if ending == ".zip" else ""
                raise DataError(
                    f"{source} cannot be read: it {came}. Rename it so that its name ends in {ending}{hint}."
                )
    elif is_text(head) and not head.startswith(b"PAR1"):  # the start of a Parquet file that was cut off
        raise DataError(
            f"{source} is text that begins with {excerpt(head)}, unlike its name. Rename it so that the name ends in .csv, "
            ".tsv, .jsonl or .txt."
        )


def _check_inside(path: Path, source: str, ending: str) -> None:
    """Check that a file with another name than that of its compression is no archive of several files."""
    with contextlib.suppress(*DAMAGED), COMPRESSION[ending][1](path) as file:
        if kind := recognize(file.read(1 << 14)):
            raise DataError(f"{source} is compressed by {COMPRESSION[ending][0]}, and in it is {kind}")


def _other_rows(head: bytes, path: Path) -> str | None:
    """Return why a file has other rows than its name says: JSON objects, fastText's lines, or two versions marked by git."""
    if conflict := _CONFLICT.search(head):
        number = head[: conflict.start()].count(b"\n") + (2 if conflict.start() else 1)
        return f"has a conflict between two versions, marked by git, from line {number}. Resolve it first."
    if Path(without_compression(path.name.lower())).suffix not in (".csv", ".tsv", ".tab"):
        return None
    first = without_marks(head).lstrip().split(b"\n", 1)[0]
    if _FASTTEXT.match(first):
        return "has fastText's lines of labels and texts. Rename it so that its name ends in .txt."
    if first.startswith(b"{"):
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(json.loads(first), dict):
                return "has a JSON object in its first line. Rename it so that its name ends in .jsonl."
    return None


def _to_utf8(path: Path, encoding: str, source: str, scratch: Path) -> Path:
    """Convert a text file to UTF-8."""
    out = scratch / "utf8" / without_compression(path.name)  # in a separate folder, since the name is in messages
    out.parent.mkdir()
    try:
        with open_bytes(path) as raw, out.open("w", encoding="utf-8", newline="") as file:
            shutil.copyfileobj(codecs.getreader(encoding)(raw), file)
    except UnicodeError as error:
        raise DataError(f"{source} cannot be read: {encoding_problem(path, encoding)}") from error
    return out
