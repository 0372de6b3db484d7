"""What is odd about labelled text: repeated texts, texts of train in test, contradicting labels, lengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lit_transfer.data.corpus import Split
from lit_transfer.errors import DataError

QUANTILES = {"5%": 0.05, "median": 0.5, "95%": 0.95, "longest": 1.0}


@dataclass(frozen=True)
class Oddities:
    """What a check found; texts are the same if they are so letter by letter.

    Attributes:
        sizes: number of texts of each part.
        repeated: of each part, the texts that came before in it.
        in_train: of each other part, the texts that are also in train.
        contradicting: texts (each counted once) that have more than one label, over all parts.
    """

    sizes: dict[str, int]
    repeated: dict[str, int]
    in_train: dict[str, int]
    contradicting: int

    def lines(self) -> list[tuple[str, str]]:
        """What was found, as names and values; nothing where nothing was."""
        lines = []
        if repeated := [f"{name} {self._share(name, count)}" for name, count in self.repeated.items() if count]:
            lines.append(("repeated texts", ", ".join(repeated)))
        if shared := [f"{self._share(name, count)} of {name}" for name, count in self.in_train.items() if count]:
            lines.append(("also in train", ", ".join(shared) + "; --data.drop_overlap true drops them from train"))
        if self.contradicting:
            lines.append(("contradictions", f"{self.contradicting:,} texts have more than one label"))
        return lines

    def _share(self, name: str, count: int) -> str:
        return f"{count:,} ({count / self.sizes[name]:.1%})"


def find_oddities(parts: Mapping[str, Split]) -> Oddities:
    """Checks the parts of a corpus: `train` and others."""
    label_of: dict[str, int] = {}
    contradicting, repeated, in_train = set(), {}, {}
    train = set(parts["train"].texts)
    for name, part in parts.items():
        different = train if name == "train" else set(part.texts)
        repeated[name] = len(part) - len(different)
        if name != "train":
            in_train[name] = sum(text in train for text in part.texts)
        if part.labels is not None:
            for text, label in zip(part.texts, part.labels.tolist(), strict=True):
                if label_of.setdefault(text, label) != label:
                    contradicting.add(text)
    return Oddities({name: len(part) for name, part in parts.items()}, repeated, in_train, len(contradicting))


def without_overlap(parts: Mapping[str, Split]) -> Split:
    """The train split without the texts that are also in another part.

    Raises:
        DataError: nothing would be left.
    """
    train = parts["train"]
    others = {text for name, part in parts.items() if name != "train" for text in part.texts}
    kept = [row for row, text in enumerate(train.texts) if text not in others]
    if not kept:
        raise DataError(
            f"drop_overlap leaves nothing of {train.source}: all of its texts are also in {' or '.join(parts)}. Give other parts."
        )
    texts = [train.texts[row] for row in kept]
    labels = None if train.labels is None else train.labels[kept]
    return Split(texts, labels, train.source, sum(not text.strip() for text in texts), train.num_unlabelled)


def length_line(lengths: np.ndarray) -> str:
    """Quantiles of the texts' lengths, in words. *Shape:* `(texts,)`."""
    values = np.quantile(lengths, list(QUANTILES.values()), method="inverted_cdf")
    return ", ".join(f"{name} {int(value)}" for name, value in zip(QUANTILES, values, strict=True)) + " words"
