"""Next steps: the commands that usually follow a command."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from lit_transfer.console import program
from lit_transfer.files import PACKAGE_SCHEME

Commands = list[tuple[str, str]]
# Lengths of a text that fits on the line of a command, and number of texts among which one is sought.
SHORT, SEARCHED = range(12, 61), 1000


def after_fit(checkpoint: str | None, config: Path, data: Any) -> Commands:
    """Return the commands after `fit`, as pairs of an explanation and a command; none without a checkpoint.

    `test` is among them only if the run has saved its configuration; the texts of the data module give an example.
    """
    if checkpoint is None:
        return []
    commands: Commands = []
    if config.exists() and len(_texts(data, "test")):
        path = shlex.quote(os.path.relpath(config))
        commands.append(
            ("accuracy on the test texts", f"{program()} test --config {path} --ckpt_path {shlex.quote(checkpoint)}")
        )
    return [*commands, *_use(checkpoint, data)]


def after_test(checkpoint: str, data: Any) -> Commands:
    """Return the commands after `test`; with the texts of an installed package, as in the demo, that for own texts, too."""
    if not _is_packaged(data):
        return _use(checkpoint, data)
    vectors = getattr(getattr(data, "vectors", None), "path", None)
    given = f" --vectors {shlex.quote(str(vectors))}" if vectors else ""
    own = ("your own labelled texts: inspect a file, and write a configuration", f"{program()} init FILE.csv{given}")
    return [*_use(checkpoint, data), own]


def after_compare(folder: str, data: Any, exportable: bool) -> Commands:
    """Return the commands after `compare`, `export` only if it takes the model; the last one classifies a text."""
    classify, explain = _use(folder, data)
    export = ("run it without torch", f"{program()} export {shlex.quote(folder)} exported")
    return [explain, *([export] if exportable else []), classify]


def after_export(folder: str) -> Commands:
    """Return the commands after `export`."""
    # Double quotes, since the shell's are single ones.
    python = f'import lit_transfer.runtime; print(lit_transfer.runtime.load({json.dumps(folder)}).predict(["TEXT"]))'
    return [
        ("classify a text in Python, with onnxruntime and numpy only", f"python -c {shlex.quote(python)}"),
        ("answer requests by HTTP, with a page to try it", f"{program()} serve {shlex.quote(folder)}"),
    ]


def _use(checkpoint: str, data: Any) -> Commands:
    path, text = shlex.quote(checkpoint), shlex.quote(example_of(data))
    return [
        ("classify a text; a file with --file, lines of a pipe with -", f"{program()} classify {path} {text}"),
        ("show which words decided", f"{program()} explain {path} {text}"),
    ]


def example_of(data: Any) -> str:
    """Return a text of the test or validation split that fits on a line; a placeholder if there is none."""
    for split in ("test", "val", "train"):
        for text in islice(_texts(data, split), SEARCHED):
            if len(text) in SHORT and text.isprintable() and not set(text) & set("'\"`$\\!|"):
                return text
    return "TEXT"


def _texts(data: Any, split: str) -> Sequence[str]:
    """Return the texts of a split; empty if there is none."""
    try:
        return data.split(split).texts
    except (AttributeError, ValueError):
        return []


def _is_packaged(data: Any) -> bool:
    """Return whether the training texts are a file of an installed package."""
    text = getattr(data, "text", None)
    return text is not None and str(text.files["train"]).startswith(PACKAGE_SCHEME)
