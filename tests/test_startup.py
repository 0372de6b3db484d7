import json
import sys

from lit_transfer import TextDataModule
from lit_transfer.cli.main import main
from tests.imported import BEFORE
from tests.prepared import context
from tests.samples import write_corpus, write_vectors

# Modules that neither the help nor a training with cached text should import.
HEAVY = {"gensim", "wandb", "sklearn", "matplotlib", "scipy", "datasets", "pandas", "pyarrow", "torchtext"}


def heavy():
    """Return the heavy modules that were imported after torch and Lightning."""
    return sorted(HEAVY & {name.partition(".")[0] for name in set(sys.modules) - BEFORE})


def run(commands, path):
    """Write the heavy modules that are imported by the package, and by each command, to a file."""
    found = {"import": heavy()}
    for name, arguments in commands.items():
        try:
            main(arguments)
        except SystemExit as stop:
            assert stop.code == 0, name
        found[name] = heavy()
    path.write_text(json.dumps(found))


def test_help_and_a_training_on_cached_text_import_nothing_heavy(tmp_path):
    text, vectors = write_corpus(tmp_path / "a.tsv"), write_vectors(tmp_path / "vectors.txt")
    data = TextDataModule(train_file=str(text), vectors=str(vectors))
    data.encoded("val")  # reads and tokenizes, and stores both in the cache
    train = ["--data.train_file", str(text), "--data.vectors", str(vectors), "--trainer.max_steps", "1"]
    train += ["--trainer.default_root_dir", str(tmp_path)]
    quiet = ["--trainer.logger", "false", "--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]
    commands = {"help": ["fit", "--help"], "fit": ["fit", *train, *quiet]}
    process = context().Process(target=run, args=(commands, tmp_path / "found.json"))
    process.start()
    process.join(240)
    assert json.loads((tmp_path / "found.json").read_text()) == {"import": [], "help": [], "fit": []}
