import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lit_transfer.layers.lstm import LSTM

INPUT_SIZE, HIDDEN = 3, 4


def packed_reference(lstm: nn.LSTM, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return the states of `nn.LSTM` over packed sequences, and the last states of the top layer."""
    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    states, (last, _) = nn.LSTM.forward(lstm, packed)
    directions = 2 if lstm.bidirectional else 1
    top = last[-directions:].transpose(0, 1).flatten(1)
    return pad_packed_sequence(states, batch_first=True, total_length=inputs.shape[1])[0], top


def gradients(lstm: nn.Module, inputs: Tensor, outputs: tuple[Tensor, Tensor]) -> list[Tensor]:
    """Return the gradients of the inputs and the parameters, for a loss with a different weight for each output."""
    torch.manual_seed(1)
    loss = sum((output * torch.randn(output.shape, dtype=output.dtype)).sum() for output in outputs)
    return list(torch.autograd.grad(loss, [inputs, *lstm.parameters()]))


def assert_same(ours: list[Tensor], theirs: list[Tensor], atol: float) -> None:
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, atol=atol, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    extra=st.integers(0, 3),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
)
def test_states_last_states_and_gradients_are_those_of_the_packed_lstm(
    dtype, lengths, extra, num_layers, bidirectional
):
    torch.manual_seed(0)
    lstm = LSTM(INPUT_SIZE, HIDDEN, num_layers, bidirectional).to(dtype)
    lengths = torch.tensor(lengths)
    inputs = torch.randn(len(lengths), int(lengths.max()) + extra, INPUT_SIZE, dtype=dtype, requires_grad=True)
    ours, theirs = lstm(inputs, lengths), packed_reference(lstm, inputs, lengths)
    atol = 1e-5 if dtype == torch.float32 else 1e-12
    assert_same(list(ours), list(theirs), atol)
    assert_same(gradients(lstm, inputs, ours), gradients(lstm, inputs, theirs), atol)


def test_a_sequence_gets_the_states_that_it_gets_alone():
    torch.manual_seed(0)
    lstm = LSTM(INPUT_SIZE, HIDDEN, num_layers=2)
    inputs, lengths = torch.randn(3, 7, INPUT_SIZE), torch.tensor([1, 7, 4])
    states, last = lstm(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, alone_last = nn.LSTM.forward(lstm, inputs[row : row + 1, :length])
        torch.testing.assert_close(states[row, :length], alone[0])
        torch.testing.assert_close(last[row], alone_last[0][-2:, 0].flatten())
        assert states[row, length:].eq(0).all()


def test_the_last_states_are_the_ends_of_the_two_directions():
    torch.manual_seed(0)
    states, last = LSTM(INPUT_SIZE, HIDDEN)(torch.randn(2, 5, INPUT_SIZE), torch.tensor([2, 5]))
    assert last[:, :HIDDEN].equal(torch.stack([states[0, 1, :HIDDEN], states[1, 4, :HIDDEN]]))
    assert last[:, HIDDEN:].equal(states[:, 0, HIDDEN:])


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e6])
def test_what_stands_in_the_padding_changes_nothing_and_gets_no_gradient(bad):
    torch.manual_seed(0)
    lstm, lengths = LSTM(INPUT_SIZE, HIDDEN, num_layers=2), torch.tensor([2, 5])
    clean = torch.randn(2, 5, INPUT_SIZE)
    dirty = clean.clone()
    dirty[0, 2:] = bad
    clean.requires_grad_()
    dirty.requires_grad_()
    outputs, dirty_outputs = lstm(clean, lengths), lstm(dirty, lengths)
    assert all(a.equal(b) for a, b in zip(outputs, dirty_outputs, strict=True))
    grads, dirty_grads = gradients(lstm, clean, outputs), gradients(lstm, dirty, dirty_outputs)
    assert all(a.equal(b) for a, b in zip(grads, dirty_grads, strict=True))
    assert dirty_grads[0][0, 2:].eq(0).all()


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_state_dict_loads_into_and_from_the_lstm_of_torch(num_layers, bidirectional):
    ours = LSTM(INPUT_SIZE, HIDDEN, num_layers, bidirectional)
    theirs = nn.LSTM(INPUT_SIZE, HIDDEN, num_layers, batch_first=True, bidirectional=bidirectional)
    inputs, lengths = torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 4])
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(inputs, lengths)[0], theirs(inputs)[0])
    theirs.reset_parameters()
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(inputs, lengths)[0], theirs(inputs)[0])


def test_it_starts_with_the_values_that_the_lstm_of_torch_starts_with():
    torch.manual_seed(3)
    ours = LSTM(INPUT_SIZE, HIDDEN, num_layers=2).state_dict()
    torch.manual_seed(3)
    theirs = nn.LSTM(INPUT_SIZE, HIDDEN, num_layers=2, bidirectional=True).state_dict()
    assert list(ours) == list(theirs) and all(ours[name].equal(theirs[name]) for name in ours)


def test_dropout_stands_between_the_layers_and_only_in_training():
    torch.manual_seed(0)
    lstm, kept = LSTM(INPUT_SIZE, HIDDEN, num_layers=2, dropout=1.0), LSTM(INPUT_SIZE, HIDDEN, num_layers=2)
    kept.load_state_dict(lstm.state_dict())
    top = LSTM(2 * HIDDEN, HIDDEN)
    top.load_state_dict({name: lstm.state_dict()[name.replace("l0", "l1")] for name in top.state_dict()})
    inputs, lengths = torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 3])
    assert lstm.eval()(inputs, lengths)[0].equal(kept(inputs, lengths)[0])
    nothing = torch.zeros(2, 4, 2 * HIDDEN)  # input of the top layer if all values of the layer below are dropped
    assert lstm.train()(inputs, lengths)[0].equal(top(nothing, lengths)[0])


def test_one_layer_has_no_dropout_of_its_own():
    lstm = LSTM(INPUT_SIZE, HIDDEN, num_layers=1)
    inputs, lengths = torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 3])
    assert lstm.train()(inputs, lengths)[0].equal(lstm(inputs, lengths)[0])


def operators(call) -> set[str]:
    with torch.profiler.profile() as profile:
        call()
    return {event.key for event in profile.key_averages()}


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN")
def test_on_a_cpu_training_runs_through_onednn_forwards_and_backwards():
    lstm, inputs, lengths = LSTM(INPUT_SIZE, HIDDEN), torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 2])
    seen = operators(lambda: lstm(inputs, lengths)[0].sum().backward())
    assert {"aten::mkldnn_rnn_layer", "aten::mkldnn_rnn_layer_backward"} <= seen
    assert "aten::mkldnn_rnn_layer" not in operators(lambda: packed_reference(lstm, inputs, lengths))


def test_the_path_of_gpus_gives_the_same_states():
    torch.manual_seed(0)
    lstm, inputs, lengths = LSTM(INPUT_SIZE, HIDDEN, 2), torch.randn(3, 6, INPUT_SIZE), torch.tensor([1, 5, 3])
    packed, padded = lstm.read_packed(inputs, lengths), lstm.read_padded(inputs, lengths)
    assert packed.shape == padded.shape == (3, 6, 2 * HIDDEN)
    torch.testing.assert_close(packed, padded)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bf16_autocast_trains_within_the_precision_of_bf16(dtype):
    torch.manual_seed(0)
    lstm, inputs, lengths = LSTM(INPUT_SIZE, HIDDEN, 2), torch.randn(3, 6, INPUT_SIZE), torch.tensor([1, 6, 3])
    exact = lstm(inputs, lengths)
    with torch.autocast("cpu", torch.bfloat16):
        states, last = lstm(inputs.to(dtype), lengths)
    assert states.dtype == last.dtype == torch.bfloat16
    torch.testing.assert_close(states.float(), exact[0], atol=0.02, rtol=0.02)
    states.float().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in lstm.parameters())


@pytest.mark.parametrize("rows", [48, 49, 53, 56])
def test_bf16_batches_of_any_size_have_the_states_and_gradients_of_float32(rows):
    torch.manual_seed(0)
    lstm, inputs, lengths = LSTM(INPUT_SIZE, HIDDEN, 2), torch.randn(rows, 6, INPUT_SIZE), torch.randint(1, 7, (rows,))
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        words = inputs.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            states, last = lstm(words, lengths)
        assert states.shape == (rows, 6, 2 * HIDDEN) and last.shape == (rows, 2 * HIDDEN)
        found.append(
            [value.float() for value in (states, last, *gradients(lstm, words, (states.float(), last.float())))]
        )
        lstm.zero_grad()
    for exact, rounded in zip(*found, strict=True):
        torch.testing.assert_close(rounded, exact, atol=0.02 * max(1.0, exact.abs().max().item()), rtol=0.02)


def test_large_bf16_batches_are_filled_up_to_a_size_that_onednn_divides_into_blocks(monkeypatch):
    rows, run = [], LSTM.read_once
    monkeypatch.setattr(LSTM, "read_once", lambda self, x, w: rows.append(x.shape[1]) or run(self, x, w))
    lstm = LSTM(INPUT_SIZE, HIDDEN, bidirectional=False)
    for dtype in (torch.bfloat16, torch.float32):
        for batch in (8, 47, 48, 49, 56, 251):
            lstm.to(dtype)(torch.randn(batch, 2, INPUT_SIZE, dtype=dtype), torch.full((batch,), 2))
    assert rows == [8, 47, 48, 64, 64, 256, 8, 47, 48, 49, 56, 251]


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_without_gradients_the_states_are_the_same(mode):
    lstm, inputs, lengths = LSTM(INPUT_SIZE, HIDDEN), torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 1])
    with mode():
        states = lstm.eval()(inputs, lengths)[0]
    torch.testing.assert_close(states, lstm.train()(inputs, lengths)[0])


def test_gradients_flow_in_eval_too():
    torch.manual_seed(0)
    lstm, lengths = LSTM(INPUT_SIZE, HIDDEN), torch.tensor([4, 1])
    inputs = torch.randn(2, 4, INPUT_SIZE, requires_grad=True)
    training = gradients(lstm, inputs, lstm(inputs, lengths))
    assert_same(gradients(lstm, inputs, lstm.eval()(inputs, lengths)), training, atol=1e-6)


def test_two_runs_give_the_same_bits():
    torch.manual_seed(0)
    lstm, lengths = LSTM(30, 40, num_layers=2), torch.randint(1, 20, (50,))
    inputs = torch.randn(50, 20, 30, requires_grad=True)
    first, second = (gradients(lstm, inputs, lstm(inputs, lengths)) for _ in range(2))
    assert all(a.equal(b) for a, b in zip(first, second, strict=True))


def test_torch_compile_leaves_the_states_as_they_are():
    lstm, inputs, lengths = LSTM(INPUT_SIZE, HIDDEN), torch.randn(2, 4, INPUT_SIZE), torch.tensor([4, 2])
    compiled = torch.compile(lstm, backend="eager")  # tests tracing only, not code generation
    torch.testing.assert_close(compiled(inputs, lengths)[0], lstm(inputs, lengths)[0])
