import json
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from lit_transfer import runtime
from lit_transfer.deploy.onnx.export import export
from lit_transfer.errors import CheckpointError, ConfigError
from lit_transfer.prediction.loading import load

pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")

TEXTS = ["a good film", "an awful plot", "", "Brilliant scene and actor", "zzz", "good <pad> <unk>", "é" * 3]
# Only onnxruntime and numpy are importable, and no other dependency of the package.
ALONE = """
import sys
blocked = ["torch", "lightning", "torchmetrics", "onnx", "jsonargparse", "yaml", "jinja2", "sklearn", "scipy", "pandas",
           "pyarrow", "datasets", "rich", "filelock", "platformdirs", "charset_normalizer", "gensim", "matplotlib", "wandb"]
sys.modules.update(dict.fromkeys(blocked))
import json, lit_transfer.runtime
model = lit_transfer.runtime.load(sys.argv[1])
print(json.dumps([model.classes_, model.predict(sys.argv[2:]), model.predict_proba(sys.argv[2:]).tolist()]))
"""


@pytest.fixture(scope="module")
def exported(frozen_model, tmp_path_factory):
    return export(load(frozen_model / "model.ckpt"), tmp_path_factory.mktemp("runtime") / "exported").folder


def test_it_answers_as_the_model_does_without_torch_and_all_else_but_numpy_and_onnxruntime(frozen_model, exported):
    process = subprocess.run(
        [sys.executable, "-c", ALONE, str(exported), *TEXTS],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    classes, labels, probabilities = json.loads(process.stdout)
    model = load(frozen_model / "model.ckpt")
    assert (classes, labels) == (model.classes_, model.predict(TEXTS))
    assert np.array(probabilities) == pytest.approx(model.predict_proba(TEXTS), abs=1e-4)


def test_a_server_of_an_exported_folder_needs_no_torch(exported):
    pytest.importorskip("litserve", reason="the extra serve is not installed")
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from lit_transfer.deploy.serve import TextAPI\n"
        "api = TextAPI(sys.argv[1]); api.setup('cpu')\n"
        "print([answer.label for answers in api.predict([['a good film'], ['bad', 'good']]) for answer in answers])"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, str(exported)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.strip() == "['positive', 'negative', 'positive']"


def test_any_iterable_is_taken_and_a_str_is_refused(exported):
    model = runtime.load(exported, batch_size=3)
    assert model.predict(text for text in TEXTS) == model.predict(TEXTS)
    assert model.predict([]) == [] and model.predict_proba([]).shape == (0, 2)
    assert [each.label for each in model.stream(TEXTS, chunk=2)] == model.predict(TEXTS)
    with pytest.raises(ConfigError, match="got one str"):
        model.predict("a good film")


def test_threads_and_a_pickled_copy_get_the_same_answers(exported):
    model = runtime.load(exported, threads=1)
    expected = model.predict_proba(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for answer in pool.map(lambda _: model.predict_proba(TEXTS), range(8)):
            assert answer == pytest.approx(expected, abs=1e-6)
    copy = pickle.loads(pickle.dumps(model))
    assert copy.predict_proba(TEXTS) == pytest.approx(expected, abs=1e-6)


def damage(name):
    """Return a way of damaging a folder, and the expected error."""
    return {
        "missing": (lambda path: shutil.rmtree(path), "is not an exported model"),
        "newer": (lambda path: rewrite(path, format=99), "has the format 99; expected at most 1"),
        "unknown key": (lambda path: rewrite(path, colour="red"), "is damaged"),
        "unknown form": (lambda path: rewrite(path, forms=["mirrored"]), "unknown forms of words"),
        "cut off": (lambda path: (path / "model.onnx").write_bytes(b"\x08\x08"), "cannot be read as an ONNX model"),
        "no json": (lambda path: (path / "vocabulary.json").write_text("{"), "vocabulary.json cannot be read"),
        "words": (lambda path: (path / "vocabulary.json").write_text("[1]"), "expected a list of words"),
        "vectors": (lambda path: (path / "unseen_vectors.npy").write_bytes(b"x"), "cannot be read"),
        "other vectors": (lambda path: np.save(path / "unseen_vectors.npy", np.zeros((2, 2))), "has the shape"),
        "a module": (lambda path: rewrite(path, tokenizer="os:system"), "pass the callable explicitly"),
    }[name]


def rewrite(path, **values):
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | values))


@pytest.mark.parametrize(
    "name",
    [
        "missing",
        "newer",
        "unknown key",
        "unknown form",
        "cut off",
        "no json",
        "words",
        "vectors",
        "other vectors",
        "a module",
    ],
)
def test_a_damaged_folder_is_reported_with_what_is_wrong(exported, tmp_path, name):
    do, message = damage(name)
    shutil.copytree(exported, tmp_path / "damaged")
    do(tmp_path / "damaged")
    with pytest.raises(ValueError, match=message) as told:
        runtime.load(tmp_path / "damaged")
    assert type(told.value).__module__ == CheckpointError.__module__
