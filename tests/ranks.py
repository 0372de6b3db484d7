"""Code for the processes of test_row_sparse_trainer.py, in a separate module since each process imports it."""

import copy
from pathlib import Path

import torch
from torch import Tensor, distributed, nn
from torch.optim import Adam

from lit_transfer.training.optimization.row_sparse import all_reduce_rows, keep_out_of_ddp, step_by_rows

WORDS, DIM = 6, 3


def gradient(tokens: list[int], seed: int = 0) -> Tensor:
    """Return a gradient as of `nn.Embedding(sparse=True)`: one row per token, with duplicates for repeated words."""
    torch.manual_seed(100 + seed)
    index = torch.tensor([tokens], dtype=torch.long)
    return torch.sparse_coo_tensor(index, torch.randn(len(tokens), DIM), (WORDS, DIM), check_invariants=False)


def on_two_ranks(rank: int, meeting: Path) -> None:
    """Compare the ranks' mean gradients: each rank has its own rows, a common one, and a different number of rows."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=meeting.as_uri(), rank=rank, world_size=2)
    for batches in ([[1, 2, 2], [2, 5]], [[], [3, 0, 3, 3]], [[], []]):
        grad = gradient(batches[rank], rank)
        dense = grad.to_dense()
        distributed.all_reduce(dense)
        mean = all_reduce_rows(grad)
        assert mean.is_sparse and mean.is_coalesced()
        torch.testing.assert_close(mean.to_dense(), dense / 2)
        assert mean.indices()[0].tolist() == sorted(set(batches[0] + batches[1]))

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(rank)  # different initial values on each rank
            self.embedding = nn.Embedding(WORDS, DIM, sparse=True)
            self.softmax = nn.Linear(DIM, 2)

        def forward(self, tokens: Tensor) -> Tensor:
            return self.softmax(self.embedding(tokens)).square().sum()

    model = Model()
    keep_out_of_ddp(model, "embedding.weight")
    wrapped = nn.parallel.DistributedDataParallel(model)
    alone = copy.deepcopy(model)  # a single process with the batches of both ranks and dense updates
    alone.embedding.sparse = False
    optimizers = step_by_rows(Adam(model.parameters(), lr=0.1)), Adam(alone.parameters(), lr=0.1)
    everywhere = [0, 1, 2, 3, 4, 5]
    for _ in range(3):
        wrapped(torch.tensor([*everywhere, rank])).backward()
        model.embedding.weight.grad = all_reduce_rows(model.embedding.weight.grad)
        sum(alone(torch.tensor([*everywhere, other])) / 2 for other in range(2)).backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    for ours, theirs in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        other = ours.detach().clone()
        distributed.broadcast(other, src=0)
        assert ours.equal(other), "the ranks drifted apart"
    distributed.barrier()  # a process that exits first closes its connections
