"""Consoles that cannot show every character."""

import io

import pytest
import rich
from rich.console import Console

from lit_transfer.cli.main import main
from lit_transfer.console import print_line, print_summary


@pytest.fixture
def console(monkeypatch):
    """Replace the console by one of an encoding; return what was written to it."""

    def use(encoding):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(rich, "_console", Console(file=stream, width=80))
        return lambda: (stream.flush(), stream.buffer.getvalue().decode(encoding))[1]

    return use


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("cp949", r"caf\u00e9 영화"),
        ("cp1252", r"café \uc601\ud654"),
        ("ascii", r"caf\u00e9 \uc601\ud654"),
        ("utf-8", "café 영화"),
    ],
)
def test_print_line_and_print_summary_escape_characters_outside_the_encoding(console, encoding, shown):
    written = console(encoding)
    print_line("missing", "café 영화")
    print_summary([("missing", "café 영화")])
    assert written().splitlines() == [f"missing  {shown}"] * 2


def test_working_directory_that_is_gone_is_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("os.getcwd", lambda: (_ for _ in ()).throw(FileNotFoundError(2, "No such file or directory")))
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 2
    assert "The working directory no longer exists. Change to another one with cd." in capsys.readouterr().err


def test_a_notebook_gets_text_that_can_be_redirected_and_no_output_for_each_line(monkeypatch, capsys):
    monkeypatch.setattr(rich, "_console", Console(force_jupyter=True))
    print_line("best", "x.ckpt")
    print_summary([("a", "1")])
    assert capsys.readouterr().out.split() == ["best", "x.ckpt", "a", "1"]
