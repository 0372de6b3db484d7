"""Training of word vectors with gensim, on tokens of this package's tokenizers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from lit_transfer.arguments import check_range
from lit_transfer.compat import import_gensim
from lit_transfer.errors import ConfigError, DataError, VectorsError
from lit_transfer.files import atomic_path
from lit_transfer.vectors.record import write_record
from lit_transfer.vectors.source import brief

Algorithm = Literal["word2vec", "fasttext"]
MAX_BUCKETS = 2_000_000
"""Number of rows for n-grams in the fastText program, independent of the size of the text."""


def train_vectors(
    sentences: Sequence[Sequence[str]],
    out: Path,
    *,
    algorithm: Algorithm = "word2vec",
    dim: int = 100,
    epochs: int = 5,
    window: int = 5,
    min_count: int = 5,
    skip_gram: bool = True,
    negative: int = 5,
    min_n: int = 3,
    max_n: int = 6,
    seed: int = 1,
    settings: dict[str, Any] | None = None,
    on_epoch: Callable[[int, int], None] | None = None,
) -> int:
    """Train vectors, write them, with their settings in `OUT.json`, and return the number of words.

    word2vec (Mikolov et al. 2013) is written in the word2vec text format, or in the binary one if `out` ends in .bin;
    fastText (Bojanowski et al. 2017) as fastText .bin, which keeps the n-grams for `oov: subword`. For n-grams of Korean
    letters instead of syllables (Park et al. 2018), use a tokenizer with the option `jamo`, such as `hangul:jamo`.
    Training uses one thread, so that runs with the same seed are equal.

    Args:
        sentences: The tokens of each text.
        out: The file to write.
        algorithm: `word2vec` or `fasttext`.
        dim: Number of values per word.
        epochs: Number of passes over the text.
        window: Number of context words on each side.
        min_count: Minimum number of occurrences; rarer words get no vector.
        skip_gram: Whether to train skip-gram rather than continuous bag of words.
        negative: Number of negative samples per word.
        min_n: Minimum length of an n-gram in letters; for fasttext.
        max_n: Maximum length of an n-gram in letters; for fasttext.
        seed: Seed of the training.
        settings: Further values for the JSON, such as the source of the text.
        on_epoch: Called after each epoch with its number and the total.

    Raises:
        ConfigError: An argument is out of range.
        DataError: No word occurs `min_count` times.
        VectorsError: The file cannot be written.
    """
    check_range(1, dim=dim, epochs=epochs, window=window, min_count=min_count, min_n=min_n)
    if max_n < min_n:
        raise ConfigError(f"max_n is {max_n}, but min_n is {min_n}; expected n-grams of min_n to max_n letters.")
    if algorithm == "fasttext" and out.suffix != ".bin":
        raise ConfigError(
            f"fastText vectors are written in the binary format of fastText: expected --out to end in .bin, got {out}."
        )
    models = import_gensim("models")
    arguments: dict[str, Any] = {
        "vector_size": dim,
        "epochs": epochs,
        "window": window,
        "min_count": min_count,
        "sg": int(skip_gram),
        "negative": negative,
        "seed": seed,
        "workers": 1,  # with more, the order of the updates varies, and runs are not reproducible
    }
    if algorithm == "fasttext":
        arguments |= {"min_n": min_n, "max_n": max_n, "bucket": count_buckets(sentences, min_count, min_n, max_n)}
    model = {"word2vec": models.Word2Vec, "fasttext": models.FastText}[algorithm](**arguments)
    model.build_vocab(sentences)
    if not len(model.wv):
        raise DataError(f"No word of the text occurs {min_count} times. Lower --min_count, or use more text.")
    model.train(sentences, total_examples=model.corpus_count, epochs=epochs, callbacks=[progress(on_epoch, epochs)])
    record = {"algorithm": algorithm, **arguments, "words": len(model.wv), **(settings or {})}
    if algorithm == "fasttext":
        save_atomically(lambda path: models.fasttext.save_facebook_model(model, path), out)
    else:
        save_atomically(lambda path: model.wv.save_word2vec_format(path, binary=out.suffix == ".bin"), out)
    write_record(out, record)
    return len(model.wv)


def count_buckets(sentences: Sequence[Sequence[str]], min_count: int, min_n: int, max_n: int) -> int:
    """Return the number of rows for the n-grams of a text: two per distinct n-gram, at most `MAX_BUCKETS`.

    N-grams are hashed to rows; with half of the rows free, few n-grams share one.
    """
    counts = Counter(chain.from_iterable(sentences))
    ngrams: set[str] = set()
    for word in (f"<{word}>" for word, count in counts.items() if count >= min_count):
        ngrams.update(word[i : i + n] for n in range(min_n, max_n + 1) for i in range(len(word) - n + 1))
        if 2 * len(ngrams) >= MAX_BUCKETS:
            return MAX_BUCKETS
    return max(2 * len(ngrams), 1)


def progress(on_epoch: Callable[[int, int], None] | None, epochs: int) -> Any:
    """Return a gensim callback that calls `on_epoch` after each epoch with its number and the total."""

    class Progress(import_gensim("models.callbacks").CallbackAny2Vec):  # type: ignore[misc]
        done = 0

        def on_epoch_end(self, model: Any) -> None:
            self.done += 1
            if on_epoch is not None:
                on_epoch(self.done, epochs)

    return Progress()


def save_atomically(save: Callable[[str], None], out: Path) -> None:
    """Write a file atomically with a function of gensim.

    Raises:
        VectorsError: The file cannot be written.
    """
    try:
        with atomic_path(out) as unfinished:
            save(str(unfinished))
    except OSError as error:
        raise VectorsError(f"{out} cannot be written: {brief(error)}.") from error
