"""The list of commands, and their exit codes."""

import contextlib
import gc
import os
from pathlib import Path

import matplotlib
import pytest
from lightning.pytorch.cli import LightningCLI

from lit_transfer.cli.main import COMMANDS, main
from tests.prepared import with_pipes


def test_the_trainers_commands_are_those_of_lightning():
    ours = {name for name, command in COMMANDS.items() if command.module == "fit"}
    assert ours == set(LightningCLI.subcommands())


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_command_with_a_sentence(capsys, args):
    main(args)
    lines = capsys.readouterr().out.splitlines()
    for name, command in COMMANDS.items():
        (line,) = [line for line in lines if line.startswith(f"  {name} ")]
        assert line.split(maxsplit=1)[1] in command.help
    assert max(map(len, lines)) < 100


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("learn", ""),
        ("train", " Did you mean fit?"),
        ("tset", " Did you mean test?"),
        ("compair", " Did you mean compare?"),
    ],
)
def test_an_unknown_command_is_reported_with_all_there_are(capsys, name, meant):
    with pytest.raises(SystemExit) as stop:
        main([name, "--config", "x.yaml"])
    assert stop.value.code == 2
    assert (
        capsys.readouterr().err
        == f"error: There is no command {name}.{meant} The commands are {', '.join(COMMANDS)}.\n"
    )


def test_ctrl_c_while_the_program_starts_ends_it_without_a_traceback(folder, prepared):
    (folder / "own.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfrom lit_transfer import TextClassifier as Model\n"
    )
    done = prepared("fit", "--config", "small.yaml", "--model", "own.Model")
    assert done.returncode == 130
    assert done.stderr.endswith("interrupted\n") and "Traceback" not in done.stderr


def test_a_reader_that_closes_early_is_no_error(folder):
    process, stdin, stdout = with_pipes(["lightning", "fit", "--help"], folder)
    stdin.close()
    stdout.close()
    process.wait(120)
    assert "Traceback" not in (folder / "stderr").read_text()


@pytest.mark.parametrize("collects", [True, False])
def test_modules_are_imported_without_searching_for_garbage_meanwhile(collects, monkeypatch):
    seen, at_exit = [], []

    class Module:
        @staticmethod
        def doctor():
            """Stand for a command that is a function."""

        @staticmethod
        def run(function, name, args):
            seen.append((name, gc.isenabled()))

    monkeypatch.setattr("atexit.register", at_exit.append)
    # The last one, since monkeypatch imports by it.
    monkeypatch.setattr("importlib.import_module", lambda name: seen.append((name, gc.isenabled())) or Module)
    try:
        if not collects:
            gc.disable()
        main(["doctor"])
    finally:
        gc.enable()
    imported = ["lit_transfer.cli.doctor", "lit_transfer.config.command"]
    assert seen == [*((name, False) for name in imported), ("lightning doctor", collects)]
    assert at_exit == [gc.freeze]


@pytest.mark.parametrize(
    "command",
    [
        ["explain", "x.ckpt", "a good film", "--format", "html", "--out"],
        ["contexts", "x.ckpt", "play", "a play", "they play", "--out"],
        ["init", "texts.csv", "--out"],
        ["threshold", "texts.csv", "--data.val_file", "texts.csv", "--min_accuracy", "0.9", "--out"],
        ["label", "texts.csv", "--out"],
        ["label", "--export_to"],
        ["tune", "--data.train_file", "texts.csv", "--tune.out"],
        ["vectors", "convert", "vectors.txt"],
        ["vectors", "train", "--data.train_file", "texts.csv", "--out"],
    ],
    ids=lambda command: " ".join([*command[:2], command[-1]]),
)
def test_a_folder_is_refused_as_the_file_to_write_and_nothing_is_written(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("texts.csv").write_text("text,label\na good film,pos\na bad film,neg\n")
    Path("vectors.txt").write_text("good 1 2\nbad 3 4\n")
    with pytest.raises(SystemExit) as stop:
        main([*command, "new/"])
    assert stop.value.code == 2
    assert "The output file is new/, which is a folder; expected the name of a file" in capsys.readouterr().err
    assert not Path("new").exists()


def test_a_backend_that_matplotlib_does_not_know_is_an_error_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    # As when it is imported with this variable.
    monkeypatch.setattr("lit_transfer.cli.main._run", lambda args: matplotlib.rcParams.update(backend="nonsense"))
    with pytest.raises(SystemExit) as stop:
        main(["fit"])
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert (
        said == "error: The environment variable MPLBACKEND is nonsense, which is no backend of matplotlib. Unset it.\n"
    )


@pytest.mark.parametrize(("called", "shown"), [("/opt/bin/lit-transfer", "lit-transfer"), ("__main__.py", "lightning")])
@pytest.mark.parametrize("command", [[], ["classify"], ["fit"], ["vectors"], ["compare"]])
def test_usage_names_the_program_that_was_called(capsys, monkeypatch, called, shown, command):
    monkeypatch.setattr("sys.argv", [called, *command, "--help"])
    with contextlib.suppress(SystemExit):
        main([*command, "--help"])
    assert capsys.readouterr().out.startswith(" ".join(["usage:", shown, *command]))


@pytest.mark.parametrize(
    ("given", "expected"), [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "active"}, None)]
)
def test_threads_of_openmp_sleep_soon_unless_the_user_chose(monkeypatch, given, expected):
    monkeypatch.setattr("os.environ", {k: v for k, v in os.environ.items() if "OMP_" not in k} | given)
    main(["--version"])
    assert os.environ.get("GOMP_SPINCOUNT") == expected
