"""Classification of streams: from lines of bytes to predictions in the same order, in bounded memory."""

from __future__ import annotations

import codecs
import multiprocessing
import os
import queue
import select
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch

from lit_transfer.errors import ConfigError
from lit_transfer.files import without_marks
from lit_transfer.runtime.base_predictor import BasePredictor, Prediction
from lit_transfer.runtime.parent import end_with_parent

# Maximum number of bytes per read, which bounds the size of a chunk.
BLOCK = 1 << 20
# Maximum number of bytes per line, which bounds the cost of a line; longer lines are truncated.
LONGEST_LINE = 1 << 20
# Number of texts per chunk of a file.
CHUNK = 4096


@dataclass(frozen=True)
class Chunk:
    """Texts that are classified together.

    Attributes:
        texts: The texts.
        problems: Descriptions of problems with lines.
    """

    texts: list[str]
    problems: list[str] = field(default_factory=list)


def chunks_of(texts: Iterable[str], size: int = CHUNK) -> Iterator[Chunk]:
    """Split texts into chunks."""
    rest = iter(texts)
    while some := list(islice(rest, size)):
        yield Chunk(some)


def read_lines(file: int) -> Iterator[Chunk]:
    """Read the lines of a file descriptor as texts; a chunk has the available lines, without waiting for more.

    Lines may contain any bytes: invalid UTF-8 becomes U+FFFD, and lines are truncated to `LONGEST_LINE`; both are reported
    in the problems of the chunk. White space and NUL are kept; a final carriage return and a byte order mark are removed.
    """
    number, unfinished = 0, b""
    for block in _blocks(file):
        first, *others = block.split(b"\n")
        *lines, unfinished = [unfinished + first, *others]
        unfinished = unfinished[: LONGEST_LINE + 1]  # one more byte marks a longer line
        if lines:
            yield _decode(lines, number)
            number += len(lines)
    if unfinished:
        yield _decode([unfinished], number)


def _blocks(file: int) -> Iterator[bytes]:
    """Yield bytes as they arrive; each read blocks until at least one byte is available."""
    more = True
    while more:
        block = b""
        while more and len(block) < BLOCK and (not block or select.select([file], [], [], 0)[0]):
            new = os.read(file, BLOCK - len(block))
            block, more = block + new, bool(new)
        if block:
            yield block


def _decode(lines: list[bytes], before: int) -> Chunk:
    chunk = Chunk([])
    for number, line in enumerate(lines, start=before + 1):
        whole = len(line) <= LONGEST_LINE
        if not whole:
            line = line[:LONGEST_LINE]
            chunk.problems.append(f"line {number} is longer than {LONGEST_LINE:,} bytes and was truncated.")
        try:
            text, _ = codecs.utf_8_decode(line, "strict", whole)
        except UnicodeDecodeError as error:
            text, _ = codecs.utf_8_decode(line, "replace", whole)
            chunk.problems.append(
                f"line {number} is not UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x}); "
                "invalid bytes were replaced by U+FFFD."
            )
        chunk.texts.append((without_marks(text) if number == 1 else text).removesuffix("\r"))
    return chunk


def classify(
    predictor: BasePredictor, chunks: Iterable[Chunk], jobs: int = 1
) -> Iterator[tuple[Chunk, list[Prediction]]]:
    """Yield chunks of texts with their predictions, in order; repeated texts of a chunk are computed once.

    At most a few chunks are in memory at a time. With one job, the current process computes.

    Raises:
        ConfigError: `jobs` is below 1, or above 1 on a system that cannot fork.
    """
    if jobs < 1:
        raise ConfigError(f"Expected jobs of at least 1, got {jobs}.")
    if jobs == 1:
        for chunk in chunks:
            yield chunk, predict_unique(predictor, chunk.texts)
        return
    if "fork" not in multiprocessing.get_all_start_methods():
        raise ConfigError(f"Expected jobs of 1 on this system, which cannot fork processes, got {jobs}.")
    yield from _in_processes(predictor, chunks, jobs)


def predict_unique(predictor: BasePredictor, texts: list[str]) -> list[Prediction]:
    """Classify texts; repeated texts are computed once."""
    number = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    found = predictor.predictions(list(number))
    return [found[number[text]] for text in texts]


def _in_processes(
    predictor: BasePredictor, chunks: Iterable[Chunk], jobs: int
) -> Iterator[tuple[Chunk, list[Prediction]]]:
    """Classify in forked processes; a thread reads the input, so that answers do not wait for the next line."""
    waiting: queue.Queue[Any] = queue.Queue(2 * jobs)
    threads = max(1, torch.get_num_threads() // jobs)
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(jobs, context, _start_process, (predictor, threads))
    try:
        pool.submit(int).result()  # forks before there are threads
        threading.Thread(target=_hand_out, args=(chunks, pool.submit, waiting), daemon=True).start()
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            chunk, future = item
            yield chunk, future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _hand_out(chunks: Iterable[Chunk], submit: Callable[..., Future[Any]], waiting: queue.Queue[Any]) -> None:
    try:
        for chunk in chunks:
            waiting.put((chunk, submit(_predict, chunk.texts)))
        waiting.put(None)
    except BaseException as error:  # the main thread raises it
        waiting.put(error)


# The predictor of a process, inherited by fork, so that weights and vocabulary are in memory only once.
_predictor: BasePredictor


def _start_process(predictor: BasePredictor, threads: int) -> None:
    global _predictor
    _predictor = predictor
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C reaches all processes; the first one ends the others
    torch.set_num_threads(threads)
    end_with_parent()


def _predict(texts: list[str]) -> list[Prediction]:
    return predict_unique(_predictor, texts)
