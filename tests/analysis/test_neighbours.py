import numpy as np
import pytest

from lit_transfer import WordVectors
from lit_transfer.analysis.neighbours import find_neighbours
from lit_transfer.errors import ConfigError
from tests.samples import fit


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model, _ = fit(folder, transfer="init", trainer={"max_epochs": 8}, lr=0.05)
    return model.predictor(), folder / "vectors.txt"


def cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_before_and_after_are_those_of_the_file_and_of_the_embedding(trained):
    predictor, path = trained
    [found] = find_neighbours(predictor, ["good"], nearest=3)
    vocabulary, table = predictor.preprocessing.vocabulary, predictor.network.embedding.weight.detach().numpy()
    words = [word for word in vocabulary.tokens[2:] if word != "good"]
    matrix, has = WordVectors.open(path).lookup([*words, "good"])
    before = sorted(
        ((cosine(matrix[-1], row), word) for word, row, there in zip(words, matrix, has, strict=False) if there),
        reverse=True,
    )
    ids = vocabulary.encode([*words, "good"])
    after = sorted(
        ((cosine(table[ids[-1]], table[i]), word) for word, i in zip(words, ids, strict=False)), reverse=True
    )
    for side, expected in ((found.before, before), (found.after, after)):
        assert [word for word, _ in side] == [word for _, word in expected[:3]]
        assert [value for _, value in side] == pytest.approx([value for value, _ in expected[:3]], abs=1e-5)
    assert found.cosine == pytest.approx(cosine(matrix[-1], table[ids[-1]]), abs=1e-5)
    assert found.cosine < 0.9999


def test_words_that_one_side_lacks_have_neighbours_on_the_other(trained):
    unseen, unknown, without = find_neighbours(trained[0], ["brilliant", "zzz", "happy"], nearest=3)
    assert unseen.after is None and unseen.cosine is None
    assert {word for word, _ in unseen.before} <= {"good", "great", "fine", "lovely", "superb"}
    assert unknown.before is None and unknown.after is None
    assert without.before is None and len(without.after) == 3


def test_frozen_vectors_stay_as_they_were(tmp_path):
    model, _ = fit(tmp_path, transfer="frozen", trainer={"max_epochs": 1})
    [found] = find_neighbours(model.predictor(), ["good"])
    assert found.cosine == pytest.approx(1.0, abs=1e-6)
    known = {word for word, _ in found.before}
    assert [word for word, _ in found.after if word in known][:5] == [word for word, _ in found.before][:5]


def test_less_than_one_neighbour_is_refused(trained):
    with pytest.raises(ConfigError, match="got 0"):
        find_neighbours(trained[0], ["good"], nearest=0)
