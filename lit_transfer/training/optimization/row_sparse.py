"""Row-sparse embedding updates: a step that costs in proportion to the words of the batch, not to the vocabulary.

`torch.nn.Embedding(..., sparse=True)` gives a gradient that holds the rows of the batch's words only, which most
optimizers, the gradient clipping of torch and its NCCL collectives refuse. What stands here lets them have it.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any, Literal, TypeVar

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Adagrad, Optimizer

from lit_transfer.errors import ConfigError

AnyOptimizer = TypeVar("AnyOptimizer", bound=Optimizer)

# Words from which `sparse: auto` updates only a batch's rows; below, one fused pass over the table is as quick.
SPARSE_FROM = 20_000


def goes_by_rows(wanted: Literal["auto"] | bool, vocab_size: int, trainer: Trainer | None) -> bool:
    """Return whether the gradient of an embedding that learns is to hold only the rows of the batch's words.

    Args:
        wanted: The argument `sparse`.
        vocab_size: Rows of the table.
        trainer: What will train it, if that is known: with several processes not every way of training can have it.

    Raises:
        ConfigError: It is wanted where it cannot be had.
    """
    if wanted is False:
        return False
    # A scaler decides in each process for itself whether to skip a step, before the rows have been exchanged; and
    # strategies that share out the table itself want its whole gradient.
    dense: Any = None
    if trainer is not None and trainer.world_size > 1:
        dense = trainer.scaler or not isinstance(trainer.strategy, DDPStrategy)
    if dense and wanted is True:
        raise ConfigError(
            "sparse: true goes with several processes only by --trainer.strategy ddp and without 16-bit mixed precision. "
            "Use those (and --trainer.precision bf16-mixed), or --model.sparse false."
        )
    return wanted is True or (vocab_size >= SPARSE_FROM and not dense)


def step_by_rows(optimizer: AnyOptimizer) -> AnyOptimizer:
    """Let any elementwise optimizer step the rows that a sparse gradient holds, and leave the others as they are.

    During a step the optimizer sees, in place of each parameter with a sparse gradient, a dense one of the touched rows
    with the rows of its state; then both are put back. Outside the step the optimizer is what it was: its state has the
    full shape of the parameters, loads into and from one that never heard of rows, and works with schedulers,
    `torch.amp.GradScaler` and Lightning.

    A row that every batch touches moves exactly as with dense gradients. A row that a batch does not touch keeps its
    weight and its state: no momentum drift, no weight decay, until it is touched again. Counts of steps (the bias
    correction of Adam, Kingma & Ba 2015) are the parameter's, not the row's.

    Args:
        optimizer: One whose update of a value depends on that value's own gradient and state alone, as in Adam, AdamW,
            SGD, RMSprop or Adagrad; its closure is called once a step.

    Returns:
        The same optimizer.

    Raises:
        ConfigError: In the first step, if the optimizer keeps state that is not elementwise, as Adafactor does.
    """
    plain_step: Callable[[], Any] = optimizer.step

    @functools.wraps(plain_step)
    def step(self: Optimizer, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()  # only now the gradients are there
        with _rows_in_place_of_parameters(self):
            plain_step()
        return loss

    optimizer.step = MethodType(step, optimizer)  # type: ignore[method-assign]
    return optimizer


@contextmanager
def _rows_in_place_of_parameters(optimizer: Optimizer) -> Iterator[None]:
    """Whatever happens inside, the parameters are back at the end."""
    parameters = [group["params"] for group in optimizer.param_groups]
    touched = {weight: _Rows(optimizer, weight) for group in parameters for weight in group if _is_row_sparse(weight)}
    try:
        for group in optimizer.param_groups:
            group["params"] = [touched[p].rows if p in touched else p for p in group["params"]]
        for rows in touched.values():
            rows.take_state()
        yield
        for rows in touched.values():
            rows.put_back()
    finally:
        for group, params in zip(optimizer.param_groups, parameters, strict=True):
            group["params"] = params
        for rows in touched.values():
            optimizer.state.pop(rows.rows, None)


class _Rows:
    """The rows of one parameter that its gradient touches, as a dense parameter with a dense gradient."""

    def __init__(self, optimizer: Optimizer, weight: nn.Parameter) -> None:
        assert weight.grad is not None
        grad = weight.grad.coalesce()
        self.optimizer, self.weight, self.index = optimizer, weight, grad.indices()[0]
        # As long as there is no state, one row of zeros more: its state after the step is the one that rows start with.
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
    def put_back(self) -> None:
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
                f"{tuple(self.rows.shape)} values; row-sparse updates need an elementwise optimizer, so take one such "
                "as torch.optim.Adam, or dense updates of the embedding"
            )


def _is_row_sparse(parameter: Tensor) -> bool:
    return parameter.grad is not None and parameter.grad.is_sparse


def _shape(value: Any) -> torch.Size | None:
    return value.shape if isinstance(value, Tensor) else None


def prefer_fused(optimizer: AnyOptimizer) -> AnyOptimizer:
    """Choose the fused implementation in each parameter group that has one and was told neither `fused` nor `foreach`.

    It goes once through the memory of a table where torch's default goes several times.

    Returns:
        The same optimizer.
    """
    for group in optimizer.param_groups:
        undecided = group.get("fused", False) is None and group["foreach"] is None and not group["differentiable"]
        devices = {parameter.device.type for parameter in group["params"]}
        if undecided and devices <= ({"cpu"} if isinstance(optimizer, Adagrad) else {"cpu", "cuda"}):
            group["fused"] = True
    return optimizer


def keep_out_of_ddp(module: nn.Module, name: str) -> None:
    """Let `DistributedDataParallel` leave one parameter alone, once every rank has the values of rank 0.

    NCCL cannot reduce sparse gradients; `all_reduce_rows` takes over. To be called before the module is wrapped.

    Args:
        module: The module that will be wrapped.
        name: The parameter's name in it, such as `embedding.weight`.
    """
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(module, [name])
    if distributed.is_initialized():
        distributed.broadcast(module.get_parameter(name).detach(), src=0)


def all_reduce_rows(grad: Tensor) -> Tensor:
    """Return the mean over all ranks of a sparse gradient; every rank calls it and gets the same bits.

    Args:
        grad: Sparse, with any rows, or none. *Shape:* `(vocab_size, embedding_dim)`.

    Returns:
        The mean: sparse, coalesced, with the rows of all ranks. *Shape:* `(vocab_size, embedding_dim)`.
    """
    ranks = distributed.get_world_size()
    grad = grad.coalesce()
    index, values = grad.indices()[0], grad.values()
    counts = _all_gather(torch.tensor([len(index)], device=grad.device), ranks)
    most = int(max(counts))
    padding = most - len(index)  # ranks exchange tensors of one size; the rest is cut off again
    indices = _all_gather(nn.functional.pad(index, (0, padding)), ranks)
    rows = _all_gather(nn.functional.pad(values, (0, 0, 0, padding)), ranks)
    index = torch.cat([index[:count] for index, count in zip(indices, counts, strict=True)])
    values = torch.cat([rows[:count] for rows, count in zip(rows, counts, strict=True)])
    return torch.sparse_coo_tensor(index.unsqueeze(0), values / ranks, grad.shape, check_invariants=False).coalesce()


def _all_gather(tensor: Tensor, ranks: int) -> list[Tensor]:
    gathered = [torch.empty_like(tensor) for _ in range(ranks)]
    distributed.all_gather(gathered, tensor.contiguous())
    return gathered
