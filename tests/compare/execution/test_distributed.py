import sys

import pandas as pd
import pytest

from lit_transfer.compare import run_comparison
from lit_transfer.errors import ConfigError, RunError
from tests.compare.samples import configuration, write_inputs

pytestmark = pytest.mark.timeout(600)
SMALL = {"modes": ["random", "frozen"], "baselines": ["tfidf"], "seeds": 1, "train_sizes": [20], "jobs": 2}
MEASURED = ["seconds", "wall_seconds", "predict_texts_per_second"]


def results(folder, monkeypatch, model=None, **options):
    monkeypatch.chdir(folder)
    config = configuration(folder, **SMALL, **options)
    if model is not None:
        config["model"]["class_path"] = f"tests.compare.samples.{model}"
    frame, _ = run_comparison(config)
    return frame.drop(columns=MEASURED)


@pytest.fixture(scope="module")
def local(two_workers, tmp_path_factory):
    """The inputs, and the results of the local pool; nothing is trained where Ray is missing."""
    folder = tmp_path_factory.mktemp("local")
    write_inputs(folder)
    with pytest.MonkeyPatch.context() as patch:
        return folder, results(folder, patch)


def test_a_cluster_gives_the_results_of_the_local_pool(local, two_workers, monkeypatch):
    folder, expected = local
    found = results(folder, monkeypatch, engine="ray", output_dir="ray")
    pd.testing.assert_frame_equal(found, expected)


def test_a_run_whose_worker_is_killed_is_repeated(local, two_workers, monkeypatch):
    folder, expected = local
    found = results(folder, monkeypatch, "DyingOnceClassifier", engine="ray", output_dir="killed")
    assert (folder / "died").exists()
    pd.testing.assert_frame_equal(found, expected)


def test_a_run_that_fails_is_named_with_its_log(local, two_workers, monkeypatch):
    folder, _ = local
    with pytest.raises(RunError, match=r"^(random|frozen)-\S+ failed: RuntimeError: not today\. See .*log\.txt"):
        results(folder, monkeypatch, "FailingClassifier", engine="ray", output_dir="failed")


def test_without_ray_the_error_says_how_to_install_it(local, monkeypatch):
    folder, _ = local
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r'pip install "lit_transfer\[ray\]"$'):
        results(folder, monkeypatch, engine="ray", output_dir="none")
