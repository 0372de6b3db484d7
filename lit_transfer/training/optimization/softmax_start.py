"""Initialization of the softmax layer by logistic regression on the states of the layers below."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor, nn

from lit_transfer.baselines.regression import rows_of_classes
from lit_transfer.console import print_line
from lit_transfer.data.batching import gather
from lit_transfer.errors import ConfigError
from lit_transfer.tasks import Task

# Inverse strength of the L2 penalty, for states of unit variance. With a mean of embedded words, it is proportional to the
# number of classes, of which each has fewer texts (chosen on texts outside the training and test texts of five data sets).
C = 0.01
C_OF_CLASS = 0.00125
# Maximum number of training texts; more texts hardly change the weights.
MOST_TEXTS = 20_000


class Penalty(NamedTuple):
    """L2 penalty on the weights of the standardized states.

    Attributes:
        deviation: Standard deviation of each state in the regression; the larger, the smaller is its penalty.
            *Shape:* `(state_size,)`.
        c_of_class: Inverse strength for each class; None for `C` of all classes.
    """

    deviation: Tensor | float = 1.0
    c_of_class: float | None = None

    def strength(self, num_classes: int) -> float:
        """Return the inverse strength for a number of classes."""
        return C if self.c_of_class is None else self.c_of_class * num_classes


UNIFORM = Penalty()


def fit_layer(
    task: Task,
    states: Tensor,
    targets: Tensor,
    class_weights: Tensor | None = None,
    penalty: Penalty = UNIFORM,
) -> tuple[Tensor, Tensor]:
    """Fit the last layer by logistic regression: one of all classes, or with several labels one for each class.

    Args:
        task: The task.
        states: States of the texts. *Shape:* `(texts, state_size)`.
        targets: Targets of the texts.
        class_weights: Weight of each class in the loss. *Shape:* `(num_classes,)`.
        penalty: Penalty on the weights.

    Returns:
        weight: Weight for the original states. *Shape:* `(num_classes, state_size)`.
        bias: Bias; that of a class without texts is the lowest one. *Shape:* `(num_classes,)`.
    """
    if not task.several:
        return fit_softmax(states, targets, task.num_classes, class_weights, penalty)
    weight = states.new_zeros(task.num_classes, states.shape[1])
    bias = states.new_full((task.num_classes,), torch.nan)
    for number in range(task.num_classes):
        of_class = targets[:, number].long()
        if 0 < int(of_class.sum()) < len(of_class):
            own = None if class_weights is None else torch.stack([class_weights.new_ones(()), class_weights[number]])
            two, biases = fit_softmax(states, of_class, 2, own, penalty)
            weight[number], bias[number] = two[1] - two[0], biases[1] - biases[0]
    return weight, bias.nan_to_num(float(bias.nan_to_num(torch.inf).min().clamp(max=0)))


def fit_softmax(
    states: Tensor,
    labels: Tensor,
    num_classes: int,
    class_weights: Tensor | None = None,
    penalty: Penalty = UNIFORM,
) -> tuple[Tensor, Tensor]:
    """Fit a softmax layer by logistic regression with an L2 penalty on standardized states; see `fit_layer` for shapes.

    The labels are class indices, at least two distinct ones. *Shape:* `(texts,)`. A class without texts gets the lowest bias.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, divisor = states.mean(dim=0), states.std(dim=0).clamp(min=1e-6) / penalty.deviation
    regression = LogisticRegression(C=penalty.strength(num_classes), max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        regression.fit(
            ((states - mean) / divisor).numpy(),
            labels.numpy(),
            None if class_weights is None else class_weights[labels].numpy(),
        )
    found, intercept = (torch.from_numpy(part).float() for part in rows_of_classes(regression))
    found = found / divisor
    classes = torch.from_numpy(regression.classes_)
    bias = (intercept - found @ mean).min().repeat(num_classes)
    bias[classes] = intercept - found @ mean
    weight = states.new_zeros(num_classes, states.shape[1])
    weight[classes] = found
    return weight, bias


class SoftmaxStart(Callback):
    """Initialize the softmax layer by logistic regression on the states of the training texts.

    A randomly initialized softmax layer distorts the pretrained layers below during the first steps; with few labels,
    this costs accuracy ("linear probing, then fine-tuning"; Kumar et al. 2022).

    Args:
        quiet: Whether to suppress output.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Fit the layer, unless the run is resumed from a checkpoint.

        Raises:
            ConfigError: A subclass has another softmax layer than `nn.Linear`.
        """
        if trainer.global_step:
            return
        layer: Any = pl_module.softmax
        if not isinstance(layer, nn.Linear) or layer.bias is None:
            raise ConfigError(
                f"softmax_start is regression, but the softmax layer is {type(layer).__name__}; expected nn.Linear with a "
                "bias. Choose random."
            )
        parts = gather(trainer, _read(trainer, pl_module, layer))
        states, labels = map(torch.cat, zip(*parts, strict=True))
        if len(labels.unique(dim=0)) < 2:
            return
        weights: Any = pl_module.class_weights
        task: Any = pl_module.preprocessing.task  # type: ignore[union-attr]
        weights = None if weights is None else weights.cpu()
        weight, bias = fit_layer(task, states, labels, weights, _penalty(pl_module, layer.in_features))
        with torch.no_grad():  # broadcast, since results of other processes may differ by rounding
            layer.weight.copy_(trainer.strategy.broadcast(weight))
            layer.bias.copy_(trainer.strategy.broadcast(bias))
        if trainer.is_global_zero and not self.quiet:
            print_line("softmax layer", f"initialized by logistic regression on {len(labels):,} training texts")


def _penalty(model: Any, size: int) -> Penalty:
    """Return the penalty for a layer of `size` inputs.

    A mean of embedded words gets the same variance in total as the pooled states, although it has fewer values. So the layer
    is about as good as a regression on the mean alone, and keeps what the states add.
    """
    if not model.architecture.has_embedding_mean:
        return UNIFORM
    dim = model.embedding.embedding_dim
    deviation = torch.cat([torch.ones(size - dim), torch.full((dim,), ((size - dim) / dim) ** 0.5)])
    return Penalty(deviation, C_OF_CLASS)


@torch.no_grad()
def _read(trainer: Trainer, model: LightningModule, layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Return the inputs of the softmax layer for the texts of this process, and the labels of the texts.

    *Shape:* states `(texts, state_size)`; labels `(texts,)`, or as the targets of the task.
    """
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    states, labels, most = [], [], -(-MOST_TEXTS // trainer.world_size)
    hook = layer.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0].float().cpu()))
    was_training = model.training
    model.eval()
    try:
        for batch in data.train_dataloader():
            labels.append(batch.labels)
            model(*trainer.strategy.batch_to_device(batch).inputs)
            if sum(map(len, labels)) >= most:
                break
    finally:
        hook.remove()
        model.train(was_training)
    return torch.cat(states), torch.cat(labels)
