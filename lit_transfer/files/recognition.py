"""Recognition of files that are often mistaken for data, from the first bytes."""

from __future__ import annotations

import codecs
import html
import re
from typing import AnyStr

# What a file begins with, what it is, and what to do. The first group, if any, is a title to show.
_KINDS: tuple[tuple[re.Pattern[bytes], str, str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), what, remedy)
    for pattern, what, remedy in (
        (
            rb"version https?://(?:git-lfs|hawser)\.github\.com/spec/v\d",
            "a pointer of Git LFS in place of the file",
            "Get the file itself: run `git lfs install` and `git lfs pull` in its repository, or download it.",
        ),
        (
            rb"/annex/objects/|(?:\.\./)*\.git/annex/objects/",
            "a pointer of git-annex in place of the file",
            "Get the file itself with `git annex get`.",
        ),
        (
            rb"outs:\s*\n- (?:md5|etag|hash|size|path):",
            "a pointer of DVC in place of the file",
            "Get the file itself with `dvc pull`, and give its name without .dvc.",
        ),
        (
            rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!doctype html|<html|<head|<body)(?:.*?<title[^>]*>(.*?)</title)?",
            "a web page (HTML)",
            "The address gave a page instead of the file, such as one to sign in or to confirm the download; "
            "download the file itself.",
        ),
        (
            rb"(?:<\?xml[^>]*>\s*)?<Error>\s*<Code>(.*?)</Code>",
            "an error message of a file server (XML)",
            "Check the address and the access rights, and download the file again.",
        ),
        (rb"%PDF-", "a PDF document", "Save its text or table as a text file first."),
        (rb"\{\\rtf", "a document in Rich Text Format", "Save it as plain text first."),
        (rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a", "an image", "Give another file."),
        (rb"SQLite format 3\0", "a SQLite database", "Export its table, for example as CSV."),
        (
            rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "an Excel workbook of the old format (.xls), or one with a password",
            "Save it as .xlsx without a password, or as CSV.",
        ),
        (rb".{257}ustar(?:  )?\0", "a tar archive", "Extract the file in it, as in `tar -xf NAME`, and give that."),
        (rb"\x28\xb5\x2f\xfd", "compressed by zstd", "Decompress it, as in `zstd -d NAME`."),
        (rb"\x04\x22\x4d\x18", "compressed by lz4", "Decompress it, as in `lz4 -d NAME`."),
        (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "Extract the file in it, as in `7z x NAME`, and give that."),
        (rb"Rar!\x1a\x07", "a RAR archive", "Extract the file in it, as in `unrar x NAME`, and give that."),
        (
            rb"ARROW1\0\0|FEA1\0",
            "an Arrow or Feather file",
            "Save it as Parquet, as in pandas.read_feather(NAME).to_parquet.",
        ),
        (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "Save its content in another format."),
        (
            rb"\xff\xfe\0\0|\0\0\xfe\xff",
            "text in UTF-32",
            "Save it as UTF-8.",
        ),
    )
)
_HIDDEN = ("thumbs.db", "desktop.ini")
_WHITE = b"\xef\xbb\xbf \t\r\n"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOOKED_AT = 1 << 14
_LONGEST_TITLE = 80
# Characters that almost any text has, and that are others with the bytes of UTF-16 in another order.
_COMMON = re.compile(r"[\n ,\t]")
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def recognize(head: bytes) -> str | None:
    """Return the kind of a file that does not contain data, and the remedy; None for anything that may be data.

    Args:
        head: First bytes of the file, a few thousand.

    Returns:
        A phrase and a sentence that complete "... is", such as "a web page (HTML), 'Sign in'. The address gave ...".
    """
    start = head[:_LOOKED_AT].lstrip(_WHITE)
    for pattern, what, remedy in _KINDS:
        if found := pattern.match(start):
            title = found[1] if pattern.groups else None
            named = f", {excerpt(html.unescape(title.decode(errors='replace')).encode())}" if title else ""
            return f"{what}{named}. {remedy}"
    return None


def without_marks(text: AnyStr) -> AnyStr:
    """Return text without the byte order mark that it begins with, or several: some programs write a second one."""
    if isinstance(text, str):
        return text.lstrip("\ufeff")
    while text.startswith(codecs.BOM_UTF8):
        text = text.removeprefix(codecs.BOM_UTF8)
    return text


def is_hidden(name: str) -> bool:
    """Return whether a member of a zip was put there by a file manager, such as `__MACOSX/._a.csv` and `.DS_Store`."""
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].lower() in _HIDDEN


def is_text(head: bytes) -> bool:
    """Return whether the first bytes of a file are text in UTF-8 (or UTF-16 with a byte order mark)."""
    return bool(_decode(head[:_LOOKED_AT]))


def unmarked_utf16(head: bytes) -> str | None:
    """Return `utf-16-le` or `utf-16-be` if the first bytes of a file are UTF-16 without a byte order mark, else None."""
    if b"\0" not in head[:_LOOKED_AT] or head.startswith(_UTF16_MARKS):
        return None
    found = {}
    for name in ("utf-16-le", "utf-16-be"):
        try:
            text = codecs.getincrementaldecoder(name)().decode(head[:_LOOKED_AT])
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            found[name] = len(_COMMON.findall(text))
    best = max(found, key=found.__getitem__, default=None)
    return best if best and found[best] else None


def excerpt(head: bytes) -> str:
    """Return the first words of a file in quotes, or its first bytes if it is not text; for messages."""
    words = " ".join(_decode(head[:_LOOKED_AT]).split())
    if not words:
        return repr(bytes(head[:16]))
    shown = words if len(words) <= _LONGEST_TITLE else words[:_LONGEST_TITLE].rstrip() + " ..."
    return repr("".join(c if c.isprintable() else "\ufffd" for c in shown))


def _decode(head: bytes) -> str:
    """Return the text of the first bytes of a file, whose last character may be cut off; empty if it is not text."""
    encoding = "utf-16" if head.startswith(_UTF16_MARKS) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return ""
    return "" if _CONTROL.search(text) else text
