"""Baseline on the vectors of a pretrained sentence encoder (model2vec, sentence-transformers)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import Self

from lit_transfer.baselines.baseline import Inputs, Settings
from lit_transfer.baselines.regression import RegressionBaseline
from lit_transfer.baselines.saved_parts import read_parts, write_parts
from lit_transfer.encoders.sentence_encoder import Encoder, load_encoder
from lit_transfer.tasks import Task

# Folder of the encoder in that of a saved baseline.
ENCODER = "encoder"


class EncodedRegression(RegressionBaseline):
    """Logistic regression on the vectors of texts.

    Args:
        name: `static:PATH` or `sentence:PATH`; see `lit_transfer.encoders.sentence_encoder.load_encoder`.
        settings: See `Baseline`.
        encoder: The encoder, or vectors of all texts that will be read; None to load it by its name when it is needed.
    """

    reads_words = False

    def __init__(self, name: str, settings: Settings | None = None, encoder: Encoder | None = None) -> None:
        super().__init__(name, settings)
        self._encoder = encoder

    @property
    def encoder(self) -> Encoder:
        """The encoder.

        Raises:
            LitTransferError: The encoder cannot be loaded.
        """
        if self._encoder is None:
            self._encoder = load_encoder(self.name)
        return self._encoder

    def features(self, inputs: Inputs) -> np.ndarray:
        """Return the vectors of the texts. *Shape:* `(texts, dim)`."""
        return self.encoder.encode(inputs.texts)

    def fitted(self, model: Any, task: Task, settings: Settings | None = None) -> Self:
        """Set the regression."""
        super().fitted(model, task, settings)
        self.size += self.encoder.size
        self.seconds_per_text = self.encoder.seconds_per_text
        return self

    def save(self, folder: Path) -> None:
        """Write the encoder in the format of its library, and the regression."""
        (folder / ENCODER).mkdir()
        self.encoder.save(folder / ENCODER)
        write_parts(folder, model=self.model, settings=self.settings)

    def load(self, folder: Path, task: Task) -> Self:
        """Read the encoder and the regression."""
        self._encoder = load_encoder(str(folder / ENCODER), self.name)
        parts = read_parts(folder)
        return self.fitted(parts["model"], task, parts["settings"])
