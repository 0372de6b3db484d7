"""Unlabelled text in files, read as a stream of documents in bounded memory."""

from __future__ import annotations

import glob
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Literal

from lit_transfer.data.corpus import stream_texts
from lit_transfer.data.reading.options import ReadingOptions, Where
from lit_transfer.data.reading.sources import (
    COMPRESSION,
    check_content,
    encoding_problem,
    open_bytes,
    without_compression,
)
from lit_transfer.data.reading.tabular import FORMATS
from lit_transfer.errors import DataError
from lit_transfer.files import PACKAGE_SCHEME, expanded, locate

Layout = Literal["auto", "lines", "blocks"]

MAX_LETTERS = 1 << 20
"""Maximum number of characters per document; longer documents are split."""

_TEXT_ENDINGS = (".txt", ".text")
# Number of characters of a text file for detecting its layout.
_HEAD_BYTES = 1 << 20


class Documents:
    """Documents of text files and text columns of tabular files, in file order; may be iterated repeatedly.

    The arguments are those of `UnlabelledText`. Text files end in `.txt`; tabular files are those that `fit` reads.

    Raises:
        DataError: A file is missing or in an unknown format, or a pattern has no match.
    """

    def __init__(
        self,
        sources: str | Sequence[str],
        layout: Layout = "auto",
        text_column: str = "text",
        where: Where | None = None,
    ) -> None:
        self.paths = [path for source in ([sources] if isinstance(sources, str) else sources) for path in _find(source)]
        if not self.paths:
            raise DataError("There is no unlabelled text. Give at least one file.")
        self.layout = layout
        self.reading = ReadingOptions(text_column=text_column, where=where)

    def __iter__(self) -> Iterator[str]:
        """Yield the documents, except blank ones.

        Raises:
            DataError: A file is empty, damaged, not UTF-8, or lacks a column.
        """
        for path in self.paths:
            found = False
            for text in self._texts(path):
                if text.strip():
                    found = True
                    yield from (text[at : at + MAX_LETTERS] for at in range(0, len(text), MAX_LETTERS))
            if not found:
                raise DataError(f"{path} has no text; expected at least one document.")

    def _texts(self, path: Path) -> Iterator[str]:
        if _kind(path) not in _TEXT_ENDINGS:
            yield from stream_texts(path, self.reading)
            return
        if path.stat().st_size == 0:
            raise DataError(f"{path} is empty (0 bytes); expected unlabelled text.")
        check_content(path, str(path))
        try:
            yield from _read_text(path, self.layout)
        except UnicodeDecodeError as error:
            raise DataError(f"{path} cannot be read: {encoding_problem(path)}") from error
        except (gzip.BadGzipFile, EOFError, lzma.LZMAError, zlib.error) as error:
            raise DataError(f"{path} is not a complete compressed file ({error}). Download it again.") from error
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _find(source: str) -> list[Path]:
    if source.startswith(PACKAGE_SCHEME) or not glob.has_magic(source) or Path(source).exists():
        path = locate(source)
        if path.is_dir():
            raise DataError(
                f"{source} is a directory; expected a file. Give a pattern, such as {source.rstrip('/')}/*.txt."
            )
        if not path.is_file():
            raise DataError(f"There is no file {source} (looked in {Path.cwd()}). Check the path.")
        paths = [path]
    else:
        paths = [Path(name) for name in sorted(glob.glob(str(expanded(source)), recursive=True))]
        paths = [path for path in paths if path.is_file()]
        if not paths:
            raise DataError(f"No file matches {source} (looked in {Path.cwd()}). Check the pattern.")
    for path in paths:
        _kind(path)
    return paths


def _kind(path: Path) -> str:
    """Return the file extension without that of a compression."""
    kind = Path(without_compression(path.name.lower())).suffix
    if kind not in _TEXT_ENDINGS and kind not in FORMATS:
        known = ", ".join(dict.fromkeys([*_TEXT_ENDINGS[:1], *FORMATS]))
        raise DataError(
            f"{path} has an unknown format; expected a name that ends in one of {known}, optionally with "
            f"{' or '.join(COMPRESSION)}."
        )
    return kind


def _open(path: Path) -> IO[str]:
    return io.TextIOWrapper(open_bytes(path), "utf-8-sig")


def _read_text(path: Path, layout: Layout) -> Iterator[str]:
    blocks = layout == "blocks" or (layout == "auto" and _has_blocks(path))
    with _open(path) as lines:
        if not blocks:
            yield from iter(lambda: lines.readline(MAX_LETTERS), "")
            return
        block: list[str] = []
        size = 0
        for line in iter(lambda: lines.readline(MAX_LETTERS), ""):
            if size and (not line.strip() or size + len(line) > MAX_LETTERS):
                yield "".join(block)
                block, size = [], 0
            if line.strip():
                block.append(line)
                size += len(line)
        yield "".join(block)


def _has_blocks(path: Path) -> bool:
    with _open(path) as stream:
        lines = [line.strip() for line in stream.read(_HEAD_BYTES).strip().split("\n")]
    return "" in lines
