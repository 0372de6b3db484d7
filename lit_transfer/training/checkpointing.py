"""What a classifier writes into its checkpoints, so that they stand alone, and how it comes back from them."""

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
    """The part of `TextClassifier` that writes and reads checkpoints, which need no data and no code but the class.

    Attributes:
        preprocessing: What turns texts into ids; None before training.
        trained_on: What the checkpoint tells of its training.
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
        """Load weights into layers that exist.

        Raises:
            CheckpointError: There are none yet: a state dict has no vocabulary and no labels.
        """
        if self.preprocessing is None:
            raise CheckpointError(
                "The model has no layers yet, and a state dict has no vocabulary and no labels to make them. Load the "
                "checkpoint by TextClassifier.load_from_checkpoint(path)."
            )
        return super().load_state_dict(state_dict, strict=strict, assign=assign)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what prediction needs beside the weights, as plain values."""
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
        """Create the layers that a checkpoint has weights for, or check that it fits those that exist.

        Raises:
            CheckpointError: It is not a checkpoint of this class, or belongs to other words, labels or tokens.
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
                "The checkpoint does not fit this run's data (checkpoint against run): " + "; ".join(differences) + ". "
                "Use the data and the settings it was trained with."
            )
        if self._data is not None:
            self._data.check(preprocessing)
        if self._trainer is not None and self.trainer.training:
            settle(find_differences(settings_in(checkpoint), self.settings), show=self.trainer.is_global_zero)

    def _with_vectors_of_now(self, preprocessing: Preprocessing) -> Preprocessing:
        """Use the vectors given in this program before the path in the checkpoint; they must be the same vectors."""
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
        """Load a trained model, in evaluation mode; the file is read as data, nothing that it names is imported.

        Args:
            checkpoint_path: The file, or a folder that `save_pretrained` wrote.
            map_location: The device of the model, `cpu` unless set.
            hparams_file: Not used; here for Lightning's signature.
            strict: Whether the names of the weights must be those of this class.
            weights_only: Not used: the file is always read as weights only.
            vectors: Where the vectors are now, if not where they were at the training.
            arguments: Arguments that replace the checkpoint's, such as an `optimizer`, which it never has.

        Raises:
            CheckpointError: The file is missing or damaged, or of a model of another class.
        """
        checkpoint = read_checkpoint(checkpoint_path)
        known = argument_names(cls, base=StandsAlone)
        model = cls(**{**arguments_as_data(checkpoint, known), **arguments})
        model._vectors = None if vectors is None else VectorSource(vectors)
        model.on_load_checkpoint(checkpoint)
        load_weights(model, checkpoint, str(checkpoint_path), strict)
        device = map_location if isinstance(map_location, (str, torch.device)) else "cpu"
        return model.to(device).eval()
