import itertools

import numpy as np
import pytest
import torch

from lit_transfer.deploy.onnx.graph import build_graph
from lit_transfer.errors import ConfigError
from lit_transfer.layers.architecture import Architecture
from lit_transfer.layers.network import Network

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
# Batches by the lengths of their texts.
LENGTHS = [[1], [1, 1, 1], [3, 1], [9, 9, 2, 5], [40, 1, 17], list(range(1, 65)), [200, 3]]


def network(cls=Network, **architecture):
    torch.manual_seed(0)
    made = cls()
    made.set_architecture(Architecture(**{"hidden_size": 7, **architecture}))
    made.build_layers(vocabulary_size=20, pad_id=0, num_classes=3, embedding_dim=5)
    return made.eval()


@pytest.mark.parametrize("unseen", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("pooling", ["last", "max", "mean", ["last", "max", "mean", "embedding_mean"]])
def test_the_graph_computes_what_the_network_computes_whatever_the_lengths(pooling, bidirectional, num_layers, unseen):
    torch_network = network(pooling=pooling, bidirectional=bidirectional, num_layers=num_layers)
    session = onnxruntime.InferenceSession(build_graph(torch_network, unseen=unseen).SerializeToString())
    vectors = torch.randn(6, 5)
    for some in LENGTHS:
        lengths = torch.tensor(some)
        token_ids = torch.randint(1, 26 if unseen else 20, (len(some), max(some)))
        token_ids[torch.arange(max(some)) >= lengths[:, None]] = 0
        with torch.inference_mode():
            expected = torch_network(token_ids, lengths, *([vectors] if unseen else [])).numpy()
        inputs = {"token_ids": token_ids.numpy(), "lengths": lengths.numpy().astype(np.int32)}
        [got] = session.run(None, inputs | ({"unseen": vectors.numpy()} if unseen else {}))
        assert got == pytest.approx(expected, abs=1e-6), some


def test_a_batch_without_unseen_words_has_an_empty_table_of_them():
    torch_network = network()
    session = onnxruntime.InferenceSession(build_graph(torch_network, unseen=True).SerializeToString())
    token_ids = np.array([[2, 3, 4]])
    inputs = {"token_ids": token_ids, "lengths": np.array([3], np.int32), "unseen": np.zeros((0, 5), np.float32)}
    with torch.inference_mode():
        expected = torch_network(torch.from_numpy(token_ids), torch.tensor([3]))
    assert session.run(None, inputs)[0] == pytest.approx(expected.numpy(), abs=1e-6)


def test_a_network_with_a_step_of_its_own_is_refused():
    class Attentive(Network):
        def pool(self, states, last, lengths):
            return states[:, 0]

    with pytest.raises(ConfigError, match="Attentive overrides `pool`"):
        build_graph(network(Attentive), unseen=False)


def test_the_two_sizes_of_a_batch_do_not_depend_on_each_other_in_the_graph():
    [shape] = [each.type.tensor_type.shape for each in build_graph(network(), unseen=False).graph.input][:1]
    assert [size.dim_param for size in shape.dim] == list(itertools.chain(["batch"], ["seq"]))
