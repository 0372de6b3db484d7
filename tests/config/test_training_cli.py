"""Errors of the training commands before any data are read."""

from pathlib import Path

import pytest
from lightning.pytorch.utilities import rank_zero_only

from lit_transfer.cli.main import main
from tests.conftest import SMALL
from tests.samples import write_corpus, write_vectors


@pytest.fixture
def configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "corpus.tsv")
    write_vectors(tmp_path / "vectors.txt")
    Path("my.yaml").write_text(SMALL)
    return "my.yaml"


@pytest.mark.parametrize("name", ["RANK", "LOCAL_RANK", "SLURM_PROCID"])
def test_the_rank_that_another_job_left_is_an_error_that_names_the_variable(configuration, monkeypatch, capsys, name):
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(rank_zero_only, "rank", 1)  # as Lightning sets it when it is imported
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--config", configuration])
    said = capsys.readouterr().err
    assert stop.value.code != 0 and f"The environment has {name}=1, the rank of one process" in said
    assert f"env -u {name} lightning" in said and not Path("runs", "lightning_logs").exists()


def test_the_first_rank_of_one_process_trains(configuration, monkeypatch):
    for name, value in {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}.items():
        monkeypatch.setenv(name, value)
    main(["fit", "--config", configuration, "--trainer.max_epochs", "1"])
    assert list(Path("runs").rglob("*.ckpt"))
