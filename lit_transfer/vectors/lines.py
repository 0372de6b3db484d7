"""The lines of a text, found in large blocks of bytes: where each begins and ends, its first word, its spaces."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import IO

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from lit_transfer.errors import VectorsError

BLOCK_BYTES = 1 << 21
"""Bytes read at a time, and the longest line; twice as much reads no faster."""
_WINDOW = 16
"""Bytes of a word that are compared at once; words that agree in them are compared in full afterwards."""
_EACH = np.uint64(0x0101010101010101)
_HIGH = np.uint64(0x8080808080808080)
_SPACES = _EACH * np.uint64(ord(" "))


class Lines:
    """The lines that are not blank of one block.

    Attributes:
        bytes: the block, a memoryview.
        breaks: how many lines end in it, blank ones among them.
        numbers: each line's number in the file, from 1, `(lines,)`.
        starts: where it begins, `(lines,)`.
        ends: where it ends without white space behind, `(lines,)`.
        spaces: how many spaces it has between the two, `(lines,)`.
        keys: a hash of its first word's first bytes, `(lines,)`.
        ascii: whether its first word is known to be ASCII, `(lines,)`.
    """

    def __init__(self, padded: np.ndarray, used: int, first_number: int) -> None:
        block = padded[:used]
        self.bytes = padded.data
        breaks = np.flatnonzero(block == ord("\n"))
        starts = np.concatenate([[0], breaks[:-1] + 1])
        ends = breaks.copy()
        for _ in range(2):  # a space as fastText writes it, a carriage return
            ends -= (ends > starts) & (padded[ends - 1] <= ord(" "))
        for i in np.flatnonzero((ends > starts) & (padded[ends - 1] <= ord(" "))):
            ends[i] = starts[i] + len(bytes(self.bytes[starts[i] : ends[i]]).rstrip())
        filled = np.flatnonzero(ends > starts)
        self.breaks = len(breaks)
        self.numbers = filled + first_number
        self.starts, self.ends = starts[filled], ends[filled]
        self.spaces = _Ranks(padded == ord(" ")).between(self.starts, self.ends)
        self.keys, self.ascii = _first_words(padded, self.starts)

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, i: int) -> bytes:
        """The bytes of line `i`."""
        return bytes(self.bytes[self.starts[i] : self.ends[i]])

    def word(self, i: int) -> bytes:
        """The first word of line `i`."""
        return self.line(i).partition(b" ")[0]


def read_lines(stream: IO[bytes], name: object, number: int, tabs: bool) -> Iterator[tuple[Lines, bool]]:
    """The stream's lines block by block, each with whether the block's last line had its newline.

    Args:
        stream: what is read.
        name: how errors call it.
        number: the first line's number.
        tabs: whether tabs are to be read as spaces.

    Raises:
        VectorsError: a line is longer than a block.
    """
    buffer = bytearray(BLOCK_BYTES + 64)
    view = memoryview(buffer)
    padded = np.frombuffer(buffer, np.uint8)
    filled = 0
    while True:
        while filled < BLOCK_BYTES and (read := stream.readinto(view[filled:BLOCK_BYTES])):  # type: ignore[attr-defined]
            filled += read
        if not filled:
            return
        last = filled < BLOCK_BYTES
        used = buffer.rfind(b"\n", 0, filled) + 1
        if last and used < filled:
            padded[filled] = ord("\n")
            filled, used, closed = filled + 1, filled + 1, False
        else:
            closed = True
        if not used:
            raise VectorsError(
                f"{name}, line {number}: longer than {BLOCK_BYTES} bytes; no text of vectors has such lines."
            )
        if tabs:
            padded[:used][padded[:used] == ord("\t")] = ord(" ")
        rest = bytes(view[used:filled])
        padded[used:] = 0
        lines = Lines(padded, used, number)
        yield lines, closed
        if last:
            return
        number += lines.breaks
        filled = len(rest)
        buffer[:filled] = rest


class WordFilter:
    """Which lines can hold one of some words: never wrong about one that does, seldom about one that does not."""

    def __init__(self, words: Collection[bytes]) -> None:
        lengths = np.fromiter((len(word) for word in words), np.int64, len(words))
        text = np.frombuffer(b" ".join(words) + b" " * (_WINDOW + 1), np.uint8)
        keys, _ = _first_words(text, np.cumsum(lengths + 1) - lengths - 1)
        bits = min(24, max(16, (len(words) * 64).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._known = np.zeros(1 << bits, bool)
        self._known[keys >> self._shift] = True

    def __call__(self, lines: Lines) -> np.ndarray:
        """Whether each line can, bool `(lines,)`."""
        return self._known[lines.keys >> self._shift]


class _Ranks:
    """How many bits are set between two places, in constant time: counts of whole 64-bit words, then the parts."""

    def __init__(self, mask: np.ndarray) -> None:
        packed = np.packbits(mask, bitorder="little")
        self._bits = np.concatenate([packed, np.zeros(8 + -len(packed) % 8, np.uint8)]).view("<u8")
        self._before = np.concatenate([[0], np.cumsum(_bit_count(self._bits), dtype=np.int64)])

    def between(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Bits in `[starts, ends)`."""
        return self._upto(ends) - self._upto(starts)

    def _upto(self, places: np.ndarray) -> np.ndarray:
        below = (np.uint64(1) << (places & 63).astype(np.uint64)) - np.uint64(1)
        return self._before[places >> 6] + _bit_count(self._bits[places >> 6] & below).astype(np.int64)


def _popcount(x: np.ndarray) -> np.ndarray:
    """Bits set in each uint64."""
    u = np.uint64
    x = x - ((x >> u(1)) & u(0x5555555555555555))
    x = (x & u(0x3333333333333333)) + ((x >> u(2)) & u(0x3333333333333333))
    return (((x + (x >> u(4))) & u(0x0F0F0F0F0F0F0F0F)) * _EACH) >> u(56)


_bit_count = getattr(np, "bitwise_count", _popcount)  # numpy has it from 2.0 on


def _first_words(padded: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first words of lines, by their first `_WINDOW` bytes: a hash, and whether all of the word is ASCII."""
    halves = np.ascontiguousarray(sliding_window_view(padded, _WINDOW)[starts]).view("<u8").reshape(-1, 2)
    differs = halves ^ _SPACES
    spaces = (differs - _EACH) & ~differs & _HIGH  # the lowest bit set marks the first space
    ends = (spaces & -spaces) >> np.uint64(7)
    letters = halves & (ends - np.uint64(1))
    letters[:, 1] *= ends[:, 0] == 0
    keys = (letters[:, 0] * np.uint64(0x9E3779B97F4A7C15)) ^ (
        (letters[:, 1] + np.uint64(1)) * np.uint64(0xC2B2AE3D27D4EB4F)
    )
    complete = (ends[:, 0] | ends[:, 1]) > 0
    return keys * np.uint64(0xFF51AFD7ED558CCD), complete & (((letters[:, 0] | letters[:, 1]) & _HIGH) == 0)
