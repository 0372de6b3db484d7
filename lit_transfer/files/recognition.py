"""Recognition of files that people often have in place of their data, from the first bytes."""

from __future__ import annotations

import codecs
import html
import re

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
            rb"\xff\xfe\0\0|\0\0\xfe\xff",
            "text in UTF-32",
            "Save it as UTF-8.",
        ),
    )
)
_WHITE = b"\xef\xbb\xbf \t\r\n"
_LOOKED_AT = 1 << 14
_LONGEST_TITLE = 80
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")


def recognize(head: bytes) -> str | None:
    """Return what a file is that is no data, and what to do; None for anything that may be data.

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


def is_text(head: bytes) -> bool:
    """Return whether the first bytes of a file are text in UTF-8 (or UTF-16 with a byte order mark)."""
    return bool(_decode(head[:_LOOKED_AT]))


def excerpt(head: bytes, longest: int = _LONGEST_TITLE) -> str:
    """Return the first words of a file in quotes, or its first bytes if it is no text; for messages."""
    words = " ".join(_decode(head[:_LOOKED_AT]).split())
    if not words:
        return repr(bytes(head[:16]))
    shown = words if len(words) <= longest else words[:longest].rstrip() + " ..."
    return repr("".join(c if c.isprintable() else "\ufffd" for c in shown))


def _decode(head: bytes) -> str:
    """Return the text of the first bytes of a file, whose last character may be cut off; empty if it is no text."""
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return ""
    return "" if _CONTROL.search(text) else text
