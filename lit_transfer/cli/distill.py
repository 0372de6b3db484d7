"""`lightning distill`: label unlabelled text with a teacher, and write a configuration that trains a student on it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from lightning.pytorch import seed_everything

from lit_transfer.cli.pretrain_target import column_of
from lit_transfer.config.fit import build, fit_parser, parse_own
from lit_transfer.config.help import page_of
from lit_transfer.console import counter, print_commands, print_summary, program
from lit_transfer.distillation.distill import Distillation, DistillationResult, distill
from lit_transfer.pretraining.target import read_target

DESCRIPTION = """Label unlabelled text with a teacher, and write a configuration that trains a student on its probabilities.

Examples:
  lightning distill texts.txt --target my.yaml --teacher sentence:PATH
  lightning distill --config my.yaml --teacher sentence:PATH --text texts.txt --out distilled

In the first form, FILE is --config, TEXTS are --text, and --out, unless it is given, is runs/distill-NAME for the name
of FILE."""
HELP = {"distill": page_of(DESCRIPTION, "TEXTS --target FILE --teacher TEACHER [OPTIONS]", own=Distillation)}
USAGE = (
    "TEXTS --target FILE --teacher TEACHER | --config FILE --teacher TEACHER --text FILE --out FOLDER [--variants N] "
    "[--max_sentences N] [--seed N]"
)


def main(args: Sequence[str] | None = None) -> None:
    """Run `lightning distill`.

    Raises:
        LitTransferError: The arguments, the data, the text or the teacher are invalid.
    """
    if HELP["distill"].shown("distill", args or ()):
        return
    parser = fit_parser(
        "distill", DESCRIPTION, USAGE, {"": Distillation}, "Seed of the student, and of `data.train_size`."
    )
    parsed = parse_own(parser, as_flags(sys.argv[2:] if args is None else args), Distillation)
    given: Distillation = parsed.own
    seed_everything(parsed.seed, verbose=False)  # it draws the sample of `train_size`
    with counter("texts labelled") as update:
        data = build({"data": parsed.plain["data"]})[1]
        done = distill(data, parsed.given, given, lambda count: update(completed=count))
    print_summary(_summary(done, given))
    command = f"{program()} fit --config {shlex.quote(str(done.config))}"
    print_commands([("train the student", command)])


def as_flags(args: Sequence[str]) -> list[str]:
    """Return the arguments of `lightning distill TEXTS --target FILE --teacher T` as flags; others are unchanged."""
    texts = list(takewhile(lambda arg: not arg.startswith("-"), args))
    if not texts:
        return list(args)
    flags = ["--config" if arg == "--target" else arg.replace("--target=", "--config=") for arg in args[len(texts) :]]
    named = {
        flag.partition("=")[0]: flag.partition("=")[2] or value
        for flag, value in zip(flags, [*flags[1:], ""], strict=True)
    }
    given = ["--text", texts[0] if len(texts) == 1 else json.dumps(texts)]
    if "--config" in named:
        if "--text_column" not in named:
            given += ["--text_column", column_of(texts, str(read_target(named["--config"]).arguments.text_column))]
        if "--out" not in named:
            given += ["--out", f"runs/distill-{Path(named['--config']).stem}"]
    return [*flags, *given]


def _summary(done: DistillationResult, given: Distillation) -> list[tuple[str, str]]:
    counts = done.counts
    dropped = (
        f"{counts['exact']:,} that are also in the validation or test split, {counts['near']:,} near duplicates, "
        f"{counts['short']:,} too short"
    )
    accuracy = (
        "no validation texts"
        if done.accuracy is None
        else f"validation {done.teacher.task.accuracy} {done.accuracy:.1%}"
    )
    variants = counts["texts"] - counts["labelled"] - counts["sentences"]
    return [
        ("teacher", f"{given.teacher}, {accuracy}"),
        ("sentences", f"{counts['sentences']:,} from {counts['documents']:,} documents; dropped: {dropped}"),
        ("texts", f"{counts['labelled']:,} labelled, {counts['sentences']:,} unlabelled, and {variants:,} variants"),
        ("domain", str(done.distance)),
        ("folder", str(done.config.parent)),
    ]
