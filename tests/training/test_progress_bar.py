import re
from types import SimpleNamespace

import pytest

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.training.progress_bar import NotebookProgress, ProgressBar
from tests.samples import make_data, make_trainer, write_sets_of_labels


def test_an_epoch_of_many_batches_stays_on_one_line_of_80_columns(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    trainer = make_trainer(
        tmp_path, max_epochs=2, callbacks=[ProgressBar()], enable_progress_bar=True, logger=True, num_sanity_val_steps=0
    )
    trainer.fit(TextClassifier(hidden_size=4), make_data(tmp_path, batch_size=2))
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Epoch 1/1")]
    for part in ("36/36", "train_loss: ", "val_accuracy: "):
        assert part in line
    assert len(line.rstrip()) <= 80 - 8, "room for thousands of batches and tens of epochs"
    assert "v_num" not in line


def test_without_a_limit_of_epochs_the_bar_has_the_epoch_alone(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    trainer = make_trainer(
        tmp_path,
        max_epochs=-1,
        max_steps=9,
        callbacks=[ProgressBar()],
        enable_progress_bar=True,
        num_sanity_val_steps=0,
    )
    trainer.fit(TextClassifier(hidden_size=4), make_data(tmp_path, batch_size=20))
    shown = capsys.readouterr().out
    assert re.search(r"^Epoch \d ", shown, flags=re.MULTILINE) and "/-2" not in shown


@pytest.mark.parametrize("several", [False, True])
def test_a_notebook_shows_the_curve_of_the_score_that_its_task_has_as_the_main_one(tmp_path, monkeypatch, several):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **options: SimpleNamespace(update=shown.append))
    trainer = make_trainer(tmp_path, max_epochs=2, callbacks=[NotebookProgress()], enable_progress_bar=True)
    if several:
        data = TextDataModule(train_file=str(write_sets_of_labels(tmp_path / "sets.tsv")), label_separator="|")
    else:
        data = make_data(tmp_path)
    trainer.fit(TextClassifier(hidden_size=4, transfer="random"), data)
    last = shown[-1].data
    assert "2 of at most 2" in last and ("val_f1" if several else "val_accuracy") in last
    assert ("val_accuracy" if several else "val_f1") not in last


def test_a_notebook_without_a_limit_of_epochs_shows_the_epoch_alone(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *args, **options: SimpleNamespace(update=shown.append))
    limits = {"max_epochs": -1, "max_steps": 8}
    trainer = make_trainer(tmp_path, callbacks=[NotebookProgress()], enable_progress_bar=True, **limits)
    trainer.fit(TextClassifier(hidden_size=4), make_data(tmp_path, batch_size=20))
    words = re.sub(r"<style>.*?</style>|<[^>]+>", " ", shown[-1].data, flags=re.DOTALL)
    assert re.search(r"epoch\s+2\s+val_accuracy", words)


def test_the_class_path_of_version_0_1_warns_and_works():
    from lit_transfer.progress_bar import ProgressBar as Alias

    with pytest.warns(
        FutureWarning, match=r"lit_transfer\.progress_bar\.ProgressBar is deprecated, .* in lit_transfer 0\.4"
    ):
        assert isinstance(Alias(), ProgressBar)
