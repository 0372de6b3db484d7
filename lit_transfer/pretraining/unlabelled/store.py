"""Tokenized sentences on disk, written as a stream and memory-mapped for reading."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import uuid
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lit_transfer.cache import code, default_folder, identity, remove_unused, scratch_folder
from lit_transfer.data.tokenized import NO_WORD
from lit_transfer.errors import DataError, warn
from lit_transfer.pretraining.unlabelled.documents import Documents
from lit_transfer.pretraining.unlabelled.leakage import HeldOutTexts, without_duplicates
from lit_transfer.pretraining.unlabelled.sentences import split_sentences
from lit_transfer.tokenizers.external import Tokenizer
from lit_transfer.tokenizers.normalization import normalize
from lit_transfer.tokenizers.registry import cache_key

MAX_WORDS = 5_000_000
"""Maximum number of distinct words, which bounds memory; words that first occur later are unknown words."""

_FLUSH = 1 << 20
# gensim truncates longer texts.
_GENSIM_MOST = 10_000
_ARRAYS = {"numbers": "<i4", "sentences": "<i8", "documents": "<i8"}


@dataclass(frozen=True)
class SentenceStore:
    """Sentences of documents as word numbers, memory-mapped from files.

    Attributes:
        words: Distinct words; the first is `NO_WORD`.
        counts: Frequency of each word. *Shape:* `(words,)`, int64.
        numbers: Index into `words` of each token. *Shape:* `(tokens,)`, int32.
        sentences: Start of each sentence in `numbers`, and the end. *Shape:* `(num_sentences + 1,)`, int64.
        documents: Start of each document in `sentences`, and the end. *Shape:* `(num_documents + 1,)`, int64.
        totals: Number of documents read, and of dropped sentences: `exact` and `near` duplicates of held-out texts, and
            `short` sentences.
    """

    words: list[str]
    counts: np.ndarray
    numbers: np.ndarray
    sentences: np.ndarray
    documents: np.ndarray
    totals: dict[str, int]

    @property
    def num_sentences(self) -> int:
        """Number of sentences."""
        return len(self.sentences) - 1

    @property
    def num_documents(self) -> int:
        """Number of documents."""
        return len(self.documents) - 1

    @cached_property
    def digest(self) -> str:
        """Hash of the sentences in their order."""
        key = hashlib.sha256("\0".join(self.words).encode("utf-8", "surrogatepass"))
        for values in (self.numbers, self.sentences):
            key.update(np.ascontiguousarray(values).data)
        return key.hexdigest()

    def texts(self) -> Iterator[str]:
        """Yield the sentences in order, as words joined by spaces."""
        words = np.array(self.words, dtype=object)
        for begin, end in pairwise(self.sentences.tolist()):
            yield " ".join(words[self.numbers[begin:end]])

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the words of each document, with long documents split for gensim; may be iterated repeatedly."""
        words = np.array(self.words, dtype=object)
        for begin, end in pairwise(self.sentences[self.documents].tolist()):
            for at in range(begin, end, _GENSIM_MOST):
                yield words[self.numbers[at : min(end, at + _GENSIM_MOST)]].tolist()


def open_store(
    documents: Documents,
    tokenizer: Tokenizer,
    *,
    max_length: int = 64,
    min_length: int = 3,
    held_out: HeldOutTexts | None = None,
    held_out_key: str = "",
    folder: Path | None = None,
) -> SentenceStore:
    """Tokenize the sentences of the documents, or open the store of an earlier run in the cache folder.

    The lengths are in words: longer sentences are split, and shorter ones dropped, as are duplicates of held-out texts, which
    `held_out_key` identifies.

    Raises:
        DataError: The text cannot be read, or no sentence remains.
    """
    own = cache_key(tokenizer)
    key = {
        "files": identity(documents.paths, [str(path.absolute()) for path in documents.paths]),
        "reading": [documents.layout, documents.reading],
        # Changes of a tokenizer without a key cannot be detected, so its store is used for this run only.
        "tokenizer": own or uuid.uuid4().hex,
        "lengths": [min_length, max_length],
        "held_out": held_out_key,
        "code": code("pretraining/unlabelled", "tokenizers"),
    }
    name = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()[:32]
    path = _writable(default_folder() if folder is None else folder) / "pretraining" / name
    if own is None:
        atexit.register(shutil.rmtree, path, ignore_errors=True)

    def write(path: Path) -> None:
        _write(path, documents, tokenizer, max_length, min_length, held_out)

    return _made_once(path, write)


def _writable(folder: Path | None) -> Path:
    """Return the cache folder, or a temporary one if there is none or it cannot be created."""
    if folder is not None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
        except OSError:
            pass
        warn(f"The cache folder {folder} is not writable; sentences are stored for this run only.")
    return scratch_folder()


def _made_once(path: Path, write: Callable[[Path], None]) -> SentenceStore:
    """Open the store at a path; one process writes it if it is missing or damaged."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        try:
            return _load(path)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError) as error:
            warn(f"The cache {path} is damaged ({error}) and is written again.")
        unfinished = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            write(unfinished)
            shutil.rmtree(path, ignore_errors=True)
            unfinished.replace(path)
            remove_unused(path.parent.glob("*/meta.json"), lambda meta: shutil.rmtree(meta.parent))
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return _load(path)


def _load(path: Path) -> SentenceStore:
    meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
    arrays = {}
    for name, dtype in _ARRAYS.items():
        array_ = np.memmap(path / name, dtype, "r")
        if len(array_) != meta["sizes"][name]:
            raise ValueError(f"{name} has {len(array_)} values, expected {meta['sizes'][name]}")
        arrays[name] = np.asarray(array_)
    os.utime(path / "meta.json")
    return SentenceStore(meta["words"], np.array(meta["counts"]), totals=meta["totals"], **arrays)


def _write(
    path: Path,
    documents: Documents,
    tokenizer: Tokenizer,
    max_length: int,
    min_length: int,
    held_out: HeldOutTexts | None,
) -> None:
    number = {NO_WORD: 0}
    counts = np.zeros(1, np.int64)
    totals = dict.fromkeys(("exact", "near", "short", "documents"), 0)
    numbers, sentences, bounds = array("i"), array("q", [0]), array("q", [0])
    tokens = num_sentences = num_documents = ends = 0
    with contextlib.ExitStack() as stack:
        files: dict[str, Any] = {name: stack.enter_context((path / name).open("wb")) for name in _ARRAYS}

        def flush() -> None:
            nonlocal counts
            found = np.bincount(np.frombuffer(numbers, np.intc), minlength=len(number))
            found[: len(counts)] += counts
            counts = found
            for name, values in (("numbers", numbers), ("sentences", sentences), ("documents", bounds)):
                values.tofile(files[name])
                del values[:]

        for document in documents:
            totals["documents"] += 1
            for sentence in without_duplicates(split_sentences(document), held_out, totals):
                words = tokenizer(normalize(sentence))
                for at in range(0, len(words), max_length):
                    part = words[at : at + max_length]
                    if len(part) < min_length:
                        totals["short"] += 1
                        continue
                    if len(number) < MAX_WORDS:
                        numbers.extend([number.setdefault(word, len(number)) for word in part])
                    else:
                        numbers.extend([number.get(word, 0) for word in part])
                    tokens += len(part)
                    num_sentences += 1
                    sentences.append(tokens)
            if num_sentences > ends:
                bounds.append(num_sentences)
                num_documents, ends = num_documents + 1, num_sentences
            if len(numbers) > _FLUSH:
                flush()
        flush()
    if not num_sentences:
        raise DataError(
            f"No sentence of {', '.join(map(str, documents.paths[:5]))} remains: {totals['short']:,} have fewer than "
            f"{min_length} words, and {totals['exact'] + totals['near']:,} occur in the held-out texts. Use other text."
        )
    meta = {
        "words": list(number),
        "counts": counts.tolist(),
        "totals": totals,
        "sizes": {"numbers": tokens, "sentences": num_sentences + 1, "documents": num_documents + 1},
    }
    (path / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
