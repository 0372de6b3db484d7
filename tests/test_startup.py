import json
import subprocess
import sys
from pathlib import Path

from lit_transfer import TextDataModule
from tests.samples import write_corpus, write_vectors

# Modules that neither the help nor a training with cached text should import.
HEAVY = {"gensim", "wandb", "sklearn", "matplotlib", "scipy", "datasets", "pandas", "pyarrow", "torchtext"}

PROGRAM = """
import sys, json, torch, lightning
before = set(sys.modules)
from lit_transfer.cli.main import main

def added():
    return sorted({name.partition(".")[0] for name in set(sys.modules) - before})

found = {"import": added()}
for name, args in json.loads(sys.argv[1]).items():
    try:
        main(args)
    except SystemExit as error:
        assert error.code == 0, name
    found[name] = added()
print("FOUND", json.dumps(found))
"""


def test_help_and_a_training_on_cached_text_import_nothing_heavy(tmp_path):
    text, vectors = write_corpus(tmp_path / "a.tsv"), write_vectors(tmp_path / "vectors.txt")
    data = TextDataModule(train_file=str(text), vectors=str(vectors))
    data.encoded("val")  # reads and tokenizes, and stores both in the cache
    train = ["--data.train_file", str(text), "--data.vectors", str(vectors), "--trainer.max_steps", "1"]
    train += ["--trainer.default_root_dir", str(tmp_path)]
    quiet = ["--trainer.logger", "false", "--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]
    commands = {"help": ["fit", "--help"], "fit": ["fit", *train, *quiet]}
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    [line] = [line for line in process.stdout.splitlines() if line.startswith("FOUND")]
    for name, modules in json.loads(line.removeprefix("FOUND")).items():
        assert not HEAVY & set(modules), f"{name} imports {HEAVY & set(modules)}"
