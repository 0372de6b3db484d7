"""Vectors of one's own, trained with gensim on the tokens that this project's tokenizers give."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from lit_transfer.errors import ConfigError, DataError, VectorsError
from lit_transfer.files import written_whole

Algorithm = Literal["word2vec", "fasttext"]


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
    seed: int = 1,
    settings: dict[str, Any] | None = None,
    on_epoch: Callable[[int, int], None] | None = None,
) -> int:
    """Trains vectors and writes them, with the settings beside them in `OUT.json`.

    word2vec (Mikolov et al. 2013) is written in the word2vec text format, or the binary one where `out` ends in .bin;
    fastText (Bojanowski et al. 2017) as fastText's .bin, which keeps the n-grams for `oov: subword`. One thread and the
    seed make two runs equal.

    Args:
        sentences: the tokens of each text.
        out: the file to write.
        algorithm: `word2vec` or `fasttext`.
        dim: values per word.
        epochs: passes over the text.
        window: words on each side that count as context.
        min_count: words that occur less often get no vector.
        skip_gram: skip-gram, else continuous bag of words.
        negative: words drawn as counter-examples for each word.
        seed: of the training.
        settings: more to keep in the JSON, such as where the text came from.
        on_epoch: called after each epoch with its number and the number of all.

    Returns:
        The number of words that got a vector.

    Raises:
        ConfigError: a value that cannot be used.
        DataError: no word occurs `min_count` times.
        VectorsError: the file cannot be written.
    """
    for name, value in {"dim": dim, "epochs": epochs, "window": window, "min_count": min_count}.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}, but it must be at least 1.")
    if algorithm == "fasttext" and out.suffix != ".bin":
        raise ConfigError(f"fasttext vectors are written in fastText's binary format: {out} must end in .bin.")
    from gensim.models import FastText, Word2Vec
    from gensim.models.callbacks import CallbackAny2Vec
    from gensim.models.fasttext import save_facebook_model

    class Progress(CallbackAny2Vec):
        done = 0

        def on_epoch_end(self, model: Any) -> None:
            self.done += 1
            if on_epoch is not None:
                on_epoch(self.done, epochs)

    arguments = {
        "vector_size": dim,
        "epochs": epochs,
        "window": window,
        "min_count": min_count,
        "sg": int(skip_gram),
        "negative": negative,
        "seed": seed,
        "workers": 1,  # more make the order of the updates, and so the vectors, differ from run to run
    }
    model = {"word2vec": Word2Vec, "fasttext": FastText}[algorithm](**arguments)
    model.build_vocab(sentences)
    if not len(model.wv):
        raise DataError(f"No word of the text occurs {min_count} times. Set --min_count lower, or give more text.")
    model.train(sentences, total_examples=model.corpus_count, epochs=epochs, callbacks=[Progress()])
    record = {"algorithm": algorithm, **arguments, "words": len(model.wv), **(settings or {})}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            part = Path(folder) / out.name
            if algorithm == "fasttext":
                save_facebook_model(model, str(part))
            else:
                model.wv.save_word2vec_format(str(part), binary=out.suffix == ".bin")
            os.replace(part, out)
        with written_whole(out.with_name(out.name + ".json")) as file:
            json.dump(record, file, indent=2)
    except OSError as error:
        raise VectorsError(f"{out} cannot be written: {error.strerror or error}.") from error
    return len(model.wv)
