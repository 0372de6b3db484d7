"""`lightning pretrain TEXTS --target FILE`: adapt the vectors and pretrain the network for a task."""

from __future__ import annotations

import importlib.resources
import shlex
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lit_transfer.arguments import parse_duration
from lit_transfer.cli.vectors import epochs_shown
from lit_transfer.compat import import_gensim
from lit_transfer.console import print_commands, print_line, print_summary, program
from lit_transfer.data.reading.tabular import read_batches
from lit_transfer.errors import ConfigError, DataError, program_name, warn
from lit_transfer.files import atomic_write, expanded
from lit_transfer.pretraining.target import read_target
from lit_transfer.pretraining.text import UnlabelledText
from lit_transfer.pretraining.unlabelled.store import SentenceStore
from lit_transfer.vectors import WordVectors
from lit_transfer.vectors.adaptation import adapt_vectors

# Passes over the text of the adaptation, at most; with a budget, as many as take a third of it at this speed of skip-gram
# with vectors of 50 dimensions, in words per second on one core.
PASSES, SPEED, SHARE = 5, 240_000, 1 / 3
# Arguments of the classifier that the pretrained network must share.
SHARED = ("hidden_size", "num_layers", "bidirectional", "pooling")
EPOCHS = 3


@dataclass(frozen=True)
class TargetOptions:
    """Options of pretraining for a target task.

    Attributes:
        texts: Files of unlabelled text.
        target: Configuration of `fit`.
        out: Folder for the vectors, the configuration and the checkpoint.
        budget: Time limit in seconds; None for three epochs.
        text_column: Column with the texts; None for that of the target, or `text`.
    """

    texts: list[str]
    target: str
    out: Path
    budget: float | None = None
    text_column: str | None = None


def target_parser() -> ArgumentParser:
    """Return the parser of `lightning pretrain TEXTS`; the help of `lightning pretrain` describes its options."""
    parser = ArgumentParser(prog=f"{program_name()} pretrain", add_help=False)
    parser.add_argument("texts", nargs="+")
    parser.add_argument("--target", required=True)
    parser.add_argument("--budget", type=lambda text: parse_duration(text, "--budget", unit="m"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--text_column")
    return parser


def pretrain_for(args: Sequence[str], pretrain: Any) -> None:
    """Adapt the vectors, write a configuration, pretrain with it and the remaining arguments, and print the next command.

    Raises:
        LitTransferError: The arguments, the target or the texts are invalid.
    """
    values, others = target_parser().parse_known_args(list(args))
    out = values.out or Path("runs") / f"pretrain-{Path(values.target).stem}"
    options = TargetOptions(values.texts, values.target, out, values.budget, values.text_column)
    began = time.perf_counter()
    config = configuration(options, began)
    path = out / "pretrain.yaml"
    with atomic_write(path) as file:
        file.write(f"# {program()} pretrain --config {shlex.quote(str(path))}\n")
        yaml.safe_dump(config, file, sort_keys=False, allow_unicode=True)
    print_line("configuration", str(path))
    checkpoint = pretrain(["--config", str(path), *others])
    if checkpoint is not None:
        print_commands([("train the classifier from it", fit_command(options.target, config, checkpoint))])


def configuration(options: TargetOptions, began: float) -> dict[str, Any]:
    """Return the configuration of `lightning pretrain`, after adapting the vectors; the budget is counted from `began`."""
    target = read_target(options.target)
    model = _model_of(options.target)
    shipped = importlib.resources.files("lit_transfer").joinpath("configs/pretrain.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(shipped)
    config["model"]["init_args"] |= {name: model[name] for name in SHARED if name in model}
    column = options.text_column or column_of(options.texts, str(target.arguments.text_column))
    where: dict[str, Any] = {"train_file": options.texts, "text_column": column, "target": options.target}
    text = UnlabelledText(**where).open()
    vectors: dict[str, str] = {}
    if target.vectors is None:
        config["model"]["init_args"]["transfer"] = "random"
        if "embedding_dim" in model:
            config["model"]["init_args"]["embedding_dim"] = model["embedding_dim"]
    else:
        start = WordVectors.open(target.vectors.path, target.vectors.format)
        try:
            import_gensim()
        except ConfigError as error:
            warn(f"{error} The vectors are used as they are, without adapting them to the texts.")
            vectors = {"vectors": str(target.vectors.path), "vectors_format": target.vectors.format}
        else:
            out = options.out / ("adapted.bin" if start.has_subwords else "adapted.mapped")
            _adapt(text, start, out, passes(len(text.numbers), options.budget), where | {"tokenizer": target.tokenizer})
            vectors = {"vectors": str(out)}
    config["data"]["init_args"] = {
        **where,
        "tokenizer": target.tokenizer,
        **vectors,
        "batch_size": config["data"]["init_args"]["batch_size"],
    }
    trainer = config["trainer"]
    trainer["default_root_dir"] = trainer["logger"]["init_args"]["save_dir"] = str(options.out)
    for callback in trainer["callbacks"]:
        if "dirpath" in callback.get("init_args", {}):
            callback["init_args"]["dirpath"] = str(options.out)
    trainer["max_epochs"] = EPOCHS
    if options.budget is not None:
        left = max(options.budget - (time.perf_counter() - began), options.budget * SHARE)
        trainer |= {"max_epochs": -1, "max_time": {"seconds": round(left)}}
    return config


def _model_of(target: str) -> dict[str, Any]:
    """Return the arguments of the model in a configuration of `fit`."""
    model = yaml.safe_load(expanded(target).read_text(encoding="utf-8")).get("model") or {}
    return model.get("init_args", {}) if "class_path" in model else model


def column_of(texts: Sequence[str], column: str) -> str:
    """Return the target's column of the texts if the first file has it, else `text`."""
    path = Path(texts[0])
    if path.suffix in (".txt", ".text", ".gz") or not path.is_file():
        return column
    try:
        columns = next(read_batches(texts[0]))
    except (DataError, StopIteration):  # reported when the file is read
        return column
    return column if column in columns else "text"


def passes(words: int, budget: float | None) -> int:
    """Return the number of passes over a text for adapting the vectors."""
    return PASSES if budget is None else max(1, min(PASSES, int(SHARE * budget * SPEED / max(words, 1))))


def _adapt(text: SentenceStore, start: WordVectors, out: Path, epochs: int, settings: dict[str, Any]) -> None:
    with epochs_shown() as on_epoch:
        found = adapt_vectors(
            text,
            start,
            out,
            epochs=epochs,
            settings={"text": settings, "tokenizer": settings["tokenizer"]},
            on_epoch=on_epoch,
        )
    print_summary([("adapted vectors", str(out)), *found.lines()])


def fit_command(target: str, config: dict[str, Any], checkpoint: str) -> str:
    """Return the command that trains the classifier from the pretrained network."""
    words = [program(), "fit", "--config", shlex.quote(target)]
    if (vectors := config["data"]["init_args"].get("vectors")) is not None:
        words += ["--data.vectors", shlex.quote(vectors), "--model.transfer", "init"]
    words += ["--model.init_from", shlex.quote(checkpoint), "--model.softmax_start", "regression"]
    return " ".join(words)
