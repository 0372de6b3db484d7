"""Streams of texts: lines of bytes in, predictions out in the same order, in bounded memory."""

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
from lit_transfer.inference.predictor import Prediction, Predictor

# Bytes that are read at once at most, and so what a chunk's texts take.
BLOCK = 1 << 20
# Longer lines are cut, in bytes; what one line can cost is bounded by it.
LONGEST_LINE = 1 << 20
# Texts of a chunk of a file.
CHUNK = 4096


@dataclass(frozen=True)
class Chunk:
    """Texts that are classified together.

    Attributes:
        texts: The texts.
        problems: What was wrong with which line, a sentence each.
    """

    texts: list[str]
    problems: list[str] = field(default_factory=list)


def chunks_of(texts: Iterable[str], size: int = CHUNK) -> Iterator[Chunk]:
    """Cut texts into chunks."""
    rest = iter(texts)
    while some := list(islice(rest, size)):
        yield Chunk(some)


def read_lines(file: int) -> Iterator[Chunk]:
    """Read the lines of an open file, each as a text; a chunk holds what has arrived, so that no line waits for others.

    A line may hold anything: bytes that are not UTF-8 become U+FFFD, and what is beyond `LONGEST_LINE` is left out; both
    are among the chunk's problems. White space and NUL stay; a carriage return at the end and a byte order mark do not.

    Args:
        file: File descriptor, of a file, a pipe or a terminal.
    """
    number, unfinished = 0, b""
    for block in _blocks(file):
        first, *others = block.split(b"\n")
        *lines, unfinished = [unfinished + first, *others]
        unfinished = unfinished[: LONGEST_LINE + 1]  # the one more tells that it was longer
        if lines:
            yield _decode(lines, number)
            number += len(lines)
    if unfinished:
        yield _decode([unfinished], number)


def _blocks(file: int) -> Iterator[bytes]:
    """Bytes as they arrive: waits for the first one, then takes what is there."""
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
            chunk.problems.append(f"line {number} is longer than {LONGEST_LINE:,} bytes; the rest of it was not read.")
        try:
            text, _ = codecs.utf_8_decode(line, "strict", whole)
        except UnicodeDecodeError as error:
            text, _ = codecs.utf_8_decode(line, "replace", whole)
            chunk.problems.append(
                f"line {number} is not UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x}); "
                "such bytes were read as U+FFFD."
            )
        chunk.texts.append((text.removeprefix("\ufeff") if number == 1 else text).removesuffix("\r"))
    return chunk


def classify(predictor: Predictor, chunks: Iterable[Chunk], jobs: int = 1) -> Iterator[tuple[Chunk, list[Prediction]]]:
    """Classify chunks of texts, in their order; a text that a chunk has twice is computed once.

    Args:
        predictor: The model.
        chunks: The chunks; at most a few are held in memory at once.
        jobs: Processes that compute. With one, this process does.

    Raises:
        ConfigError: `jobs` is below 1, or above it where the system cannot fork.
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


def predict_unique(predictor: Predictor, texts: list[str]) -> list[Prediction]:
    """Classify texts, each different one once."""
    number = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    found = predictor.predictions(list(number))
    return [found[number[text]] for text in texts]


def _in_processes(predictor: Predictor, chunks: Iterable[Chunk], jobs: int) -> Iterator[tuple[Chunk, list[Prediction]]]:
    """Let forked processes compute; a thread reads on meanwhile, so that an answer never waits for the next line."""
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


# What a process works with: inherited by the fork, so that weights and vocabulary are in memory once.
_predictor: Predictor


def _start_process(predictor: Predictor, threads: int) -> None:
    global _predictor
    _predictor = predictor
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C reaches all processes; the first one ends the others
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the first one has ended, however it did: it would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _predict(texts: list[str]) -> list[Prediction]:
    return predict_unique(_predictor, texts)
