"""`lightning update`: train a model further on new texts or classes, and test what it gained and forgot."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rich
from lightning.pytorch.cli import ArgsType, LightningArgumentParser
from rich.table import Table
from rich.text import Text

from lit_transfer.checkpoints.files import arguments_as_data, read_checkpoint
from lit_transfer.checkpoints.record import ARCHITECTURE, read_record
from lit_transfer.cli.fit import TransferCLI, arguments_of, not_given
from lit_transfer.compare.evidence.gains import OVERALL, Gains, gains_by_class
from lit_transfer.config.help import CONFIG, HelpPage, fit_page
from lit_transfer.config.quiet import hide_idle_messages
from lit_transfer.console import print_line
from lit_transfer.errors import ConfigError
from lit_transfer.escaping import printable
from lit_transfer.files import atomic_write, is_address
from lit_transfer.prediction.loading import load_network
from lit_transfer.report.fit import best_checkpoint
from lit_transfer.tasks import Task

HELP = {
    "update": HelpPage(
        """Train a model further on new texts or classes, and test what it gained and forgot.

Examples:
  lightning update best.ckpt --config my.yaml
  lightning update best.ckpt --config my.yaml --data.train_file new.csv --data.test_file old-test.csv

The new model starts from the weights of the earlier one and has its words and classes, and those of the training file. Give
earlier texts together with the new ones: what does not occur in the training file is forgotten. Both models are then tested on
the texts of the test split that neither was trained on.""",
        CONFIG,
        fit_page("").sections,
        "CHECKPOINT --config FILE [OPTIONS]",
    )
}
# Arguments of the data module that belong to the files of the earlier training.
OF_EARLIER_FILES = ("where", "split_column")
# Maximum number of classes in the table.
MOST_SHOWN = 40


class UpdateCLI(TransferCLI):
    """The command line of `fit` for a model that starts from another one."""

    def __init__(self, earlier: str, args: Sequence[str]) -> None:
        self._earlier = earlier
        self._checkpoint = read_checkpoint(earlier, mmap=True)
        self._record = read_record(self._checkpoint, earlier)
        if not self._record.task.classes:
            raise ConfigError(
                f"{earlier} was written by `pretrain` and has no classes. Give it to `fit` as --model.init_from."
            )
        super().__init__(args=["fit", "--model.init_from", earlier, *args])

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the arguments; the architecture, the mode and the reading options are those of the earlier model."""
        super().parse_arguments(parser, args)
        model = self.config["fit"].model
        stored = arguments_as_data(self._checkpoint, arguments_of(model))
        shape = {name: stored[name] for name in ARCHITECTURE if name in stored}
        mode = not_given({"transfer": stored.get("transfer", "random")}, "model", model, args)
        self._take("model", "fit", {**shape, **mode, "softmax_start": "random"}, parser)
        reading = not_given(self._record.reading, "data", self.config["fit"].data, args)
        kept = {name: value for name, value in reading.items() if name not in OF_EARLIER_FILES}
        self._take("data", "fit", kept, parser)

    def before_fit(self) -> None:
        """Keep the words and the classes of the earlier model.

        Raises:
            ConfigError: The tokenizers differ, or the files have another task.
        """
        super().before_fit()
        earlier, data = self._record.preprocessing, self.datamodule
        if data.tokenizer != earlier.tokenizer:
            raise ConfigError(
                f"{self._earlier} reads words with the tokenizer {earlier.tokenizer}, not {data.tokenizer}. Remove "
                "--data.tokenizer, or train a new model with `fit`."
            )
        data.text.earlier = earlier
        texts = data.split("train")
        counts = data.text.task.counts(texts.labels)
        names = list(data.text.task.classes)
        known = len(earlier.labels)
        if new := names[known:]:
            print_line("new classes", printable(", ".join(new)))
        if missing := [name for name, count in zip(names, counts.tolist(), strict=True) if not count]:
            print_line(
                "no texts", printable(f"of {', '.join(missing)} in the training file: the model will forget them")
            )

    def after_fit(self) -> None:
        """Test both models on the texts that neither was trained on, and write the result beside the checkpoint."""
        if not self.trainer.is_global_zero:
            return
        path = best_checkpoint(self.trainer).get("checkpoint")
        if path is None or is_address(path) or self.datamodule.text.read("test", None) is None:
            print_line(
                "update",
                "no test of both models: give --data.test_file, or --data.test_fraction, and a checkpoint callback",
            )
            return
        found = self._test(path)
        if not found:
            return
        written = Path(path).with_name("update.json")
        with atomic_write(written) as file:
            values = {"before": self._earlier, "after": path, "results": [one.as_dict() for one in found]}
            json.dump(values, file, indent=2, ensure_ascii=False)
        _show(found)
        print_line("update", os.path.relpath(written))

    def _test(self, path: str) -> list[Gains]:
        """Return the comparison on all texts and by class; empty if there is no text that neither model was trained on."""
        split = self.datamodule.split("test")
        before, after = load_network(self._earlier), load_network(path)
        seen = self._record.seen_texts.contains(split.texts)
        if not self._record.seen_texts.complete:
            print_line("update", f"{self._earlier} does not know its training texts: the test may have some of them")
        rows = np.flatnonzero(~(seen | self.model.seen_texts.contains(split.texts)))
        if len(rows) < len(split):
            print_line(
                "update",
                f"{len(split) - len(rows):,} of {len(split):,} test texts left out: a model was trained on them",
            )
        if not len(rows):
            return []
        texts, targets = [split.texts[row] for row in rows.tolist()], split.labels[rows]
        task: Task = after.task
        # The classes of the earlier model come first, so that its answers are labels of both.
        earlier = task.encode(before.task.decode(before.task.decide_all(before.predict_proba(texts), before.threshold)))
        later = task.decide_all(after.predict_proba(texts), after.threshold)
        right = [task.correct(decisions, targets) for decisions in (earlier, later)]
        return gains_by_class(task, targets, before.task.num_classes, *right)


def _show(found: Sequence[Gains]) -> None:
    table = Table("texts", "number", "before", "after", "gained", "forgotten", "points")
    for column in table.columns[1:]:
        column.justify = "right"
    for one in found[:MOST_SHOWN]:
        table.add_row(Text(printable(one.name)), f"{one.texts:,}", f"{one.before / one.texts:.1%}",
                      f"{one.after / one.texts:.1%}", f"{one.gained:,}", f"{one.forgotten:,}",
                      f"{100 * (one.after - one.before) / one.texts:+.1f}")  # fmt: skip
    rich.get_console().print(table)
    for one in [one for one in found if one.name in OVERALL][:2]:
        print_line(one.name, one.sentence())


def main(args: Any = None) -> None:
    """Run the command.

    Raises:
        LitTransferError: The arguments, the earlier model or the data are invalid.
    """
    given = list(args or ())
    if HELP["update"].shown("update", given):
        return
    if not given or given[0].startswith("-"):
        raise ConfigError("Expected the model to train further: lightning update best.ckpt --config my.yaml.")
    hide_idle_messages()
    UpdateCLI(given[0], given[1:])
