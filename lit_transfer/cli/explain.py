"""`lightning explain`: attribute predictions to words, or write an error report."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from lit_transfer.cli.labelled import add_data_arguments, read_labelled
from lit_transfer.console import printable, say
from lit_transfer.errors import ConfigError
from lit_transfer.files import atomic_write
from lit_transfer.prediction.explain import METHODS
from lit_transfer.prediction.loading import load_with_record


def explain_parser() -> ArgumentParser:
    """Return the parser of `lightning explain`."""
    parser = ArgumentParser(
        prog="lightning explain",
        formatter_class=RawDescriptionHelpFormatter,
        description="Show the contribution of each word to a prediction, or write a report of a model's errors.\n\n"
        '  lightning explain best.ckpt "a great film with a dull end"\n'
        '  lightning explain best.ckpt "a great film" --format html --out words.html\n'
        "  lightning explain best.ckpt --data.test_file t.tsv --out report.html\n\n"
        "Occlusion omits one word at a time; gradients (integrated gradients) need the extra `explain`.",
    )
    parser.add_argument("ckpt", help="checkpoint written by `lightning fit`")
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="texts to explain")
    parser.add_argument("--format", choices=["table", "html", "json"], default="table", help="default: table")
    parser.add_argument("--method", choices=METHODS, default="occlusion", help="default: occlusion")
    parser.add_argument("--out", metavar="FILE", help="file to write (default: standard output)")
    parser.add_argument("--vectors", metavar="FILE", help="path of the pretrained vectors, if they were moved")
    add_data_arguments(parser, "test_file", required=False, what="labelled texts, for an error report")
    return parser


def main(args: Sequence[str]) -> None:
    """Run `lightning explain`.

    Raises:
        LitTransferError: The arguments, the model or the texts are invalid.
    """
    values = explain_parser().parse_intermixed_args(list(args))
    if bool(values.texts) == (values.data_file is not None):
        raise ConfigError("Expected either texts to explain or --data.test_file FILE.")
    predictor, record = load_with_record(values.ckpt, vectors=values.vectors)
    if values.data_file is not None:
        if values.out is None:
            raise ConfigError("The report needs a file name. Give --out report.html.")
        from lit_transfer.analysis.error_report import make_report

        texts, labels = read_labelled(values, record)
        _write(make_report(predictor, texts, labels, values.data_file, values.ckpt), values.out)
        return
    found = [predictor.explain(text, values.method) for text in values.texts]
    if values.format == "json":
        output = "".join(json.dumps(one.as_dict(), ensure_ascii=False) + "\n" for one in found)
        _write(output if values.out else "".join(f"{printable(line)}\n" for line in output.splitlines()), values.out)
        return
    from lit_transfer.analysis.views import as_html, for_terminal

    if values.format == "html":
        _write(as_html(found), values.out)
        return
    from rich.console import Console

    if values.out is None:
        for one in found:
            Console().print(for_terminal(one))
        return
    with atomic_write(Path(values.out)) as file:
        for one in found:
            Console(file=file, width=100).print(for_terminal(one))


def _write(output: str, path: str | None) -> None:
    if path is None:
        sys.stdout.write(output)
        return
    with atomic_write(Path(path)) as file:
        file.write(output)
    say("written", path)
