"""Model cards of trained models (Mitchell et al. 2019)."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lit_transfer.data.texts import overlap_message
from lit_transfer.errors import ConfigError, DataError, warn

# Confidence level of the intervals.
CONFIDENCE = 0.95
NOT_STATED = "not stated; fill this in before you publish the model"
# Licences of the vectors in installed packages, by name.
VECTORS_LICENSES = {"glove-6b-50d": "PDDL-1.0 (public domain)"}
INTENDED_USE = (
    "Classify texts similar to the training texts, in the same language, into the classes below. The model reads at most "
    "`max_length` words, knows no other classes, and also classifies texts of other kinds: check the confidence, and test "
    "on your own texts first. Not for decisions about people without a human in the loop."
)


class Score(NamedTuple):
    """A share of the test texts, with its Wilson interval."""

    name: str
    texts: int
    share: float
    low: float
    high: float

    @classmethod
    def of(cls, name: str, hits: int, texts: int) -> Score:
        """Compute a score from the numbers of hits and texts."""
        from scipy.stats import binomtest

        interval = binomtest(hits, texts).proportion_ci(CONFIDENCE, method="wilson")
        return cls(name, texts, hits / texts, float(interval.low), float(interval.high))


@dataclass(frozen=True)
class Card:
    """The contents of a model card.

    Attributes:
        values: Values of the template, by name.
        scores: Accuracy, and recall of each class; empty without test texts.
        language: Language code of the texts, such as `en`.
        license: Licence of the model.
    """

    values: dict[str, Any]
    scores: list[Score]
    language: str | None
    license: str | None

    @classmethod
    def of(
        cls,
        model: Any,
        *,
        test: tuple[Sequence[str], Sequence[Any]] | None = None,
        comparison: str | Path | None = None,
        data: str | None = None,
        language: str | None = None,
        license: str | None = None,
        vectors_license: str | None = None,
        intended_use: str | None = None,
    ) -> Card:
        """Create the card of a trained model.

        Args:
            model: A trained `TextClassifier`.
            test: Test texts and their class names (lists of several), for scores; must not contain training texts.
            comparison: Output folder of a `lightning compare`, for its recommendation.
            data: Description of the training texts, and their licence.
            language: Language code of the texts, such as `en`.
            license: Licence of the model, by its name on the hub, such as `apache-2.0`.
            vectors_license: Licence of the pretrained vectors.
            intended_use: Intended use of the model, and uses out of scope.

        Returns:
            The card.

        Raises:
            DataError: The test texts are empty, or have labels that the model does not know.
            ConfigError: The folder of the comparison has no verdict.
        """
        preprocessing = model.predictor().preprocessing
        source = preprocessing.vectors
        vectors = None if source is None else Path(source.path).name
        scores, tested = ([], {}) if test is None else _test(model, *test)
        values = {
            "labels": preprocessing.labels,
            "several": preprocessing.task.several,
            "data": data or NOT_STATED,
            "trained_on": model.trained_on,
            "arguments": {
                name: getattr(model.arguments, name)
                for name in ("transfer", "hidden_size", "num_layers", "bidirectional", "pooling")
            },
            "vocabulary": len(preprocessing.vocabulary),
            "tokenizer": preprocessing.tokenizer,
            "max_length": preprocessing.max_length,
            "vectors": vectors,
            "vectors_license": vectors_license or VECTORS_LICENSES.get(str(vectors), NOT_STATED),
            "unseen": _unseen(preprocessing),
            "temperature": model.predictor().temperature,
            "threshold": model.predictor().threshold,
            "intended_use": intended_use or INTENDED_USE,
            "verdict": None if comparison is None else read_verdict(Path(comparison)),
            **tested,
        }
        return cls(values, scores, language, license)


# Names of the arguments of a card, by which `save` and `push` tell them from those of the hub.
CARD_ARGUMENTS = tuple(inspect.signature(Card.of).parameters)[1:]


def _test(model: Any, texts: Sequence[str], labels: Sequence[Any]) -> tuple[list[Score], dict[str, float]]:
    """Return the scores of a model, and its macro F1 and calibration error."""
    from lit_transfer.training.tasks import score

    task = model.preprocessing.task
    if task.several:
        labels = [[str(name) for name in label] for label in labels]
    else:
        labels = [str(label) for label in labels]
    if len(texts) != len(labels) or not len(texts):
        raise DataError(f"Expected one label for each test text, got {len(texts)} texts and {len(labels)} labels.")
    truth = task.encode(labels, "test")
    if overlap := overlap_message(model.seen_texts, texts, "test"):
        warn(f"Model card: {overlap}.")
    predictor = model.predictor()
    tested = score(task, predictor.predict_proba(texts), truth, predictor.threshold)
    texts_of_all, correct = tested.counts.totals.tolist()
    scores = [Score.of(task.accuracy, correct, texts_of_all)]
    for name, hits, count in zip(task.classes, tested.counts.hits.tolist(), tested.counts.true.tolist(), strict=True):
        if count:
            scores.append(Score.of(f"recall of {name}", hits, count))
    return scores, {name: tested.figures[name] for name in ("f1", "calibration_error")}


def _unseen(preprocessing: Any) -> str:
    if not preprocessing.open_vocabulary:
        return "are treated as unknown"
    if preprocessing.stored_vectors is not None:
        return f"have their own vector, if they are among the {len(preprocessing.stored_vectors.words):,} stored in the model"
    return "have their own vector, if the vectors file is available (`vectors=FILE`)"


def read_verdict(folder: Path) -> dict[str, Any]:
    """Return the recommendation of a comparison, and the accuracies at its largest training size, best first.

    Raises:
        ConfigError: The folder has no verdict.
    """
    path = folder / "verdict.json" if folder.is_dir() else folder
    try:
        verdict = json.loads(path.read_text(encoding="utf-8"))
        found, last = verdict["recommendation"], ([{}, *verdict["sizes"]])[-1]
        accuracy = sorted(last.get("accuracy", {}).items(), key=lambda pair: -pair[1])
        return {
            "way": found["way"],
            "reason": found["reason"],
            "train_size": last.get("train_size", 0),
            "accuracy": accuracy,
        }
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ConfigError(
            f"There is no verdict of a comparison in {folder} ({type(error).__name__}: {error}). Give the output_dir of a "
            "finished `lightning compare`."
        ) from error
