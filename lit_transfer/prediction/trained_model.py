"""Inference with a trained model: prediction, loading, and saving as a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from lightning.pytorch import LightningModule
from typing_extensions import Self

from lit_transfer.arguments import argument_names
from lit_transfer.checkpoints.files import CheckpointPath, arguments_as_data, name_of, read_checkpoint
from lit_transfer.checkpoints.record import load_weights
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.data.texts import SeenTexts
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.hub import hub
from lit_transfer.layers.network import Network
from lit_transfer.prediction.predictor import Prediction, Predictor, frozen_copy
from lit_transfer.vectors.lookup import VectorSource

_EXPORT = (
    "{name} would write the layers without the tokenizer, the vocabulary and the labels. Save a checkpoint "
    "(trainer.save_checkpoint) and export it with: lightning export model.ckpt FOLDER --format onnx; "
    "lit_transfer.runtime.load(FOLDER) then predicts without torch."
)


class TrainedModel(LightningModule):
    """The part of `TextClassifier` for models that are trained: prediction, loading, and saving as a folder.

    Attributes:
        preprocessing: Conversion of texts to ids, and the task; None before training.
        calibration: The `temperature`, and the `threshold` if there is one.
        seen_texts: Hashes of the training texts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.preprocessing: Preprocessing | None = None
        self.calibration: dict[str, Any] = {}
        self.seen_texts = SeenTexts.of(())
        self._vectors: VectorSource | None = None  # location of the vectors if they were moved after training
        self._predictor: tuple[Any, Predictor] | None = None

    @property
    def labels(self) -> list[str]:
        """Class names by index."""
        return self._known().labels

    @property
    def temperature(self) -> float:
        """Divisor of the logits before the softmax, fitted on the validation split; 1 without one."""
        return self.calibration.get("temperature", 1.0)

    def _known(self) -> Preprocessing:
        """Return the preprocessing.

        Raises:
            CheckpointError: The model was neither trained nor loaded.
        """
        if self.preprocessing is None:
            raise CheckpointError(
                "The model was not trained: it has no vocabulary and no labels. Give --ckpt_path, or load it in Python "
                "with TextClassifier.load_from_checkpoint(path)."
            )
        return self.preprocessing

    def on_validation_start(self) -> None:
        """Check that there is a model to evaluate.

        Raises:
            CheckpointError: The model was neither trained nor loaded.
        """
        self._known()

    on_test_start = on_validation_start
    on_predict_start = on_validation_start

    def predictor(self, *, tokenizer: Callable[[str], list[str]] | None = None, **options: Any) -> Predictor:
        """Return a thread-safe predictor with the weights of this model.

        Args:
            tokenizer: The custom tokenizer that the model was trained with, if any. A checkpoint stores only its name, and
                code that a file names is not imported.
            options: Further arguments of `Predictor`.

        Raises:
            CheckpointError: The model was neither trained nor loaded.
            TokenizerError: The tokenizer is not built in, and none was given.
        """
        network = cast(Network, frozen_copy(self, without=self._predictor))  # `TextClassifier` derives from both
        return Predictor(network, self._known(), tokenizer=tokenizer, **{**self.calibration, **options})

    def predict_texts(
        self, texts: Iterable[str], batch_size: int = 128, tokenizer: Callable[[str], list[str]] | None = None
    ) -> list[Prediction]:
        """Return the label and the probabilities of each text, in the order of the texts.

        Args:
            texts: The texts, in any order.
            batch_size: Number of texts per batch.
            tokenizer: The custom tokenizer that the model was trained with, see `predictor`.

        Raises:
            CheckpointError: The model was neither trained nor loaded.
            ConfigError: The texts are a single str, None, or contain other objects than str.
            TokenizerError: The tokenizer is not built in, and none was given.
        """
        key = self._known(), batch_size, tokenizer, dict(self.calibration)
        if self._predictor is None or self._predictor[0] != key:
            self._predictor = key, self.predictor(batch_size=batch_size, tokenizer=tokenizer)
        return self._predictor[1].predictions(texts)

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls,
        checkpoint_path: CheckpointPath,
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
            checkpoint_path: A checkpoint file, an open binary file, or a folder written by `save_pretrained`.
            map_location: Device of the model.
            hparams_file: Unused; part of Lightning's signature.
            strict: Whether the names of the weights must match those of the class.
            weights_only: Unused; the file is always read as weights only.
            vectors: Path of the vectors, if they were moved after training.
            arguments: Arguments that override those of the checkpoint, such as `optimizer`, which is never stored.

        Raises:
            CheckpointError: The file is missing, damaged, or of another class.
        """
        checkpoint = read_checkpoint(checkpoint_path)
        model = cls(**{**arguments_as_data(checkpoint, argument_names(cls)), **arguments})
        model._vectors = None if vectors is None else VectorSource(vectors)
        model.on_load_checkpoint(checkpoint)
        load_weights(model, checkpoint, name_of(checkpoint_path), strict)
        device = map_location if isinstance(map_location, (str, torch.device)) else "cpu"
        return model.to(device).eval()

    def save_pretrained(self, save_directory: str | os.PathLike[str], **options: Any) -> str | None:
        """Save the model as a folder of safetensors and JSON with a model card; see `lit_transfer.hub.hub.save` for options."""
        return hub.save(self, save_directory, **options)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Push the model to the Hugging Face hub; see `lit_transfer.hub.hub.push` for options."""
        return hub.push(self, repo_id, **options)

    @classmethod
    def from_pretrained(cls, name: str | os.PathLike[str], **options: Any) -> Self:
        """Load a model from a folder or the Hugging Face hub.

        Args:
            name: Path of a folder written by `save_pretrained`, or name on the hub.
            options: Options of the download (`revision`, `token`, `cache_dir`, `force_download`, `local_files_only`), and
                arguments of `load_from_checkpoint`, such as `vectors`.

        Raises:
            CheckpointError: The model is missing or damaged.
        """
        download = {option: options.pop(option) for option in hub.DOWNLOAD_OPTIONS if option in options}
        return cls.load_from_checkpoint(hub.folder_of(name, **download), **options)

    def to_onnx(self, *args: Any, **options: Any) -> Any:
        """Raise an error that names the export with the text processing; Lightning's would write the layers alone.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(_EXPORT.format(name="to_onnx"))

    def to_torchscript(self, *args: Any, **options: Any) -> Any:
        """Raise an error that names the export, see `to_onnx`; PyTorch has deprecated TorchScript.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(_EXPORT.format(name="to_torchscript"))
