"""Writing and reading of self-contained checkpoints."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from typing_extensions import Self

from lit_transfer.checkpoints.files import arguments_as_data, read_checkpoint
from lit_transfer.checkpoints.record import Record, load_weights, read_record, write_record
from lit_transfer.checkpoints.table_reference import leave_out, put_back
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import CheckpointError
from lit_transfer.layers.embedding import WordEmbedding
from lit_transfer.training.arguments import argument_names
from lit_transfer.training.resume import find_differences, settings_in, settle
from lit_transfer.vectors.lookup import VectorSource


class StandsAlone(LightningModule):
    """The part of `TextClassifier` that writes and reads checkpoints, which need no data and no code except the class.

    Attributes:
        preprocessing: Conversion of texts to ids, and the class names; None before training.
        trained_on: Description of the training data in the checkpoint.
    """

    preprocessing: Preprocessing | None
    embedding: WordEmbedding
    architecture: dict[str, Any]
    calibration: dict[str, Any]
    trained_on: Any
    checkpoint_embedding: str
    class_weight: Any
    class_weights: Tensor | None
    settings: Any
    _found: Tensor | None
    _reading: dict[str, Any]
    _vectors: VectorSource | None
    _data: Any
    _known: Any
    _build_layers: Any

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights into existing layers.

        Raises:
            CheckpointError: The layers do not exist yet; a state dict has no vocabulary and no labels to create them.
        """
        if self.preprocessing is None:
            raise CheckpointError(
                "The model has no layers yet, and a state dict has no vocabulary and no labels to create them. Load the "
                "checkpoint with TextClassifier.load_from_checkpoint(path)."
            )
        return super().load_state_dict(state_dict, strict=strict, assign=assign)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the record that prediction needs to a checkpoint."""
        table = None
        if self.checkpoint_embedding == "reference" and self._found is not None:
            table = leave_out(checkpoint, self._found)
        record = Record(
            self._known(),
            self.embedding.embedding_dim,
            self.architecture,
            table,
            self._reading,
            self.calibration,
            training=self.trained_on,
        )
        write_record(checkpoint, record, written_by=type(self))

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Create the layers from a checkpoint, or check that it matches the existing layers.

        Raises:
            CheckpointError: The checkpoint is of another class, or has another vocabulary, labels or tokenizer.
        """
        record = read_record(checkpoint, written_by=type(self))
        self._reading = record.reading
        self.trained_on = record.training
        self.calibration = dict(record.calibration)
        preprocessing = self._with_vectors_of_now(record.preprocessing)
        if record.table is not None:
            put_back(checkpoint, record.table, preprocessing)
            self._found = record.table["found"]
        if self.preprocessing is None:
            self._build_layers(preprocessing, record.embedding_dim, weight=None)
            if self.class_weight is not None:
                self.class_weights = torch.ones(len(preprocessing.labels))
        elif differences := preprocessing.differences(self.preprocessing):
            raise CheckpointError(
                "The checkpoint does not match the data of this run (checkpoint vs. run): "
                + "; ".join(differences)
                + ". "
                "Use the data and the settings of its training."
            )
        if self._data is not None:
            self._data.check(preprocessing)
        if self._trainer is not None and self.trainer.training:
            settle(find_differences(settings_in(checkpoint), self.settings), show=self.trainer.is_global_zero)

    def _with_vectors_of_now(self, preprocessing: Preprocessing) -> Preprocessing:
        """Return the preprocessing with the vectors given in this run, which must equal those of the checkpoint."""
        given = self._vectors or getattr(self._data, "vectors", None)
        if given is None or preprocessing.vectors is None:
            return preprocessing
        return preprocessing.with_vectors_at(given)

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls,
        checkpoint_path: str | os.PathLike[str],
        map_location: Any = "cpu",
        hparams_file: None = None,
        strict: bool = True,
        weights_only: bool | None = None,
        *,
        vectors: str | None = None,
        **arguments: Any,
    ) -> Self:
        """Load a trained model in evaluation mode. The file is read as data, and nothing that it names is imported.

        Args:
            checkpoint_path: A checkpoint file, or a folder written by `save_pretrained`.
            map_location: Device of the model.
            hparams_file: Unused; part of Lightning's signature.
            strict: Whether the names of the weights must match those of the class.
            weights_only: Unused; the file is always read as weights only.
            vectors: Path of the vectors, if they were moved after training.
            arguments: Arguments that override those of the checkpoint, such as `optimizer`, which is never stored.

        Returns:
            The model.

        Raises:
            CheckpointError: The file is missing, damaged, or of another class.
        """
        checkpoint = read_checkpoint(checkpoint_path)
        known = argument_names(cls, base=StandsAlone)
        model = cls(**{**arguments_as_data(checkpoint, known), **arguments})
        model._vectors = None if vectors is None else VectorSource(vectors)
        model.on_load_checkpoint(checkpoint)
        load_weights(model, checkpoint, str(checkpoint_path), strict)
        device = map_location if isinstance(map_location, (str, torch.device)) else "cpu"
        return model.to(device).eval()
