"""The help of every command: an example first, which runs, and the options that matter."""

import contextlib
import functools
import importlib
import io
import re
import shlex
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml

from lit_transfer.cli.main import COMMANDS, function_of, main
from lit_transfer.config.command import CommandParser
from tests.conftest import SMALL
from tests.samples import fit, write_corpus, write_vectors

NAMES = [(name, inner) for name, command in COMMANDS.items() for inner in (command.commands or [None])]
# Commands that wait for requests, and those that train for long: their arguments are read, and not followed.
ONLY_READ = {"serve", "try", "label", "compare", "pretrain", "distill", "audit", "tune", "doctor"}


@functools.cache
def printed(*words):
    """Return what a command prints; building a parser of the trainer takes a second."""
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        try:
            main([*words])
        except SystemExit as stop:
            assert stop.code == 0
    return out.getvalue()


def help_of(name, inner, *more):
    return printed(name, *([inner] if inner else []), "--help", *more)


def examples_of(text):
    block = re.search(r"\n(?:Example|Examples):\n((?:  .*\n)+)", text)
    assert block, text[:300]
    return [line.strip() for line in block[1].splitlines()]


@functools.cache
def parser_of(name, inner):
    command, key = (COMMANDS[name].commands[inner], inner) if inner else (COMMANDS[name], name)
    module = importlib.import_module(f"lit_transfer.cli.{command.module or name}")
    return module.HELP[key].parser(key) if hasattr(module, "main") else CommandParser(function_of(module, key), key)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("help")
    _, trainer = fit(folder, transfer="init", trainer={"max_epochs": 4})
    trainer.save_checkpoint(folder / "best.ckpt")
    rows = [line.split("\t") for line in write_corpus(folder / "t.tsv", 60).read_text().splitlines()[1:]]
    write_corpus(folder / "corpus.tsv")
    write_corpus(folder / "v.tsv", 400, seed=2)
    write_vectors(folder / "vectors.txt")
    pd.DataFrame({"text": [text for text, _ in rows], "label": [label for _, label in rows]}).to_csv(
        folder / "reviews.csv", index=False
    )
    (folder / "new.csv").write_text("body\n" + "".join(f"{text}\n" for text, _ in rows))
    (folder / "texts.txt").write_text("".join(f"{text}\n" for text, _ in rows) * 3)
    (folder / "my.yaml").write_text(SMALL + yaml.safe_dump({"seed_everything": 1}))
    return folder


@pytest.mark.parametrize(("name", "inner"), NAMES)
def test_the_help_begins_with_an_example_that_runs(name, inner, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", ["lightning"])
    command = examples_of(help_of(name, inner))[0].replace("glove-6b-50d", "vectors.txt").replace(" play ", " film ")
    words = shlex.split(command.partition(" >")[0].replace("configs/frozen.yaml", "my.yaml"))
    assert words[: 3 if inner else 2] == ["lightning", name, *([inner] if inner else [])]
    if name in ONLY_READ:
        parser = parser_of(name, inner)
        if isinstance(parser, CommandParser):
            parser.parse_args(words[2:])
        return
    for needing, package in (
        ("export", "onnxruntime"),
        ("completion", "shtab"),
        ("train", "gensim"),
        ("adapt", "gensim"),
    ):
        if needing in (name, inner):
            pytest.importorskip(package, reason=f"{package} is not installed")
    if name == "export":  # measures starts of Python
        monkeypatch.setattr("lit_transfer.deploy.onnx.measurement.subprocess.run", lambda *args, **options: None)
    main([*words[1:], *(["--overwrite"] if name == "init" else [])])


@pytest.mark.parametrize(("name", "inner"), NAMES)
def test_every_example_can_be_pasted_and_has_options_that_exist(name, inner):
    known = {option for action in parser_of(name, inner)._actions for option in action.option_strings}
    if name == "distill":
        known |= {"--target"}  # read before the parser
    text = help_of(name, inner)
    usage = text.splitlines()[0].replace("[OPTIONS]", "")
    for example in examples_of(text):
        words = shlex.split(example, comments=True)
        is_positional = not [*words, "--"][3 if inner else 2].startswith("--")
        assert not is_positional or re.search("[A-Z]{3}", usage), f"{usage}: {example}"
        assert words[:2] == ["lightning", name] and "(" not in "".join(words), example
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, example


def test_the_help_of_fit_has_the_options_that_matter_and_all_of_them_on_request():
    short, everything = help_of("fit", None), help_of("fit", None, "all")
    options = set(re.findall(r"^  (--[\w.]+)", short, flags=re.MULTILINE))
    assert {"--model.transfer", "--data.train_file", "--trainer.max_epochs", "--config"} <= options
    assert 15 <= len(options) <= 22 and "--trainer.gradient_clip_val" not in options
    assert len(short.splitlines()) < 130
    assert options <= set(re.findall(r"^  (--[\w.]+)", everything, flags=re.MULTILINE))
    assert {"--trainer.gradient_clip_val", "--model.class_weight", "--data.min_freq"} <= set(
        re.findall(r"^  (--[\w.]+)", everything, flags=re.MULTILINE)
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_options_and_values(shell):
    pytest.importorskip("shtab", reason="the extra `completion` is not installed")
    script = printed("completion", shell)
    assert all(
        word in script for word in ("classify", "--min_confidence", "jsonl", "--model.transfer", "--tune.budget")
    )


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("lightning comp", {"compare", "completion"}),
        ("lightning fit --model.transf", {"--model.transfer"}),
        ("lightning fit --model.transfer s", {"slow"}),
    ],
)
def test_bash_completes_commands_options_and_values(words, completed, tmp_path):
    pytest.importorskip("shtab", reason="the extra `completion` is not installed")
    script = tmp_path / "completion.bash"
    script.write_text(printed("completion", "bash"))
    line = words.split()
    run = f"source {script}; COMP_WORDS=({words}); COMP_CWORD={len(line) - 1}; _shtab_lightning {line[0]} {line[-1]} {line[-2]}"
    found = subprocess.run(
        ["bash", "--norc", "-c", f'{run}; echo "${{COMPREPLY[@]}}"'], capture_output=True, text=True, check=True
    )
    assert set(found.stdout.split()) == completed


def test_another_shell_is_an_error(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["completion", "cmd"])
    assert stop.value.code == 2 and "bash, zsh, tcsh" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["fit"], ["compare"], ["doctor"], []])
def test_the_completion_of_jsonargparse_is_refused_with_the_command_for_it(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*words, "--print_shtab", "bash"])
    said = capsys.readouterr().err
    assert stop.value.code == 2 and "lightning completion bash" in said and "set_parsing_settings" not in said


@pytest.mark.parametrize(("name", "inner"), NAMES)
def test_the_help_is_wrapped_at_the_width_of_the_terminal_except_its_examples(name, inner):
    description = re.split(r"\n(?=\S+:\n\s+(?:-h|[A-Z]+ ))", help_of(name, inner))[0]
    too_long = [line for line in description.splitlines() if len(line) > 80 and not line.startswith("  lightning ")]
    assert too_long == []
