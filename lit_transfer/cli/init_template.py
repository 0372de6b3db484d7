"""The YAML file written by `lightning init`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import yaml

from lit_transfer.config.callbacks import default_callbacks
from lit_transfer.escaping import printable
from lit_transfer.tasks import MultiLabel, SingleLabel


@dataclass
class Findings:
    """Results of `lightning init`, for the configuration and the terminal.

    Attributes:
        data: Arguments of the data module.
        notes: Explanations of the arguments' values, by name.
        summary: Pairs of name and value for the terminal.
        dim: Dimension of the vectors; None without vectors.
        has_val: Whether the file has a validation split.
        several: Whether a text may have several labels.
        few: Whether there are few labels of each class.
        many: Whether there are many classes.
    """

    data: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    summary: list[tuple[str, str]] = field(default_factory=list)
    dim: int | None = None
    has_val: bool = False
    several: bool = False
    few: bool = False
    many: bool = False

    @property
    def is_validated(self) -> bool:
        """Whether there are validation texts, or folds."""
        return self.has_val or "val_folds" in self.data or self.data.get("val_fraction", 0.0) > 0


TEMPLATE = Template("""\
# lightning fit --config $config
#
# Written by `lightning init`. Each value can also be given on the command line, as in
# --model.transfer init or --data.batch_size 100; `lightning fit --help` has all of them.
seed_everything: 1
model:
  class_path: lit_transfer.TextClassifier
  init_args:
    # random: no pretrained vectors; frozen: fixed vectors; init: vectors as initial values, trained at lr; slow: the
    # same, trained at embedding_lr, which is much lower.
    transfer: $transfer
    lr: 0.002
$embedding    hidden_size: 200
    bidirectional: true
$pooling    dropout: 0.5
    embedding_dropout: 0.25
    optimizer: {class_path: torch.optim.Adam}
data:
  class_path: lit_transfer.TextDataModule
  init_args:
$data    batch_size: 50
trainer:
  accelerator: auto
  max_epochs: 15
  enable_model_summary: false
  default_root_dir: $root
  logger:
    - class_path: lightning.pytorch.loggers.CSVLogger
      init_args: {save_dir: $root, name: ""}
$callbacks""")
MAX = "    pooling: max\n"
FEW_LABELS = Template("""\
    # With few texts of each class: the vectors' mean beside the states, and a regression on both as the start.
    pooling: [${last}max, embedding_mean]
    softmax_start: regression
""")
VALIDATED = """\
  # Stops training after four epochs without improvement, and keeps the best one.
  callbacks:
"""


def configuration(found: Findings, out: Path) -> str:
    """Return the configuration as YAML, with explanations."""
    lines = []
    for name, value in found.data.items():
        note = f"  # {printable(found.notes[name])}" if name in found.notes else ""
        lines.append(f"    {name}: {_scalar(value)}{note}\n")
    embedding = "" if found.dim else "    # Values per word; pretrained vectors determine it.\n    embedding_dim: 100\n"
    mode = "frozen" if found.dim else "random"
    return TEMPLATE.substitute(
        config=printable(str(out)),
        transfer="init" if found.dim and found.few else mode,
        embedding=embedding,
        pooling=FEW_LABELS.substitute(last="" if found.many else "last, ") if found.few else MAX,
        data="".join(lines),
        root=_scalar(f"runs/{out.stem}"),
        callbacks=VALIDATED + _callbacks(found.several) if found.is_validated else "",
    )


def _callbacks(several: bool) -> str:
    task = MultiLabel if several else SingleLabel
    return "".join(
        f"    - class_path: {each['class_path']}\n      init_args: {_scalar(each['init_args'])}\n"
        for each in default_callbacks(f"val_{task.main_score}", filename="best")
    )


def _scalar(value: Any) -> str:
    dumped = yaml.safe_dump(value, allow_unicode=True, width=10_000, default_flow_style=True, sort_keys=False)
    return dumped.removesuffix("\n").removesuffix("\n...")
