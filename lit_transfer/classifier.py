"""The text classifier as a LightningModule: embedding, LSTM, softmax, and their training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor
from torch.nn import ModuleDict

from lit_transfer.checkpoints.inheritance import read_inheritance
from lit_transfer.checkpoints.trainer import use_atomic_checkpoints
from lit_transfer.data.alignment import Alignment
from lit_transfer.data.batching import Batch
from lit_transfer.data.preprocessing import Preprocessing
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.hub.hub import Pretrained
from lit_transfer.layers.network import Network
from lit_transfer.prediction.predictor import Predicting, Predictor
from lit_transfer.prediction.teacher import teacher_probabilities
from lit_transfer.report.fit import FitReport
from lit_transfer.report.test import TestReport
from lit_transfer.training.arguments import check_arguments, check_data_module, recorded
from lit_transfer.training.checkpointing import StandsAlone
from lit_transfer.training.drift import Drift, measure_drift
from lit_transfer.training.evaluation import Evaluation
from lit_transfer.training.learning import Learning
from lit_transfer.training.metrics import MeanLoss
from lit_transfer.training.no_validation import WithoutValidation
from lit_transfer.training.optimization.class_weights import compute_class_weights
from lit_transfer.training.optimization.layers_first import build_layers_first
from lit_transfer.training.optimization.row_sparse import goes_by_rows, keep_out_of_ddp
from lit_transfer.training.optimization.softmax_start import SoftmaxStart
from lit_transfer.training.resume import ExactResume, Settings
from lit_transfer.training.tasks import TestMetrics, ValidationMetrics, loss_of_texts
from lit_transfer.transfer import SLOW_LR, Transfer, get_mode, parameter_groups, starting_table
from lit_transfer.vectors.lookup import VectorSource
from lit_transfer.vectors.packed import PackedVectors, Precision


class TextClassifier(Network, Learning, Evaluation, Predicting, StandsAlone, Pretrained, LightningModule):
    """LSTM text classifier with four transfer modes for pretrained word vectors.

    Subclasses may override `encode`, `pool`, `loss` or `parameter_groups`, and add layers in `__init__`.
    The layers `embedding`, `lstm` and `softmax` are created when the vocabulary and the classes are known: in `setup`, or
    when a checkpoint is loaded.

    Args:
        transfer: Transfer mode: `random` (no pretrained vectors), `init` (vectors as initial values), `frozen` (fixed
            vectors) or `slow` (vectors as initial values with a separate learning rate).
        lr: Learning rate.
        embedding_lr: Learning rate of the embedding in the mode `slow`; None for 1e-6.
        init_from: Checkpoint of another run to initialize the weights from, in any mode; words and classes are matched by
            name, and vectors are used for words that the other run lacks. Words of a network from `lightning pretrain` that
            the training text lacks are added to the open vocabulary, and stored in the checkpoint.
        teacher: A trained model (as for `lit_transfer.load`) whose class probabilities for the training texts replace the
            labels (Hinton et al. 2015; Tang et al. 2019); or an `.npy` file of such probabilities, with a row for each
            training text and a column for each class. Validation and test use the labels.
        checkpoint_embedding: `full`, or `reference` to omit a frozen table from checkpoints. The table is then restored from
            the vectors file when a checkpoint is loaded, and checked by a hash.
        checkpoint_vectors: Location of the vectors of words outside the vocabulary for a loaded model: `path` (the vectors
            file), `words` (the checkpoint, for words of the validation and test splits) or `all` (the checkpoint, for all
            words of the file).
        checkpoint_vectors_precision: Precision of these vectors in the checkpoint: `float16`, or `int8` in about half the
            size, with an error of at most 0.4 % of the largest value of a vector.
        embedding_unfreeze_epoch: Epoch, starting at 0, from which the embedding is trained.
        lstm_unfreeze_epoch: Epoch, starting at 0, from which the LSTM is trained. With both, the softmax layer of a pretrained
            network (`init_from`) is trained first; an earlier epoch for the LSTM than for the embedding is gradual unfreezing
            (Howard and Ruder 2018, section 3.3). The parameter groups are then those of `lr_decay_per_layer`.
        lr_decay_per_layer: Factor between the learning rates of a layer and the layer below; the softmax layer has `lr`. The
            parameter groups are then `softmax`, `lstm.1`, `lstm.0` (from the top) and `embedding`. None for the same rate in
            all layers.
        frozen_layers: Layers that are not trained, such as `[embedding, lstm]` of a pretrained network (`init_from`), which
            is fast and often sufficient with few labels.
        softmax_start: Initial softmax layer: `random`, or `regression` for a logistic regression on the initial states of the
            training texts, which helps a pretrained network (`init_from`) with few labels.
        embedding_dim: Number of values per word; None for the dimension of the vectors, or 100 without vectors.
        hidden_size: Size of the hidden state of the LSTM in each direction.
        num_layers: Number of LSTM layers.
        bidirectional: Whether the LSTM is bidirectional.
        dropout: Dropout probability before the softmax layer and between LSTM layers.
        embedding_dropout: Dropout probability of the embedded words.
        pooling: Pooling of word states to a text state: `last`, `max` or `mean`; or a list of them, such as
            `[last, max, mean]`, whose results are concatenated.
        class_weight: Weights of the classes in the loss: `balanced` (inverse to the class frequency, 1 on average over the
            training texts), or a list with a weight for each class in the order of the sorted labels.
        label_smoothing: Label smoothing of the loss, 0 to 1.
        open_vocabulary: Whether words outside the vocabulary get their own pretrained vector in validation, test and
            prediction, in the modes that use the vectors.
        sparse: Whether a step updates only the rows of the batch's words, so that its cost does not depend on the size of the
            vocabulary; other rows then also keep their momentum. `auto` does so for large vocabularies.
        optimizer: Callable from parameter groups to an optimizer (`class_path` of any torch optimizer). The learning rates of
            the groups override that of the optimizer.
        lr_scheduler: Callable from an optimizer to a scheduler. The ratio between the learning rates of the groups is
            preserved, and a missing `total_steps` is filled in.
        lr_scheduler_interval: Whether the scheduler steps after each `epoch` or `step`; None for `step` with schedules that
            have a total number of steps, such as `OneCycleLR`, and `epoch` with others.

    Raises:
        ConfigError: An argument is invalid.
    """

    def __init__(
        self,
        transfer: Transfer = "frozen",
        lr: float = 1e-3,
        embedding_lr: float | None = None,
        init_from: str | None = None,
        teacher: str | None = None,
        checkpoint_embedding: Literal["full", "reference"] = "full",
        checkpoint_vectors: Literal["path", "words", "all"] = "path",
        checkpoint_vectors_precision: Precision = "float16",
        embedding_unfreeze_epoch: int = 0,
        lstm_unfreeze_epoch: int = 0,
        lr_decay_per_layer: float | None = None,
        frozen_layers: list[Literal["embedding", "lstm"]] | None = None,
        softmax_start: Literal["random", "regression"] = "random",
        embedding_dim: int | None = None,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.5,
        embedding_dropout: float = 0.0,
        pooling: Literal["last", "max", "mean"] | list[Literal["last", "max", "mean"]] = "max",
        class_weight: Literal["balanced"] | list[float] | None = None,
        label_smoothing: float = 0.0,
        open_vocabulary: bool = True,
        sparse: Literal["auto"] | bool = "auto",
        optimizer: OptimizerCallable = torch.optim.Adam,
        lr_scheduler: LRSchedulerCallable | None = None,
        lr_scheduler_interval: Literal["epoch", "step"] | None = None,
    ) -> None:
        super().__init__()
        check_arguments(locals())
        self.frozen_layers = frozen_layers or []
        self.mode = get_mode(transfer)
        if "embedding" in self.frozen_layers:
            self.mode = self.mode._replace(learns=False)
        self.save_hyperparameters(ignore=["optimizer", "lr_scheduler"])
        # Attributes, since a subclass built by the command line has only its own arguments in `self.hparams`.
        self.transfer = transfer
        self.lr = lr
        self.embedding_lr = SLOW_LR if embedding_lr is None else embedding_lr
        self.init_from = init_from
        self.teacher = teacher
        self.checkpoint_embedding = checkpoint_embedding
        self.checkpoint_vectors = checkpoint_vectors
        self.checkpoint_vectors_precision: Precision = checkpoint_vectors_precision
        self.embedding_unfreeze_epoch = embedding_unfreeze_epoch
        self.lstm_unfreeze_epoch = lstm_unfreeze_epoch
        self.lr_decay_per_layer = lr_decay_per_layer
        self.softmax_start = softmax_start
        self.embedding_dim = embedding_dim
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.open_vocabulary = open_vocabulary and self.mode.pretrained
        self.sparse = sparse
        self.optimizer = optimizer
        self.lr_scheduler = lr_scheduler
        self.lr_scheduler_interval = lr_scheduler_interval
        self.set_architecture(
            hidden_size=hidden_size,
            num_layers=num_layers,
            bidirectional=bidirectional,
            pooling=pooling,
            dropout=dropout,
            embedding_dropout=embedding_dropout,
        )
        self._settings = recorded(locals())

        self.mean_losses: Any = ModuleDict({name: MeanLoss() for name in ("train_loss", "val_loss", "test_loss")})
        self.calibration: dict[str, Any] = {}
        self.preprocessing: Preprocessing | None = None
        self.register_buffer("class_weights", None)
        self.class_weights: Tensor | None
        self.quiet = False  # whether to suppress the reports on training and test
        self.rates: dict[str, float] = {}
        self.inherited: str | None = None
        self._inherited_words: PackedVectors | None = None
        self._start: Tensor | None = None
        self._found: Tensor | None = None
        self._taught: Tensor | None = None  # the teacher's probabilities, a row for each training text
        self._reading: dict[str, Any] = {}
        self.trained_on: dict[str, Any] = {}
        self._vectors: VectorSource | None = None
        self._own_tokenizer: Callable[[str], list[str]] | None = None
        self._predictor: tuple[Any, Predictor] | None = None

    # --- Training objective ---

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Compute the mean loss of a batch: weighted cross-entropy with label smoothing. May be overridden.

        Args:
            logits: Logits of the texts. *Shape:* `(batch, num_classes)`.
            labels: Class indices, *Shape:* `(batch,)`; in training with a `teacher`, class probabilities,
                *Shape:* `(batch, num_classes)`.

        Returns:
            A scalar: the mean over the texts, not over the class weights, so that the result does not depend on the number
            of processes.
        """
        return loss_of_texts(
            self._known().task,
            logits,
            labels,
            class_weights=self.class_weights,
            label_smoothing=self.label_smoothing,
        ).mean()

    def targets(self, batch: Batch) -> Tensor:
        """Return the targets of a training batch: the labels, or the teacher's probabilities."""
        if self._taught is None:
            return batch.labels
        return self._taught[batch.rows.to(self._taught.device)].to(batch.labels.device)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return the parameter groups of the optimizer, with `name`, `params` and `lr`. May be overridden."""
        return parameter_groups(
            self,
            self.embedding,
            self.mode,
            lr=self.lr,
            embedding_lr=self.embedding_lr,
            lr_decay_per_layer=self.lr_decay_per_layer or (1.0 if self.lstm_unfreeze_epoch else None),
        )

    # --- Data ---

    @property
    def settings(self) -> Settings:
        """Settings that are compared when a run is resumed."""
        data = {} if self._data is None else {"data": self._data.settings()}
        return self._settings | data

    @property
    def labels(self) -> list[str]:
        """Class names by index."""
        return self._known().labels

    @property
    def _data(self) -> Any:
        """The data module of the trainer, or None."""
        return None if self._trainer is None else getattr(self.trainer, "datamodule", None)

    def build(self, stage: str) -> None:
        """Create the layers from the data module of the trainer before training, unless they exist.

        Args:
            stage: Stage of the trainer: `fit`, `validate`, `test` or `predict`.

        Raises:
            ConfigError: There is no data module, or the vectors are missing or of another dimension.
        """
        if self.preprocessing is not None or stage != "fit":
            return
        data = self._data
        if data is None:
            raise ConfigError(
                "The model has no vocabulary yet. Give the trainer a TextDataModule (datamodule=...), or load a checkpoint."
            )
        check_data_module(data)
        self._build(data.preprocessing, data.alignment, data.class_counts)
        known, carried = self._known(), None
        # The vectors that a pretrained network has trained take precedence over those of the file.
        pack = self.checkpoint_vectors != "path" or self._inherited_words is not None
        if pack and known.open_vocabulary:
            carried = data.pack_vectors(None if self.checkpoint_vectors == "all" else data.words_outside(known))
        if self._inherited_words is not None and self.open_vocabulary:
            carried = self._inherited_words if carried is None else self._inherited_words.followed_by(carried)
        if carried is not None:
            carried = carried.as_precision(self.checkpoint_vectors_precision)
            self.preprocessing = dataclasses.replace(known, open_vocabulary=True, carried=carried)
        self._reading = data.reading_arguments()
        self.trained_on = data.facts()

    def setup(self, stage: str) -> None:
        """Prepare for a stage of the trainer.

        Raises:
            ConfigError: There is no data module, or the vectors are missing or of another dimension.
            CheckpointError: The data do not match the training data of the model.
        """
        if self._trainer is not None:
            use_atomic_checkpoints(self.trainer)
        self.build(stage)
        if self.preprocessing is not None and self._data is not None:
            self._data.check(self.preprocessing)
        if stage == "fit" and self.teacher is not None and self._taught is None:
            self._taught = teacher_probabilities(self.teacher, self._data.split("train").texts, self._known().task)
        if stage == "fit" and self.mode.learns:
            if self._start is None:
                self._start = self.embedding.weight.detach().clone()
            if self.embedding.sparse:
                keep_out_of_ddp(self, "embedding.weight")

    def _build(
        self, preprocessing: Preprocessing, alignment: Alignment | None, class_counts: Sequence[int] | None
    ) -> None:
        """Create the layers whose sizes depend on the data, with their initial weights."""
        heir = None if self.init_from is None else read_inheritance(self.init_from)
        dim, weight = starting_table(self.transfer, alignment, self.embedding_dim, heir and heir.embedding_dim)
        if alignment is not None:
            preprocessing = dataclasses.replace(preprocessing, vectors=alignment.source)
        self._build_layers(preprocessing, dim, weight)
        self._found = None if alignment is None else alignment.found
        if heir is not None:
            self.inherited = heir.hand_over(self, preprocessing)
            if not heir.preprocessing.labels:  # of `lightning pretrain`
                self._inherited_words = heir.words_outside(preprocessing.vocabulary)
        if self.class_weight is not None:
            num_texts = None if self._data is None else len(self._data.split("train"))
            self.class_weights = compute_class_weights(self.class_weight, preprocessing.task, class_counts, num_texts)

    def _build_layers(self, preprocessing: Preprocessing, embedding_dim: int, weight: Tensor | None) -> None:
        """Create the layers for a vocabulary and classes."""
        num_words, num_classes = len(preprocessing.vocabulary), len(preprocessing.labels)
        self.preprocessing = dataclasses.replace(
            preprocessing, open_vocabulary=self.open_vocabulary and preprocessing.vectors is not None
        )
        learns = self.mode.learns
        # The optimizer of a subclass may not support sparse gradients, so that `auto` means dense ones.
        ours = type(self).configure_optimizers is TextClassifier.configure_optimizers
        wanted = False if self.sparse == "auto" and not ours else self.sparse
        self.build_layers(
            vocabulary_size=num_words,
            pad_id=preprocessing.vocabulary.pad_id,
            num_classes=num_classes,
            embedding_dim=embedding_dim,
            weight=weight,
            learns=learns,
            sparse=learns and goes_by_rows(wanted, num_words, self._trainer),
        )
        self.lstm.requires_grad_("lstm" not in self.frozen_layers)  # before DDP wraps the trainable parameters
        self.val_metrics, self.test_metrics = ValidationMetrics(preprocessing.task), TestMetrics(preprocessing.task)

    def _known(self) -> Preprocessing:
        if self.preprocessing is None:
            raise CheckpointError(
                "The model was not trained: it has no vocabulary and no labels. Give --ckpt_path, or load it in Python "
                "with TextClassifier.load_from_checkpoint(path)."
            )
        return self.preprocessing

    # --- Reports ---

    def configure_callbacks(self) -> list[Callback]:
        """Return the callbacks for reports and for resuming."""
        build_layers_first(self.trainer)
        shown: list[Callback] = [] if self.quiet else [FitReport(), TestReport()]
        start: list[Callback] = [SoftmaxStart(self.quiet)] if self.softmax_start == "regression" else []
        return [*shown, *start, ExactResume(), WithoutValidation(self.quiet)]

    def drift(self) -> Drift | None:
        """Return the drift of the embedding in this training; None in the mode `frozen` and before training."""
        if self._start is None:
            return None
        return measure_drift(self._start, self.embedding.weight, self.embedding.padding_idx)
