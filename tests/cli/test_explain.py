import json

import pytest

from lit_transfer.cli.main import main
from tests.samples import fit, write_corpus


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    _, trainer = fit(folder, transfer="frozen", trainer={"max_epochs": 8})
    trainer.save_checkpoint(folder / "best.ckpt")
    return folder


@pytest.fixture
def explain(trained, monkeypatch, capsys):
    monkeypatch.chdir(trained)

    def run(*args):
        main(["explain", "best.ckpt", *args])
        return capsys.readouterr().out

    return run


def test_the_terminal_shows_each_word_with_its_weight_and_what_is_unknown(explain):
    out = explain("a great zzz \x1b[31mfilm", "dull")
    assert out.startswith("positive ") and "great +" in out and "zzz? " in out and "\x1b[31m" not in out
    assert "2 of 4 words unknown" in out or "1 of 4 words unknown" in out
    assert "negative " in out


def test_json_and_html_go_to_the_output_or_a_file(explain, trained):
    [first, second] = map(json.loads, explain("--format", "json", "a great film", "a dull one").splitlines())
    assert (first["label"], second["label"]) == ("positive", "negative")
    assert {"word", "status", "weights"} == set(first["words"][0])
    assert "<!doctype html>" in explain("--format", "html", "a <i>great</i> film")
    explain("a great film", "--format", "html", "--out", "words.html")
    assert "great" in (trained / "words.html").read_text()


def test_a_file_of_labelled_texts_becomes_a_page(explain, trained):
    write_corpus(trained / "t.tsv", 40)
    explain("--data.test_file", "t.tsv", "--out", "report.html")
    assert "Worst errors" in (trained / "report.html").read_text()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "either texts to explain or --data.test_file"),
        (["a text", "--data.test_file", "t.tsv"], "either texts to explain or --data.test_file"),
        (["--data.test_file", "missing.tsv", "--out", "r.html"], "missing.tsv"),
        (["--data.test_file", "t.tsv"], "Give --out"),
    ],
)
def test_invalid_arguments_are_an_error(explain, capsys, args, told):
    with pytest.raises(SystemExit) as stop:
        explain(*args)
    assert stop.value.code == 2
    assert told in capsys.readouterr().err
