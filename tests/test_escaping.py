"""Escaping of untrusted text, and of characters that an encoding lacks."""

import io
import json
import os
import subprocess
import sys

import pytest
from rich.console import Console

from lit_transfer.escaping import prepare_streams


@pytest.mark.parametrize("encoding", ["cp949", "cp1252", "ascii"])
def test_json_printed_to_any_encoding_stays_json(monkeypatch, encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    prepare_streams()
    print(json.dumps("é 영화 🎬", ensure_ascii=False), flush=True)
    assert json.loads(stream.buffer.getvalue().decode(encoding)) == "é 영화 🎬"


def test_closed_streams_lead_to_the_null_device():
    program = "from lit_transfer.escaping import prepare_streams as p; p(); print('a'); import sys; assert sys.stdin.read() == ''"
    subprocess.run(["sh", "-c", f'exec {sys.executable} -c "$0" >&- <&-', program], check=True)


def test_a_terminal_of_no_width_shows_what_is_printed(monkeypatch):
    for name in ("COLUMNS", "LINES"):
        monkeypatch.setenv(name, "0")
    prepare_streams()
    console = Console(file=io.StringIO())
    console.print("a good film")
    assert console.file.getvalue() == "a good film\n"
    monkeypatch.setenv("COLUMNS", "60")
    prepare_streams()
    assert os.environ["COLUMNS"] == "60"


def test_the_list_of_commands_is_shown_without_rich():
    program = "import sys; from lit_transfer.cli.main import main; main(['--help']); assert 'rich' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)
