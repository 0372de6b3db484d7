from functools import partial

import pytest
import torch
from torch.nn import Parameter
from torch.optim import SGD, Adam, lr_scheduler

from lit_transfer.errors import ConfigError
from lit_transfer.training.optimization.optimizer import make_optimizer, make_schedule
from tests.samples import fit


def groups(**second):
    return [{"params": [Parameter(torch.ones(3, 2))], "lr": 0.1}, {"params": [Parameter(torch.ones(3, 2))], **second}]


def test_groups_keep_their_names_and_get_one_where_they_have_none():
    optimizer = make_optimizer(Adam, groups(name="embedding", lr=0.01), by_rows=False)
    assert [(group["name"], group["lr"]) for group in optimizer.param_groups] == [("group_0", 0.1), ("embedding", 0.01)]


@pytest.mark.parametrize("by_rows", [False, True])
def test_only_row_sparse_updates_leave_rows_without_a_gradient_where_momentum_would_take_them(by_rows):
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


def one_cycle(**arguments):
    return partial(lr_scheduler.OneCycleLR, max_lr=0.05, **arguments)


@pytest.mark.parametrize(("interval", "steps"), [(None, 15), ("step", 15), ("epoch", 3)])
def test_a_number_of_steps_that_is_left_out_is_filled_in(tmp_path, interval, steps, capsys):
    _, trainer = fit(
        tmp_path, lr_scheduler=one_cycle(), lr_scheduler_interval=interval, trainer={"max_epochs": 3}, transfer="init"
    )
    (config,) = trainer.lr_scheduler_configs
    assert config.scheduler.total_steps == steps == config.scheduler.last_epoch
    assert config.interval == (interval or "step")
    assert f"OneCycleLR over {steps} steps, updated after each {interval or 'step'}" in capsys.readouterr().out
    network, embedding = trainer.optimizers[0].param_groups
    assert network["lr"] == embedding["lr"] != 0.01


def linear(optimizer, num_training_steps):
    return lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / num_training_steps)


def test_schedules_of_transformers_are_given_theirs(tmp_path):
    _, trainer = fit(tmp_path, lr_scheduler=linear, trainer={"accumulate_grad_batches": 2})
    assert trainer.global_step == 6 and trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0)


def test_a_training_without_an_end_has_no_number_of_steps(tmp_path):
    with pytest.raises(ConfigError, match="The schedule needs total_steps, which is unknown"):
        fit(tmp_path, lr_scheduler=one_cycle(), trainer={"max_epochs": -1, "max_time": {"hours": 1}})


def test_a_schedule_for_fewer_steps_than_there_are_is_refused_before_training(tmp_path):
    with pytest.raises(ConfigError, match=r"OneCycleLR has total_steps = 9, but the training takes 10 \(steps\)"):
        fit(tmp_path, lr_scheduler=one_cycle(total_steps=9))


def test_a_schedule_of_steps_that_moves_by_epochs_is_warned_of(tmp_path):
    with pytest.warns(UserWarning, match="OneCycleLR has 10 steps, but steps only 2 times, after each epoch"):
        fit(tmp_path, lr_scheduler=one_cycle(total_steps=10), lr_scheduler_interval="epoch")


def test_another_error_of_a_schedule_is_its_own(tmp_path):
    with pytest.raises(ValueError, match="Expected float between 0 and 1 pct_start"):
        fit(tmp_path, lr_scheduler=one_cycle(pct_start=2.0))


@pytest.mark.parametrize("name", ["optimizer", "lr_scheduler"])
def test_a_class_path_in_python_is_an_error_that_names_what_is_wanted(tmp_path, name):
    with pytest.raises(
        ConfigError, match=rf"{name} is {{'class_path': .*}}; expected a callable, such as functools.partial"
    ):
        fit(tmp_path, trainer={"max_epochs": 1}, **{name: {"class_path": "torch.optim.lr_scheduler.OneCycleLR"}})
