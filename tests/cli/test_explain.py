import json

import pytest

from lit_transfer.cli.main import main
from tests.samples import write_corpus


@pytest.fixture
def explain(frozen_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*args):
        main(["explain", str(frozen_model / "model.ckpt"), *args])
        return capsys.readouterr().out

    return run


def test_the_terminal_shows_each_word_with_its_weight_and_what_is_unknown(explain):
    out = explain("a great zzz \x1b[31mfilm", "dull")
    assert out.startswith("positive ") and "great +" in out and "zzz? " in out and "\x1b[31m" not in out
    assert "2 of 4 words unknown" in out or "1 of 4 words unknown" in out
    assert "negative " in out


def test_json_and_html_go_to_the_output_or_a_file(explain, tmp_path):
    [first, second] = map(json.loads, explain("--format", "json", "a great film", "a dull one").splitlines())
    assert (first["label"], second["label"]) == ("positive", "negative")
    assert {"word", "status", "weights"} == set(first["words"][0])
    assert "<!doctype html>" in explain("--format", "html", "a <i>great</i> film")
    explain("a great film", "--format", "html", "--out", "words.html")
    assert "great" in (tmp_path / "words.html").read_text()


def test_a_file_of_labelled_texts_becomes_a_page(explain, tmp_path):
    write_corpus(tmp_path / "t.tsv", 40)
    explain("--data.test_file", "t.tsv", "--out", "report.html")
    assert "Worst errors" in (tmp_path / "report.html").read_text()


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


@pytest.mark.parametrize(("kind", "read"), [("json", json.loads), ("html", lambda page: page.index("</html>"))])
def test_nothing_else_is_in_the_output_that_is_named_as_a_file(frozen_model, capfd, kind, read):
    main(["explain", str(frozen_model / "model.ckpt"), "a good film", "--format", kind, "--out", "/dev/stdout"])
    out = capfd.readouterr().out
    assert read(out) and "written" not in out.splitlines()[-1]
