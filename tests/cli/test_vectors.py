import re

import pytest

from lit_transfer.cli.main import main
from lit_transfer.vectors import WordVectors
from tests.samples import write_corpus, write_vectors
from tests.vectors.shared import needs_gensim


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "corpus.tsv")
    write_vectors(tmp_path / "vectors.txt")
    return tmp_path


def test_inspect_shows_the_file_and_the_coverage_of_the_text(folder, capsys):
    main(["vectors", "inspect", "vectors.txt", "--words", "[good, zebra]", "--data.train_file", "corpus.tsv"])
    out = capsys.readouterr().out
    assert re.search(r"format +glove\b", out)
    assert re.search(r"words +21\b", out)
    assert re.search(r"dimensions +8\b", out)
    assert re.search(r"good +(great|fine|lovely|superb|brilliant) 0\.9", out)
    assert re.search(r"zebra +not found", out)
    assert re.search(r"coverage +\d+ of \d+ tokens \(9\d\.\d%\)", out)
    assert re.search(r"missing: (happy|terrible) \(\d+\), (happy|terrible) \(\d+\)", out)


def test_convert_writes_a_file_that_gives_the_same_rows(folder, capsys):
    main(["vectors", "convert", "vectors.txt", "vectors.mapped"])
    assert "vectors.mapped: 21 words, 8 dimensions" in capsys.readouterr().out
    words = ["good", "film", "zebra"]
    before, after = (WordVectors.open(name).lookup(words) for name in ("vectors.txt", "vectors.mapped"))
    assert WordVectors.open("vectors.mapped").format == "mapped"
    assert before[0].tolist() == after[0].tolist()
    assert before[1].tolist() == after[1].tolist()


@needs_gensim
def test_train_reads_unlabelled_text_too(folder, capsys):
    (folder / "plain.csv").write_text("text\n" + "good film\nbad film\n" * 20)
    main(["vectors", "train", "--data.train_file", "plain.csv", "--dim", "6", "--out", "own.txt"])
    out = capsys.readouterr().out
    assert "own.txt: 3 words, 6 dimensions" in out and "fit ... --data.vectors " in out
    assert WordVectors.open("own.txt").dim == 6


@needs_gensim
def test_adapt_trains_vectors_on_over_text_without_the_targets_test_texts(folder, capsys):
    (folder / "fit.yaml").write_text("data: {train_file: corpus.tsv, test_fraction: 0.2, val_fraction: 0.2}")
    held_out = (folder / "corpus.tsv").read_text().splitlines()[1:]
    texts = [line.split("\t")[0] + "." for line in held_out]
    (folder / "plain.txt").write_text("\n".join(["A good film was brand new. It was a good film."] * 20 + texts))
    main(
        [
            "vectors",
            "adapt",
            "--start",
            "vectors.txt",
            "--data.train_file",
            "plain.txt",
            "--data.target",
            "fit.yaml",
            "--out",
            "own.mapped",
            "--epochs",
            "1",
        ]
    )
    out = " ".join(capsys.readouterr().out.split())
    found = re.search(r"dropped: (\d+) that are also in the target's held-out texts, (\d+) near duplicates", out)
    assert found, out
    assert int(found[1]) >= 48  # 0.4 of 120 texts
    assert re.search(r"words \d+ trained on, 5 new, \d+ that the text lacks", out), out
    assert WordVectors.open("own.mapped").lookup(["brand", "good", "brilliant"])[1].all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "nope.txt"], "error: nope.txt: no such vectors file"),
        (["convert", "corpus.tsv", "out"], "error: .*corpus.tsv"),
        (["train", "--out", "v.txt"], "error: There is no text. Give --data.train_file."),
        (["train", "--out", "v.txt", "--data.train_file", "nope.csv"], "error: There is no file nope.csv"),
        (["adapt", "--start", "vectors.txt", "--out", "v.mapped"], "error: There is no unlabelled text."),
        (
            [
                "adapt",
                "--start",
                "vectors.txt",
                "--out",
                "v.mapped",
                "--data.train_file",
                "corpus.tsv",
                "--data.target",
                "vectors.txt",
            ],
            "error: target: The configuration vectors.txt is a single value",
        ),
        (["inspect"], "file"),
        ([], "Expected one of inspect, convert, train, adapt."),
    ],
)
def test_bad_input_ends_with_a_message_and_code_2(folder, capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(["vectors", *arguments])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert re.search(message, error)
    assert "Traceback" not in error
    assert sorted(path.name for path in folder.iterdir()) == ["corpus.tsv", "vectors.txt"]
