import pytest
import torch
from torch.nn import Parameter
from torch.optim import SGD, Adam, lr_scheduler

from lit_transfer.training.optimization import make_optimizer, make_schedule


def groups(**second):
    return [{"params": [Parameter(torch.ones(3, 2))], "lr": 0.1}, {"params": [Parameter(torch.ones(3, 2))], **second}]


def test_groups_keep_their_names_and_get_one_where_they_have_none():
    optimizer = make_optimizer(Adam, groups(name="embedding", lr=0.01), by_rows=False)
    assert [(group["name"], group["lr"]) for group in optimizer.param_groups] == [("group_0", 0.1), ("embedding", 0.01)]


@pytest.mark.parametrize("by_rows", [False, True])
def test_only_an_optimizer_by_rows_leaves_rows_without_a_gradient_where_momentum_would_take_them(by_rows):
    (group, _) = groups(lr=0.1)
    (weight,) = group["params"]
    optimizer = make_optimizer(lambda given: SGD(given, momentum=0.9), [group], by_rows)
    for row in (0, 1):
        gradient = torch.sparse_coo_tensor([[row]], torch.ones(1, 2), (3, 2), check_invariants=False)
        weight.grad = gradient if by_rows else gradient.to_dense()
        optimizer.step()
    assert weight[0].tolist() == pytest.approx([0.9, 0.9] if by_rows else [0.9 - 0.09] * 2)


def test_a_schedule_begins_with_the_rates_in_their_ratio():
    optimizer = make_optimizer(Adam, groups(lr=0.001), by_rows=False)
    schedule = make_schedule(lambda given: lr_scheduler.OneCycleLR(given, max_lr=0.5, total_steps=9), optimizer, "step")
    first, second = (group["lr"] for group in optimizer.param_groups)
    assert first == pytest.approx(0.5 / 25) and second == pytest.approx(first / 100)
    assert schedule["interval"] == "step" and "monitor" not in schedule


def test_a_plateau_is_watched_in_val_loss_unless_it_names_another_figure():
    optimizer = make_optimizer(Adam, groups(lr=0.1), by_rows=False)
    assert make_schedule(lr_scheduler.ReduceLROnPlateau, optimizer, "epoch")["monitor"] == "val_loss"

    def named(given):
        scheduler = lr_scheduler.ReduceLROnPlateau(given)
        scheduler.monitor = "val_f1"
        return scheduler

    assert make_schedule(named, optimizer, "epoch")["monitor"] == "val_f1"
