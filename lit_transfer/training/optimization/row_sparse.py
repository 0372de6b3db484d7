"""Row-sparse embedding updates: the cost of a step is proportional to the words of the batch, not to the vocabulary.

`torch.nn.Embedding(..., sparse=True)` has a sparse gradient with the rows of the batch's words. Most optimizers, the
gradient clipping of torch and its NCCL collectives do not support such gradients; this module adds the support.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any, Literal, TypeVar

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adagrad, Optimizer

from lit_transfer.errors import ConfigError

AnyOptimizer = TypeVar("AnyOptimizer", bound=Optimizer)

# Minimum vocabulary size for row-sparse updates with `sparse: auto`; for smaller ones, a fused dense update is as fast.
SPARSE_FROM = 20_000


def uses_row_sparse_updates(wanted: Literal["auto"] | bool, vocab_size: int, trainer: Trainer | None) -> bool:
    """Return whether a trained embedding should have row-sparse gradients.

    Args:
        wanted: The argument `sparse`.
        vocab_size: Number of rows of the table.
        trainer: The trainer, if known; some strategies for several processes do not support row-sparse gradients.

    Raises:
        ConfigError: `sparse` is True, but the strategy or the precision does not support it.
    """
    if wanted is False:
        return False
    # A gradient scaler decides in each process whether to skip a step, before the rows are exchanged; and strategies
    # that shard the table need its dense gradient.
    dense = False
    if trainer is not None and trainer.world_size > 1:
        dense = bool(trainer.scaler) or not isinstance(trainer.strategy, DDPStrategy)
    if dense and wanted is True:
        raise ConfigError(
            "sparse: true with several processes needs --trainer.strategy ddp and a precision other than 16-mixed. Use these "
            "(such as --trainer.precision bf16-mixed), or --model.sparse false."
        )
    return wanted is True or (vocab_size >= SPARSE_FROM and not dense)


def step_by_rows(optimizer: AnyOptimizer) -> AnyOptimizer:
    """Let an elementwise optimizer update only the rows in a sparse gradient.

    During a step, each parameter with a sparse gradient is replaced by a dense parameter of the rows in the gradient and
    their optimizer state; afterwards both are written back. Between steps, the optimizer is unchanged: its state has the
    full shape of the parameters, is compatible with dense updates, and works with schedulers, `torch.amp.GradScaler` and
    Lightning.

    A row that occurs in every batch is updated exactly as with dense gradients. A row that does not occur in a batch keeps
    its weight and its state, without momentum or weight decay. Step counts (the bias correction of Adam, Kingma & Ba
    2015) are per parameter, not per row.

    Args:
        optimizer: Optimizer whose update of a value depends only on the gradient and the state of that value, as in Adam,
            AdamW, SGD, RMSprop or Adagrad; must call its closure once per step.

    Returns:
        The same optimizer.

    Raises:
        ConfigError: The optimizer has state that is not elementwise, such as Adafactor; raised in the first step.
    """
    plain_step: Callable[[], Any] = optimizer.step

    @functools.wraps(plain_step)
    def step(self: Optimizer, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()  # computes the gradients
        with _rows_in_place_of_parameters(self):
            plain_step()
        return loss

    optimizer.step = MethodType(step, optimizer)  # type: ignore[method-assign]
    return optimizer


@contextmanager
def _rows_in_place_of_parameters(optimizer: Optimizer) -> Iterator[None]:
    """Replace parameters by their rows within the context, and restore them even after an exception."""
    parameters = [group["params"] for group in optimizer.param_groups]
    touched = {weight: _Rows(optimizer, weight) for group in parameters for weight in group if _is_row_sparse(weight)}
    try:
        for group in optimizer.param_groups:
            group["params"] = [touched[p].rows if p in touched else p for p in group["params"]]
        for rows in touched.values():
            rows.take_state()
        yield
        for rows in touched.values():
            rows.write_back()
    finally:
        for group, params in zip(optimizer.param_groups, parameters, strict=True):
            group["params"] = params
        for rows in touched.values():
            optimizer.state.pop(rows.rows, None)


class _Rows:
    """The rows of a parameter in its sparse gradient, as a dense parameter with a dense gradient."""

    def __init__(self, optimizer: Optimizer, weight: nn.Parameter) -> None:
        assert weight.grad is not None
        grad = weight.grad.coalesce()
        self.optimizer, self.weight, self.index = optimizer, weight, grad.indices()[0]
        # Before the first step, add a row of zeros: its state after the step is the initial state of other rows.
        blank = 0 if optimizer.state.get(weight) else 1
        self.rows = nn.Parameter(nn.functional.pad(weight.detach().index_select(0, self.index), (0, 0, 0, blank)))
        self.rows.grad = nn.functional.pad(grad.values(), (0, 0, 0, blank))

    def take_state(self) -> None:
        state = self.optimizer.state.get(self.weight)
        if state:
            self.optimizer.state[self.rows] = {
                name: value.index_select(0, self.index) if _shape(value) == self.weight.shape else value
                for name, value in state.items()
            }

    @torch.no_grad()
    def write_back(self) -> None:
        touched = len(self.index)
        self.weight.index_copy_(0, self.index, self.rows[:touched])
        for name, value in self.optimizer.state.get(self.rows, {}).items():
            state = self.optimizer.state[self.weight]
            if _shape(value) != self.rows.shape:
                self._require_elementwise(name, value)
                state[name] = value
                continue
            if _shape(state.get(name)) != self.weight.shape:
                state[name] = torch.zeros_like(self.weight)
                start = value[touched:].sum(0)
                if start.any():
                    state[name] += start
            state[name].index_copy_(0, self.index, value[:touched])

    def _require_elementwise(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor) and value.numel() > 1:
            raise ConfigError(
                f"the optimizer {type(self.optimizer).__name__} keeps {name!r} of shape {tuple(value.shape)} for "
                f"{tuple(self.rows.shape)} values; row-sparse updates need an elementwise optimizer. Use one such as "
                "torch.optim.Adam, or dense updates of the embedding."
            )


def _is_row_sparse(parameter: Tensor) -> bool:
    return parameter.grad is not None and parameter.grad.is_sparse


def _shape(value: Any) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) else None


def prefer_fused(optimizer: AnyOptimizer) -> AnyOptimizer:
    """Select the fused implementation, if available, in parameter groups that set neither `fused` nor `foreach`.

    It reads the memory of a table once per step, and torch's default several times. Returns the same optimizer.
    """
    for group in optimizer.param_groups:
        undecided = group.get("fused", False) is None and group["foreach"] is None and not group["differentiable"]
        devices = {parameter.device.type for parameter in group["params"]}
        if undecided and devices <= ({"cpu"} if isinstance(optimizer, Adagrad) else {"cpu", "cuda"}):
            group["fused"] = True
    return optimizer


def keep_out_of_ddp(module: nn.Module, name: str) -> None:
    """Exclude a parameter, such as `embedding.weight`, from DDP, after broadcasting its values from rank 0.

    NCCL cannot reduce sparse gradients; use `all_reduce_rows` instead. Must be called before the module is wrapped.
    """
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, [name])
    if distributed.is_initialized():
        distributed.broadcast(module.get_parameter(name).detach(), src=0)


class RowGradients(Callback):
    """Callback that averages the row-sparse gradients of a module over the processes, which DDP does not do."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Exclude the tables with such gradients from DDP, once they are created and before DDP wraps the module."""
        if stage == "fit":
            for name, _ in sparse_tables(pl_module):
                keep_out_of_ddp(pl_module, name)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Average the gradients."""
        if trainer.world_size > 1:
            for _, table in sparse_tables(pl_module):
                if table.grad is not None and table.grad.is_sparse:
                    table.grad = all_reduce_rows(table.grad)


def sparse_tables(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Return the names and weights of the embedding tables with row-sparse gradients."""
    tables = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Embedding)]
    return [(f"{name}.weight", table.weight) for name, table in tables if table.sparse]


def all_reduce_rows(grad: Tensor) -> Tensor:
    """Return the mean of a sparse gradient over all ranks, bitwise equal on every rank; must be called by all.

    Args:
        grad: Sparse gradient with any number of rows. *Shape:* `(vocab_size, embedding_dim)`.

    Returns:
        The sparse, coalesced mean, with the rows of all ranks. *Shape:* `(vocab_size, embedding_dim)`.
    """
    ranks = distributed.get_world_size()
    grad = grad.coalesce()
    index, values = grad.indices()[0], grad.values()
    counts = _all_gather(torch.tensor([len(index)], device=grad.device), ranks)
    most = int(max(counts))
    padding = most - len(index)  # ranks exchange tensors of equal size; the padding is removed afterwards
    indices = _all_gather(nn.functional.pad(index, (0, padding)), ranks)
    rows = _all_gather(nn.functional.pad(values, (0, 0, 0, padding)), ranks)
    index = torch.cat([index[:count] for index, count in zip(indices, counts, strict=True)])
    values = torch.cat([rows[:count] for rows, count in zip(rows, counts, strict=True)])
    return torch.sparse_coo_tensor(index.unsqueeze(0), values / ranks, grad.shape, check_invariants=False).coalesce()


def _all_gather(tensor: Tensor, ranks: int) -> list[Tensor]:
    gathered = [torch.empty_like(tensor) for _ in range(ranks)]
    distributed.all_gather(gathered, tensor.contiguous())
    return gathered
