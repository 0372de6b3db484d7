"""Fast reading of separated rows without irregularities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np

from lit_transfer.files import without_marks

_BLOCK = 1 << 20  # number of bytes to read at once
_LONGEST = 16 * _BLOCK  # number of bytes without the end of a row from which a quote is probably missing
_QUOTE, _RETURN, _LINE = b'"\r\n'
# Control character in place of separators and line ends; a file that has it is read by `csv`.
_BETWEEN = "\x1f"


class Blocks:
    """The fields of a file in blocks of whole rows, up to the first block that needs a closer look.

    Such a block has rows of several widths, blank lines before the first row, a quote in a field without quotes, text after
    a closing quote, line ends of several kinds, or a NUL byte.

    Args:
        file: The file, in UTF-8.
        separator: Separator of the fields.
        quoted: Whether fields may be in double quotes; None if no field may begin with a quote.

    Attributes:
        rest: Bytes of a block that needs a closer look; empty after the last row.
        num_lines: Number of lines before these.
        returns: Whether lines end with a carriage return and a line feed; None before the first row.
    """

    def __init__(self, file: IO[bytes], separator: str, quoted: bool | None) -> None:
        self.rest = b""
        self.num_lines = 0
        self.returns: bool | None = None
        self._file = file
        self._separator = ord(separator)
        self._quoted = quoted
        # Quotes at the beginning of a field, in dialects where they are ambiguous.
        self._odd = [] if quoted is not None else [b'\n"', separator.encode() + b'"']
        self._width = 0

    def __iter__(self) -> Iterator[tuple[list[list[str]], bool]]:
        """Yield the columns of each block, and whether a field has a line break in it."""
        at_end = False
        while not at_end:
            block = self._file.read(_BLOCK)
            at_end = not block
            self.rest += block
            if at_end and self.rest and not self.rest.endswith(b"\n"):
                self.rest += b"\n"
            if not self.rest or (not at_end and b"\n" not in block):
                continue
            if self._width == 0:
                self.rest = without_marks(self.rest)
                if self.rest.startswith((b"\n", b"\r\n", b'"' if self._odd else b"\n")):
                    return
            if any(sign in self.rest for sign in [_BETWEEN.encode(), b"\0", *self._odd]):
                return
            found = self._read(np.frombuffer(self.rest, np.uint8))
            if found is None:
                return
            columns, end = found
            if not columns:
                if len(self.rest) > _LONGEST:
                    return
                continue
            lines = self.rest.count(b"\n", 0, end)
            self.rest = self.rest[end:]
            self.num_lines += lines
            yield columns, lines > len(columns[0])

    def _read(self, data: np.ndarray) -> tuple[list[list[str]], int] | None:
        """Return the columns of the whole rows and their end; no columns if there is no whole row, None if it is irregular."""
        is_special = (data == self._separator) | (data == _LINE)
        special = np.flatnonzero(is_special | (data == _QUOTE) if self._quoted else is_special)
        kinds = data[special]
        is_quote = kinds == _QUOTE if self._quoted else np.zeros(len(kinds), bool)
        is_outside = ~is_quote & (np.cumsum(is_quote) % 2 == 0)
        bounds, kinds_of_bounds = special[is_outside], kinds[is_outside]
        ends = np.flatnonzero(kinds_of_bounds == _LINE)
        if not len(ends):
            return [], 0
        self._width = self._width or int(ends[0]) + 1
        if not np.array_equal(ends, np.arange(1, len(ends) + 1) * self._width - 1):
            return None
        bounds = bounds[: ends[-1] + 1]
        end = int(bounds[-1]) + 1
        quotes = special[is_quote]
        dropped = self._dropped_quotes(data, quotes[quotes < end])
        returns = self._dropped_returns(data, bounds[self._width - 1 :: self._width])
        if dropped is None or returns is None:
            return None
        changed = data[:end].copy()
        changed[bounds] = ord(_BETWEEN)
        if len(dropped) or len(returns):
            kept = np.ones(end, bool)
            kept[dropped] = kept[returns] = False
            changed = changed[kept]
        fields = changed.tobytes().decode("utf-8").split(_BETWEEN)[:-1]
        return [fields[place :: self._width] for place in range(self._width)], end

    def _dropped_quotes(self, data: np.ndarray, quotes: np.ndarray) -> np.ndarray | None:
        """Return the quotes that enclose or escape; None if one is in a place where it is not allowed."""
        if not len(quotes):
            return quotes
        opening, closing = quotes[::2], quotes[1::2]
        is_doubled = closing[:-1] + 1 == opening[1:]  # a quote in a field
        opens, closes = opening[np.r_[True, ~is_doubled]], closing[np.r_[~is_doubled, True]]
        before, after = data[opens - 1], data[closes + 1]
        starts = (before == self._separator) | (before == _LINE) | (opens == 0)
        stops = (after == self._separator) | (after == _LINE)
        if not stops.all():
            stops |= (after == _RETURN) & (data[np.minimum(closes + 2, len(data) - 1)] == _LINE)
        if not (starts.all() and stops.all()):
            return None
        return np.concatenate([opens, closes, closing[:-1][is_doubled]])

    def _dropped_returns(self, data: np.ndarray, ends: np.ndarray) -> np.ndarray | None:
        """Return the carriage returns before line feeds; None if only some lines have one."""
        has_return = (data[ends - 1] == _RETURN) & (ends > 0)
        if self.returns is None:
            self.returns = bool(has_return[0])
        if not self.returns:
            return None if has_return.any() else ends[:0]
        if not has_return.all() or (data[np.maximum(ends - 2, 0)] == _RETURN).any():
            return None
        return ends - 1
