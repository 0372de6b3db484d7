"""Arguments of `TextClassifier`."""

from dataclasses import dataclass
from typing import Literal

from lightning.pytorch.cli import LRSchedulerCallable

from lit_transfer.arguments import argument
from lit_transfer.errors import ConfigError, warn
from lit_transfer.layers.architecture import Architecture
from lit_transfer.transfer import Mode, TransferArguments
from lit_transfer.vectors.packed import Precision

Layer = Literal["embedding", "lstm"]


@dataclass(frozen=True)
class ClassifierArguments(Architecture, TransferArguments):
    """Arguments of `TextClassifier`; those of the base classes are `TransferArguments` and `Architecture`.

    Raises:
        ConfigError: A value is invalid, or incompatible with the mode.
    """

    dropout: float = argument(0.5, least=0, most=1, resume="model")
    """Dropout probability before the softmax layer and between LSTM layers."""
    init_from: str | None = argument(None)
    """Checkpoint of another run to initialize the weights from, in any mode; words and classes are matched by name, and vectors
    are used for words that the other run lacks. Words of a network from `lightning pretrain` that the training text lacks are
    added to the open vocabulary, and stored in the checkpoint."""
    teacher: str | None = argument(None, resume="model")
    """A trained model (as for `lit_transfer.load`) whose class probabilities for the training texts replace the labels (Hinton et
    al. 2015; Tang et al. 2019); or an `.npy` file of such probabilities, with a row for each training text and a column for each
    class. Validation and test use the labels."""
    class_weight: Literal["balanced"] | dict[str, float] | list[float] | None = argument(None, resume="network")
    """Weights of the classes in the loss: `balanced` (inverse to the class frequency, 1 on average over the training texts),
    weights by label such as `{positive: 2.0}` (1 for others), or a list in the order of the sorted labels."""
    label_smoothing: float = argument(0.0, least=0, most=1, resume="model")
    """Label smoothing of the loss, 0 to 1."""
    softmax_start: Literal["random", "regression"] = argument("random")
    """Initial softmax layer: `random`, or `regression` for a logistic regression on the initial states of the training texts,
    which helps a pretrained network (`init_from`) with few labels."""
    frozen_layers: list[Layer] | None = argument(None, resume="network")
    """Layers that are not trained, such as `[embedding, lstm]` of a pretrained network (`init_from`), which is fast and often
    sufficient with few labels."""
    embedding_unfreeze_epoch: int = argument(0, least=0, resume="model")
    """Epoch, starting at 0, from which the embedding is trained."""
    lstm_unfreeze_epoch: int = argument(0, least=0, resume="model")
    """Epoch, starting at 0, from which the LSTM is trained. With both, the softmax layer of a pretrained network (`init_from`) is
    trained first; an earlier epoch for the LSTM than for the embedding is gradual unfreezing (Howard and Ruder 2018, section
    3.3). The parameter groups are then those of `lr_decay_per_layer`."""
    lr_decay_per_layer: float | None = argument(None, least=1)
    """Factor between the learning rates of a layer and the layer below; the softmax layer has `lr`. The parameter groups are then
    `softmax`, `lstm.1`, `lstm.0` (from the top) and `embedding`. None for the same rate in all layers."""
    open_vocabulary: bool = argument(True)
    """Whether words outside the vocabulary get their own pretrained vector in validation, test and prediction, in the modes that
    use the vectors."""
    checkpoint_embedding: Literal["full", "reference"] = argument("full")
    """`full`, or `reference` to omit a frozen table from checkpoints. The table is then restored from the vectors file when a
    checkpoint is loaded, and checked by a hash."""
    checkpoint_vectors: Literal["path", "words", "all"] = argument("path")
    """Location of the vectors of words outside the vocabulary for a loaded model: `path` (the vectors file), `words` (the
    checkpoint, for words of the validation and test splits) or `all` (the checkpoint, for all words of the file)."""
    checkpoint_vectors_precision: Precision = argument("float16")
    """Precision of these vectors in the checkpoint: `float16`, or `int8` in about half the size, with an error of at most 0.4 %
    of the largest value of a vector."""
    lr_scheduler: LRSchedulerCallable | None = argument(None)
    """Callable from an optimizer to a scheduler. The ratio between the learning rates of the groups is preserved, and a missing
    `total_steps` is filled in."""
    lr_scheduler_interval: Literal["epoch", "step"] | None = argument(None)
    """Whether the scheduler steps after each `epoch` or `step`; None for `step` with schedules that have a total number of steps,
    such as `OneCycleLR`, and `epoch` with others."""

    def __post_init__(self) -> None:
        super().__post_init__()
        frozen, mode = self.frozen_layers or [], super().mode
        if self.embedding_lr is not None and not mode.own_lr:
            warn(
                f"embedding_lr is {self.embedding_lr:g}, but transfer: {self.transfer} does not use it; only transfer: slow "
                "does.",
            )
        if self.embedding_unfreeze_epoch and not mode.trainable:
            raise ConfigError(
                f"embedding_unfreeze_epoch is {self.embedding_unfreeze_epoch}, but with transfer: {self.transfer} the embedding "
                "is not trained. Choose slow (trained at embedding_lr) or init (trained at lr)."
            )
        if self.checkpoint_embedding == "reference" and (mode.trainable or self.init_from is not None):
            raise ConfigError(
                "checkpoint_embedding: reference is for tables in the vectors file, with transfer: frozen and without "
                f"init_from; transfer is {self.transfer}. Choose full."
            )
        for layer, epoch in (("embedding", self.embedding_unfreeze_epoch), ("lstm", self.lstm_unfreeze_epoch)):
            if layer in frozen and epoch:
                raise ConfigError(
                    f"frozen_layers has {layer}, which {layer}_unfreeze_epoch would unfreeze. Give one of them."
                )
        if frozen and self.init_from is None and (not mode.pretrained or "lstm" in frozen):
            warn(
                f"frozen_layers is {frozen} without init_from: these layers keep random weights. Give --model.init_from a "
                "checkpoint, such as that of `lightning pretrain`.",
            )

    @property
    def mode(self) -> Mode:
        """The transfer mode; `frozen_layers` may exclude the embedding from training."""
        mode = super().mode
        return mode._replace(trainable=mode.trainable and "embedding" not in (self.frozen_layers or []))

    @property
    def decay_per_layer(self) -> float | None:
        """Factor between the learning rates of two layers; None for a single group, unless layers are unfrozen later."""
        return self.lr_decay_per_layer or (1.0 if self.lstm_unfreeze_epoch else None)

    @property
    def unfreeze_epochs(self) -> dict[str, int]:
        """First epoch in which a parameter group is trained, for groups that are not trained from the start."""
        of_layers = {f"lstm.{layer}": self.lstm_unfreeze_epoch for layer in range(self.num_layers)}
        return {
            name: epoch for name, epoch in {**of_layers, "embedding": self.embedding_unfreeze_epoch}.items() if epoch
        }

    @property
    def knows_unseen_words(self) -> bool:
        """Whether words outside the vocabulary have their own vector, if there are vectors."""
        return self.open_vocabulary and self.mode.pretrained
