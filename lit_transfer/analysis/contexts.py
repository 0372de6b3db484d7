"""LSTM states of a word in different sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
import torch

from lit_transfer.data.batching import LengthBucketSampler
from lit_transfer.data.tokenized import tokenize
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.fonts import fonts_for
from lit_transfer.html import fragment
from lit_transfer.prediction.predictor import Predictor


@dataclass(frozen=True)
class Contexts:
    """The LSTM states of a word in sentences.

    Attributes:
        word: The word, as returned by the tokenizer.
        sentences: Sentences that contain the word.
        states: State at the first occurrence in each sentence. *Shape:* `(len(sentences), state_size)`.
    """

    word: str
    sentences: list[str]
    states: np.ndarray

    def similarities(self) -> np.ndarray:
        """Return the cosine similarities of the states. *Shape:* `(len(sentences), len(sentences))`."""
        unit = self.states / np.linalg.norm(self.states, axis=1, keepdims=True).clip(min=1e-12)
        return unit @ unit.T

    def _repr_html_(self) -> str:
        rows = list(zip(self.sentences, self.similarities().tolist(), strict=True))
        return fragment("analysis/contexts.html.j2", word=self.word, rows=rows)


def read_contexts(predictor: Predictor, word: str, sentences: Sequence[str], most: int | None = None) -> Contexts:
    """Compute the states of a word in the sentences that contain it.

    At most `most` sentences with the word are taken, sampled evenly from all of them; None for no limit.

    Raises:
        ConfigError: The tokenizer does not return a single word for the word.
        DataError: Fewer than two of the sentences contain the word.
    """
    split = predictor.tokenizer(word)
    if len(split) != 1:
        raise ConfigError(f"Expected one word, got {word!r}, which the tokenizer splits into {len(split)}: {split}.")
    [token] = split
    tokens = tokenize(sentences, predictor.tokenizer, predictor.preprocessing.max_length)
    wanted = tokens.words.index(token) if token in tokens.words else -1
    where = np.flatnonzero(tokens.numbers == wanted)
    rows, first = np.unique(np.searchsorted(tokens.offsets, where, side="right") - 1, return_index=True)
    if len(rows) < 2:
        raise DataError(
            f"{len(rows)} of the {len(sentences):,} sentences {'contain' if len(rows) != 1 else 'contains'} the word "
            f"{token!r}; expected at least two. Give other sentences, or another file (--data.train_file)."
        )
    if most is not None and len(rows) > most:
        kept = np.linspace(0, len(rows) - 1, most).round().astype(int)
        rows, first = rows[kept], first[kept]
    positions = where[first] - tokens.offsets[rows]
    encoded = predictor.encode_tokens(tokens.take(rows))
    network = predictor.network
    states = np.zeros((len(rows), network.state_size), dtype=np.float32)
    with torch.inference_mode():
        for batch_rows in LengthBucketSampler(encoded.lengths, 64, shuffle=False).batches():
            token_ids, lengths, *unseen = (value.to(predictor.device) for value in encoded[batch_rows].inputs)
            found, _ = network.encode(network.embedding(token_ids, *unseen), lengths)
            places = torch.as_tensor(positions[batch_rows])
            states[batch_rows] = found[torch.arange(len(batch_rows)), places].float().cpu().numpy()
    return Contexts(token, [sentences[row] for row in rows.tolist()], states)


def plot_similarities(contexts: Contexts, file: IO[bytes]) -> None:
    """Draw the similarities as a heat map (PNG), with the sentences numbered in order."""
    from matplotlib.figure import Figure  # slow to import, and needed here only

    cosines = contexts.similarities()
    count = len(cosines)
    with fonts_for([contexts.word]):
        figure = Figure(figsize=(3 + 0.4 * count, 2.6 + 0.4 * count), layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(cosines, cmap="viridis", vmin=min(0.0, float(cosines.min())), vmax=1)
        numbers = [str(i + 1) for i in range(count)]
        axes.set_xticks(range(count), numbers)
        axes.set_yticks(range(count), numbers)
        axes.set_title(
            f"States of {contexts.word!r} (its static vector: 1 everywhere)", fontsize="small", parse_math=False
        )
        for row in range(count) if count <= 20 else ():
            for column in range(count):
                shade = "black" if cosines[row, column] > 0.6 else "white"
                axes.text(column, row, f"{cosines[row, column]:.2f}", ha="center", va="center", color=shade, fontsize=7)
        figure.colorbar(image, label="cosine", shrink=0.8)
        figure.savefig(file, format="png", dpi=120)
