"""The network as an ONNX graph of standard ONNX operators.

The LSTM operator of ONNX takes the lengths of the sequences and ignores the padding in both directions, whereas a traced
torch graph would keep the lengths of the batch that it was traced with.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from lit_transfer.errors import ConfigError, missing_package
from lit_transfer.layers.network import Network
from lit_transfer.layers.pooling import of_states

# Published in 2021; supported by onnxruntime since 1.10.
OPSET, IR_VERSION = 15, 8
# Maximum size of a protocol buffers file.
MOST_BYTES = 2**31 - 2**20


def build_graph(network: Network, *, unseen: bool) -> Any:
    """Build the ONNX model of a network, an `onnx.ModelProto`.

    The inputs are `token_ids` (int64, `(batch, seq)`, padded at the end), `lengths` (int32, `(batch,)`, at least 1) and,
    optionally, `unseen` (float32, `(words, embedding_dim)`), the vectors of the ids after the vocabulary. The output is
    `logits` (float32, `(batch, num_classes)`). The sizes of batch, sequence and unseen words are dynamic.

    Args:
        network: The network, with the default `encode` and `pool`.
        unseen: Whether the graph has an input for vectors of words outside the vocabulary.

    Raises:
        ConfigError: The network overrides a step that the graph does not support, onnx is not installed, or the model
            exceeds the maximum size of an ONNX file.
    """
    onnx = import_onnx()
    for name in ("encode", "pool", "features", "forward"):
        if getattr(type(network), name) is not getattr(Network, name):
            raise ConfigError(
                f"{type(network).__name__} overrides `{name}`, which the ONNX export does not support. Use torch.onnx instead."
            )
    size = sum(parameter.numel() * 4 for parameter in network.parameters())
    if size > MOST_BYTES:
        raise ConfigError(
            f"The network has {size / 2**30:.1f} GiB of weights, but an ONNX file has at most 2 GiB. Train with a smaller "
            "vocabulary (--data.min_freq, --data.max_vocab_size)."
        )
    graph = _Graph(onnx)
    embedded = _embed(graph, network, unseen)
    states, last = _encode(graph, network, embedded)
    logits = graph(
        "Gemm",
        _features(graph, network, embedded, states, last),
        graph.constant("softmax_weight", network.softmax.weight),
        graph.constant("softmax_bias", network.softmax.bias),
        transB=1,
        output="logits",
    )
    free = onnx.helper.make_tensor_value_info
    types = graph.types
    inputs = [
        free("token_ids", types.INT64, ["batch", "seq"]),
        free("lengths", types.INT32, ["batch"]),
        *([free("unseen", types.FLOAT, ["words", network.embedding.embedding_dim])] if unseen else []),
    ]
    outputs = [free(logits, types.FLOAT, ["batch", network.softmax.out_features])]
    made = onnx.helper.make_graph(graph.nodes, "lit_transfer", inputs, outputs, graph.constants)
    model = onnx.helper.make_model(
        made, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="lit_transfer"
    )
    onnx.checker.check_model(model)
    return model


def import_onnx() -> Any:
    """Import onnx.

    Raises:
        ConfigError: The package is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise ConfigError(missing_package("The export", "onnx", "onnx", error)) from error
    return onnx


class _Graph:
    """Builder of a graph's nodes and constants; a call adds a node and returns the name of its output."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.types = onnx.TensorProto
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def __call__(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        return self.several(operator, *inputs, outputs=[output or f"{operator}_{len(self.nodes)}"], **attributes)[0]

    def several(self, operator: str, *inputs: str, outputs: list[str], **attributes: Any) -> list[str]:
        """Add a node with several outputs."""
        self.nodes.append(self._onnx.helper.make_node(operator, inputs, outputs, name=outputs[0], **attributes))
        return outputs

    def constant(self, name: str, value: Any) -> str:
        """Add a constant; constants with the same name are added once."""
        array = value.detach().cpu().float().numpy() if isinstance(value, Tensor) else np.asarray(value)
        if all(constant.name != name for constant in self.constants):
            self.constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def _embed(graph: _Graph, network: Network, unseen: bool) -> str:
    """Add the embedding lookup. *Shape:* `(seq, batch, embedding_dim)`."""
    table = network.embedding
    weight = graph.constant("embedding", table.weight)
    ids = graph("Transpose", "token_ids", perm=[1, 0])  # (seq, batch)
    if not unseen:
        return graph("Gather", weight, ids)
    # Each word has a row in one of the two tables, and the zero row in the other.
    last_id = graph.constant("last_id", np.int64(table.num_embeddings - 1))
    outside = graph("Greater", ids, last_id)
    inside = graph("Where", outside, graph.constant("pad_id", np.int64(table.padding_idx)), ids)
    known = graph("Gather", weight, inside)
    zeros = graph.constant("zero_row", np.zeros((1, table.embedding_dim), np.float32))
    rows = graph("Concat", zeros, "unseen", axis=0)
    number = graph("Max", graph("Sub", ids, last_id), graph.constant("no_row", np.int64(0)))
    own = graph("Gather", rows, number)
    return graph("Add", known, own)


def _encode(graph: _Graph, network: Network, states: str) -> tuple[str, str]:
    """Add the LSTM: states `(seq, batch, state_size)` and last states `(batch, state_size)`."""
    directions = ("", "_reverse") if network.bidirectional else ("",)
    last = ""
    for layer in range(network.num_layers):
        weights = [
            [getattr(network.lstm, f"{name}_l{layer}{way}") for way in directions]
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        input_weight, state_weight, input_bias, state_bias = (
            np.stack([_onnx_order(each, network.hidden_size) for each in some]) for some in weights
        )
        found, last = graph.several(
            "LSTM",
            states,
            graph.constant(f"input_weight_{layer}", input_weight),  # (directions, 4 * hidden, inputs)
            graph.constant(f"state_weight_{layer}", state_weight),  # (directions, 4 * hidden, hidden)
            graph.constant(f"bias_{layer}", np.concatenate([input_bias, state_bias], axis=1)),
            "lengths",
            outputs=[f"states_{layer}", f"last_{layer}"],
            hidden_size=network.hidden_size,
            direction="bidirectional" if network.bidirectional else "forward",
        )  # (seq, directions, batch, hidden), (directions, batch, hidden)
        both = graph("Transpose", found, perm=[0, 2, 1, 3])
        states = graph("Reshape", both, graph.constant("join_directions", np.array([0, 0, -1])))
    ends = graph("Transpose", last, perm=[1, 0, 2])
    return states, graph("Reshape", ends, graph.constant("join_ends", np.array([0, -1])))


def _onnx_order(weight: Tensor, hidden: int) -> np.ndarray:
    """Reorder the gates of a weight or bias from torch (input, forget, cell, output) to ONNX (i, o, f, c)."""
    i, f, c, o = weight.detach().cpu().float().numpy().reshape(4, hidden, -1)
    joined = np.concatenate([i, o, f, c])  # (4 * hidden, inputs), of a bias (4 * hidden, 1)
    return joined if weight.ndim == 2 else joined[:, 0]


def _features(graph: _Graph, network: Network, embedded: str, states: str, last: str) -> str:
    """Reduce the states, and by `pooling` the embedded words, to the features. *Shape:* `(batch, feature_size)`."""
    pooled = [_pool_by(name, graph, states, last) for name in of_states(network.architecture.pooling)]
    if network.architecture.has_embedding_mean:
        pooled.append(_pool_by("mean", graph, embedded, last))
    return pooled[0] if len(pooled) == 1 else graph("Concat", *pooled, axis=1)


def _pool_by(pooling: str, graph: _Graph, states: str, last: str) -> str:
    """Reduce the states by one pooling. *Shape:* `(batch, state_size)`."""
    if pooling == "last":
        return last
    zero, one = graph.constant("zero", np.int64(0)), graph.constant("one", np.int64(1))
    second_axis, third_axis = graph.constant("axis_1", np.array([1])), graph.constant("axis_2", np.array([2]))
    seq = graph("Gather", graph("Shape", states), zero, axis=0)
    steps = graph("Unsqueeze", graph("Range", zero, seq, one), second_axis)  # (seq, 1)
    inside = graph("Less", steps, graph("Cast", "lengths", to=graph.types.INT64))  # (seq, batch)
    inside = graph("Unsqueeze", inside, third_axis)  # (seq, batch, 1)
    if pooling == "max":
        masked = graph("Where", inside, states, graph.constant("lowest", np.float32(-np.inf)))
        return graph("ReduceMax", masked, axes=[0], keepdims=0)
    masked = graph("Where", inside, states, graph.constant("nothing", np.float32(0)))
    total = graph("ReduceSum", masked, graph.constant("axis_0", np.array([0])), keepdims=0)
    count = graph("Unsqueeze", graph("Cast", "lengths", to=graph.types.FLOAT), second_axis)  # (batch, 1)
    return graph("Div", total, count)
