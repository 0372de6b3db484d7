"""`lightning explain`: attribute predictions to words, or write an error report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Literal

from lit_transfer.config.reading import TestFile, read_labelled
from lit_transfer.console import print_line
from lit_transfer.errors import ConfigError
from lit_transfer.escaping import printable
from lit_transfer.files import atomic_write, is_standard_output, output_file
from lit_transfer.prediction.loading import load_with_record


def explain(
    ckpt: str,
    *text: str,
    format: Literal["table", "html", "json"] = "table",
    method: Literal["occlusion", "gradients"] = "occlusion",
    out: str | None = None,
    vectors: str | None = None,
    data: TestFile = TestFile(),
) -> None:
    """Show the contribution of each word to a prediction, or write a report of a model's errors.

    Examples:
      lightning explain best.ckpt "a great film with a dull end"
      lightning explain best.ckpt "a great film" --format html --out words.html
      lightning explain best.ckpt --data.test_file t.tsv --out report.html

    Occlusion omits one word at a time; gradients (integrated gradients) need the extra `explain`.

    Args:
        ckpt: Checkpoint written by `lightning fit`.
        text: Texts to explain.
        format: Format of the explanations.
        method: How contributions are computed.
        out: File to write, instead of standard output.
        vectors: Path of the pretrained vectors, if they were moved.
        data: Labelled texts, for an error report.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid.
    """
    if bool(text) == (data.test_file is not None):
        raise ConfigError("Expected either texts to explain or --data.test_file FILE.")
    target = None if out is None else output_file(out)
    predictor, record = load_with_record(ckpt, vectors=vectors)
    if data.test_file is not None:
        if target is None:
            raise ConfigError("The report needs a file name. Give --out report.html.")
        from lit_transfer.analysis.error_report import make_report

        texts, labels = read_labelled(data.test_file, data, record)
        _write(make_report(predictor, texts, labels, data.test_file, ckpt), target)
        return
    found = [predictor.explain(one, method) for one in text]
    if format == "json":
        output = "".join(json.dumps(one.as_dict(), ensure_ascii=False) + "\n" for one in found)
        _write(output if target else "".join(f"{printable(line)}\n" for line in output.splitlines()), target)
        return
    from lit_transfer.analysis.views import as_html, for_terminal

    if format == "html":
        _write(as_html(found), target)
        return
    from rich.console import Console

    if target is None:
        for one in found:
            Console().print(for_terminal(one))
        return
    with atomic_write(target) as file:
        for one in found:
            Console(file=file, width=100).print(for_terminal(one))


def _write(output: str, path: Path | None) -> None:
    if path is None:
        sys.stdout.write(output)
        return
    with atomic_write(path) as file:
        file.write(output)
    if not is_standard_output(path):  # in which the line would be
        print_line("written", str(path))
