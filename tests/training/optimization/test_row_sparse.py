import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, Optimizer, RAdam, RMSprop, Rprop

from lit_transfer.errors import ConfigError
from lit_transfer.training.optimization.clipping import clip_gradients
from lit_transfer.training.optimization.row_sparse import prefer_fused, step_by_rows
from tests.ranks import DIM, WORDS, gradient

# Elementwise optimizers of torch, and the initial value of the state of a row if it is not zero.
OPTIMIZERS = {
    "adam": (Adam, {"lr": 0.1}, {}),
    "adam fused": (Adam, {"lr": 0.1, "fused": True}, {}),
    "adam foreach": (Adam, {"lr": 0.1, "foreach": True, "amsgrad": True}, {}),
    "adam for loop, maximize": (Adam, {"lr": 0.1, "foreach": False, "maximize": True}, {}),
    "adam, decay": (Adam, {"lr": 0.1, "weight_decay": 0.1}, {}),
    "adamw": (AdamW, {"lr": 0.1, "weight_decay": 0.1}, {}),
    "sgd": (SGD, {"lr": 0.1}, {}),
    "sgd, momentum": (SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}, {}),
    "sgd, dampening": (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}, {}),
    "sgd, nesterov, fused": (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "fused": True}, {}),
    "rmsprop": (RMSprop, {"lr": 0.1, "momentum": 0.9, "centered": True}, {}),
    "adagrad": (Adagrad, {"lr": 0.1, "initial_accumulator_value": 0.5}, {"sum": 0.5}),
    "adagrad fused": (Adagrad, {"lr": 0.1, "fused": True}, {}),
    "adadelta": (Adadelta, {"lr": 1.0}, {}),
    "adamax": (Adamax, {"lr": 0.1}, {}),
    "nadam": (NAdam, {"lr": 0.1}, {}),
    "radam": (RAdam, {"lr": 0.1}, {}),
    "rprop": (Rprop, {"lr": 0.1}, {"step_size": 0.1}),
}

ids = st.lists(st.integers(0, WORDS - 1), max_size=8)


def table(seed: int = 0) -> nn.Parameter:
    torch.manual_seed(seed)
    return nn.Parameter(torch.randn(WORDS, DIM))


def dense_step_then_untouched_rows_undone(
    optimizer: Optimizer, weight: nn.Parameter, tokens: list[int], starts: dict[str, float]
) -> None:
    """Reference: a dense step, after which the weight and the state of rows outside the batch are restored."""
    weight_before = weight.detach().clone()
    state_before = {k: v.clone() for k, v in optimizer.state[weight].items() if isinstance(v, Tensor)}
    optimizer.step()
    for row in set(range(WORDS)) - set(tokens):
        weight.data[row] = weight_before[row]
        for name, value in optimizer.state[weight].items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                value[row] = state_before[name][row] if name in state_before else starts.get(name, 0.0)


@pytest.mark.parametrize(("optimizer_class", "arguments", "starts"), OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
@settings(max_examples=15, deadline=None)
@given(batches=st.lists(ids, min_size=1, max_size=5))
def test_a_step_is_the_dense_step_on_touched_rows_and_nothing_on_the_others(
    optimizer_class, arguments, starts, batches
):
    ours, theirs = table(), table()
    our_optimizer = step_by_rows(optimizer_class([ours], **arguments))
    their_optimizer = optimizer_class([theirs], **arguments)
    for number, tokens in enumerate(batches):
        ours.grad = gradient(tokens, number)
        theirs.grad = ours.grad.to_dense()
        our_optimizer.step()
        dense_step_then_untouched_rows_undone(their_optimizer, theirs, tokens, starts)
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
    our_state, their_state = our_optimizer.state_dict()["state"], their_optimizer.state_dict()["state"]
    if optimizer_class is not Adamax:  # whose other rows start at eps or at 0, which are equal after the next maximum
        torch.testing.assert_close(our_state.get(0, {}), their_state.get(0, {}), rtol=1e-6, atol=1e-7)


def test_rows_that_every_batch_touches_get_the_very_bits_of_dense_adam():
    ours, theirs = table(), table()
    our_optimizer, their_optimizer = step_by_rows(Adam([ours], lr=0.1)), Adam([theirs], lr=0.1)
    for number in range(20):
        ours.grad = gradient([0, 1, 2, 3, 4, 5, 0, 3], number)
        theirs.grad = ours.grad.to_dense()
        our_optimizer.step()
        their_optimizer.step()
    assert ours.equal(theirs)


def test_momentum_and_decay_move_untouched_rows_in_dense_mode_only():
    ours, theirs = table(), table()
    before = ours.detach().clone()
    our_optimizer = step_by_rows(AdamW([ours], lr=0.1, weight_decay=0.1))
    their_optimizer = AdamW([theirs], lr=0.1, weight_decay=0.1)
    for number, tokens in enumerate([[1, 2], [2]]):
        ours.grad = gradient(tokens, number)
        theirs.grad = ours.grad.to_dense()
        our_optimizer.step()
        their_optimizer.step()
        if number == 0:
            after_first = ours.detach().clone()
    assert ours[0].equal(before[0]) and ours[1].equal(after_first[1])
    assert not theirs[0].equal(before[0]) and not theirs[1].equal(after_first[1])
    torch.testing.assert_close(ours[2], theirs[2])


def test_one_optimizer_holds_the_dense_network_and_the_sparse_embedding_by_name():
    weight, layer = table(), nn.Linear(DIM, 2)
    optimizer = step_by_rows(
        Adam([{"params": layer.parameters(), "name": "network"}, {"params": [weight], "name": "embedding", "lr": 1.0}])
    )
    reference = copy.deepcopy(layer)
    reference_optimizer = Adam(reference.parameters())
    for model in (layer, reference):
        model(torch.ones(1, DIM)).sum().backward()
    weight.grad = gradient([1])
    before = weight.detach().clone()
    optimizer.step()
    reference_optimizer.step()
    assert all(a.equal(b) for a, b in zip(layer.parameters(), reference.parameters(), strict=True))
    torch.testing.assert_close((weight - before)[1].abs(), torch.ones(DIM))  # the length of Adam's first step is lr
    assert [(group["name"], group["lr"]) for group in optimizer.param_groups] == [("network", 1e-3), ("embedding", 1.0)]
    assert optimizer.param_groups[1]["params"][0] is weight


def test_the_state_is_the_plain_optimizers_and_a_resumed_run_goes_on_with_the_same_bits():
    def run(weight: nn.Parameter, optimizer: Optimizer, numbers: range) -> None:
        for number in numbers:
            weight.grad = gradient([number % WORDS, 1], number)
            optimizer.step()

    straight = table()
    run(straight, step_by_rows(Adam([straight], lr=0.1)), range(6))
    first = table()
    optimizer = step_by_rows(Adam([first], lr=0.1))
    run(first, optimizer, range(3))
    saved = copy.deepcopy(optimizer.state_dict())
    assert {name: tuple(value.shape) for name, value in saved["state"][0].items()} == {
        "step": (),
        "exp_avg": (WORDS, DIM),
        "exp_avg_sq": (WORDS, DIM),
    }
    resumed = nn.Parameter(first.detach().clone())
    optimizer = step_by_rows(Adam([resumed], lr=0.5))
    optimizer.load_state_dict(saved)
    run(resumed, optimizer, range(3, 6))
    assert resumed.equal(straight)
    Adam([resumed]).load_state_dict(saved)  # the state is also valid for a plain optimizer


@pytest.mark.parametrize("kind", ["none", "dense", "empty"])
def test_a_gradient_that_is_missing_dense_or_empty_is_what_it_is_to_the_plain_optimizer(kind):
    ours, theirs = table(), table()
    our_optimizer, their_optimizer = step_by_rows(Adam([ours])), Adam([theirs])
    for tokens in ([1, 2], [2]):
        ours.grad = gradient(tokens)
        theirs.grad = ours.grad.to_dense()
        our_optimizer.step()
        dense_step_then_untouched_rows_undone(their_optimizer, theirs, tokens, {})
    untouched: list[int] = [] if kind == "empty" else list(range(WORDS))
    grad = {"none": None, "dense": torch.ones(WORDS, DIM), "empty": gradient([])}[kind]
    ours.grad = grad
    theirs.grad = grad.to_dense() if kind == "empty" else grad
    our_optimizer.step()
    dense_step_then_untouched_rows_undone(their_optimizer, theirs, untouched, {})
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)
    assert our_optimizer.state[ours]["step"] == their_optimizer.state[theirs]["step"] == (2 if kind == "none" else 3)


def test_the_closure_runs_once_before_the_rows_are_taken_and_its_loss_comes_back():
    weight, calls = table(), []

    def closure() -> str:
        calls.append(torch.is_grad_enabled())
        weight.grad = gradient([1])
        return "loss"

    before = weight.detach().clone()
    with torch.no_grad():
        assert step_by_rows(Adam([weight])).step(closure=closure) == "loss"
    assert calls == [True]
    assert (weight != before).any(dim=1).tolist() == [False, True, False, False, False, False]


class Failing(Adam):
    broken = False

    def step(self, closure=None):
        if self.broken:
            raise RuntimeError("broken")
        return super().step(closure)


def test_a_step_that_fails_leaves_the_optimizer_whole():
    weight = table()
    optimizer = step_by_rows(Failing([weight]))
    weight.grad = gradient([1])
    optimizer.step()
    before, state = weight.detach().clone(), copy.deepcopy(optimizer.state_dict())
    optimizer.broken = True
    with pytest.raises(RuntimeError, match="broken"):
        optimizer.step()
    assert optimizer.param_groups[0]["params"][0] is weight and list(optimizer.state) == [weight]
    assert weight.equal(before)
    torch.testing.assert_close(optimizer.state_dict(), state)


def test_an_optimizer_whose_state_is_not_elementwise_is_refused_and_left_whole():
    weight = table()
    optimizer = step_by_rows(torch.optim.Adafactor([weight]))
    weight.grad = gradient([1, 2])
    with pytest.raises(ConfigError, match=r"Adafactor.*row_var.*elementwise"):
        optimizer.step()
    assert optimizer.param_groups[0]["params"][0] is weight


def test_a_scheduler_drives_the_steps_and_has_nothing_to_warn_of(recwarn):
    weight = table()
    optimizer = step_by_rows(SGD([weight], lr=1.0))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    moved = []
    for _ in range(3):
        before = weight.detach().clone()
        weight.grad = torch.sparse_coo_tensor([[2]], torch.ones(1, DIM), (WORDS, DIM))
        optimizer.step()
        scheduler.step()
        moved.append((before - weight)[2, 0].item())
    assert moved == pytest.approx([1.0, 0.5, 0.25])
    assert not [warning for warning in recwarn if "lr_scheduler" in str(warning.message)]


def test_hooks_of_a_step_run_once():
    weight, seen = table(), []
    optimizer = step_by_rows(Adam([weight]))
    optimizer.register_step_pre_hook(lambda *_: seen.append("before"))
    optimizer.register_step_post_hook(lambda *_: seen.append("after"))
    weight.grad = gradient([1])
    optimizer.step()
    assert seen == ["before", "after"]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("overflow", [False, True])
def test_a_grad_scaler_unscales_the_rows_and_skips_a_step_that_overflowed(fused, overflow):
    ours, theirs = table(), table()
    our_optimizer, their_optimizer = step_by_rows(Adam([ours], fused=fused)), Adam([theirs], fused=fused)
    before = ours.detach().clone()
    for weight, optimizer in ((ours, our_optimizer), (theirs, their_optimizer)):
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
        scaler.scale(torch.ones(()))
        grad = gradient([1, 4, 1]) * 1024.0 * (float("inf") if overflow else 1.0)
        weight.grad = grad if weight is ours else torch.where(grad.to_dense().isnan(), 0, grad.to_dense())
        scaler.step(optimizer)
        scaler.update()
        assert scaler.get_scale() == (512.0 if overflow else 1024.0)
    assert ours.equal(before) == overflow
    touched = [1, 4]
    torch.testing.assert_close(ours[touched], theirs[touched])


def test_the_embedding_of_torch_gives_the_padding_row_no_gradient_so_it_stays_zero():
    embedding = nn.Embedding(WORDS, DIM, padding_idx=0, sparse=True)
    optimizer = step_by_rows(AdamW(embedding.parameters(), lr=0.1, weight_decay=0.5))
    for _ in range(3):
        embedding(torch.tensor([[1, 2, 0], [1, 0, 0]])).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    assert embedding.weight[0].eq(0).all()
    assert embedding.weight.grad is None


def test_accumulated_gradients_step_as_their_sum():
    once, twice = table(), table()
    for weight, batches in ((once, [[1, 2, 2, 4]]), (twice, [[1, 2], [2, 4]])):
        for tokens in batches:
            nn.functional.embedding(torch.tensor(tokens), weight, sparse=True).square().sum().backward()
        step_by_rows(Adam([weight], lr=0.1)).step()
    torch.testing.assert_close(once, twice)


# --- clipping


@pytest.mark.parametrize("algorithm", ["norm", "value"])
@settings(max_examples=30, deadline=None)
@given(tokens=ids, limit=st.sampled_from([0.01, 0.5, 100.0]), scale=st.sampled_from([0.1, 10.0]))
def test_clipping_is_that_of_torch_on_the_dense_equivalent(algorithm, tokens, limit, scale):
    ours, theirs = [table(), table(1), table(2)], [table(), table(1), table(2)]
    ours[0].grad = gradient(tokens) * scale
    ours[1].grad = gradient([2]).to_dense()
    for our, their in zip(ours, theirs, strict=True):
        their.grad = None if our.grad is None else our.grad.to_dense() if our.grad.is_sparse else our.grad.clone()
    clip_gradients(iter(ours), limit, algorithm)
    if algorithm == "norm":
        nn.utils.clip_grad_norm_(theirs, limit)
    else:
        nn.utils.clip_grad_value_(theirs, limit)
    torch.testing.assert_close(ours[0].grad.to_dense(), theirs[0].grad)
    torch.testing.assert_close(ours[1].grad, theirs[1].grad)
    assert ours[2].grad is None


@pytest.mark.parametrize("limit", [None, 0.0])
def test_no_limit_clips_nothing(limit):
    weight = table()
    weight.grad = gradient([1, 2])
    clip_gradients([weight], limit, None)
    assert weight.grad.to_dense().equal(gradient([1, 2]).to_dense())


def test_a_repeated_word_is_clipped_by_its_sum():
    weight = nn.Parameter(torch.zeros(3, 1))
    weight.grad = torch.sparse_coo_tensor([[1, 1]], torch.tensor([[3.0], [4.0]]), (3, 1))
    clip_gradients([weight], 1.4, "norm")
    torch.testing.assert_close(weight.grad.to_dense(), torch.tensor([[0.0], [1.4], [0.0]]))


# --- dense tables


def test_fused_is_chosen_where_nothing_else_was_and_the_class_has_it():
    weight = table()
    assert prefer_fused(Adam([weight])).param_groups[0]["fused"] is True
    assert prefer_fused(Adam([weight], foreach=True)).param_groups[0]["fused"] is None
    assert prefer_fused(Adam([weight], fused=False)).param_groups[0]["fused"] is False
    assert "fused" not in prefer_fused(RMSprop([weight])).param_groups[0]


@pytest.mark.parametrize("optimizer_class", [Adam, AdamW, SGD, Adagrad])
def test_fused_steps_are_the_default_steps_within_float_error(optimizer_class):
    fused, plain = table(), table()
    optimizers = prefer_fused(optimizer_class([fused], lr=0.1)), optimizer_class([plain], lr=0.1)
    for number in range(5):
        for weight, optimizer in zip((fused, plain), optimizers, strict=True):
            weight.grad = gradient([0, 1, 2], number).to_dense()
            optimizer.step()
    torch.testing.assert_close(fused, plain, rtol=1e-5, atol=1e-6)


# --- the cost


@pytest.mark.parametrize("optimizer_class", [Adam, SGD, Adagrad])
def test_no_operation_of_a_training_step_allocates_more_than_the_rows_of_the_batch(optimizer_class):
    vocabulary, dim = 50_000, 8
    embedding = nn.Embedding(vocabulary, dim, padding_idx=0, sparse=True)
    arguments = {"momentum": 0.9} if optimizer_class is SGD else {}
    optimizer = step_by_rows(optimizer_class(embedding.parameters(), lr=0.1, **arguments))

    def step() -> None:
        embedding(torch.tensor([[1, 49_999, 7, 0]])).square().sum().backward()
        clip_gradients(embedding.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    step()  # the first step creates the state
    with torch.profiler.profile(profile_memory=True) as profile:
        step()
    largest = max(event.cpu_memory_usage for event in profile.key_averages())
    assert 0 < largest < vocabulary * dim  # bytes: a quarter of one copy of the table


# --- inside Lightning


# --- several processes
