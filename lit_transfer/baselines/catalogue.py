"""All baselines by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from lit_transfer.baselines.baseline import Baseline, Settings
from lit_transfer.baselines.counts import NBSVM, Majority, Tfidf, TfidfOfCharacters
from lit_transfer.baselines.encoded import EncodedRegression
from lit_transfer.baselines.fasttext import FastText, FastTextWithVectors
from lit_transfer.baselines.fine_tuning.finetuned import PREFIX as FINETUNE
from lit_transfer.baselines.fine_tuning.finetuned import FinetunedTransformer
from lit_transfer.baselines.fine_tuning.finetuned_static import FinetunedStatic
from lit_transfer.baselines.fine_tuning.setfit import PREFIX as SETFIT
from lit_transfer.baselines.fine_tuning.setfit import SetFit
from lit_transfer.baselines.fine_tuning.transformer import measure_speed
from lit_transfer.baselines.mean_vectors import MeanVectors
from lit_transfer.encoders.sentence_encoder import SENTENCE, STATIC, Encoder, find_encoder
from lit_transfer.errors import ConfigError
from lit_transfer.files import PACKAGE_SCHEME
from lit_transfer.plugins import find_plugin, plugin_names
from lit_transfer.vectors.lookup import VectorSource

MAJORITY, MEAN, TFIDF = "majority", "mean", "tfidf"
NAMED: dict[str, type[Baseline]] = {
    MAJORITY: Majority,
    TFIDF: Tfidf,
    "tfidf:characters": TfidfOfCharacters,
    "nbsvm": NBSVM,
    MEAN: MeanVectors,
    "fasttext": FastText,
    "fasttext:subwords": FastText,
    "fasttext:vectors": FastTextWithVectors,
}
# Followed by the path of a model.
WITH_MODEL: dict[str, type[Baseline]] = {
    STATIC: EncodedRegression,
    SENTENCE: EncodedRegression,
    FINETUNE: FinetunedTransformer,
    SETFIT: SetFit,
}


def check_name(name: str, where: str) -> None:
    """Check that there is a baseline of a name; `where` is the name of the argument that has it.

    Raises:
        ConfigError: There is no such baseline.
    """
    if name not in NAMED and prefix_of(name) is None and name not in plugin_names("baselines"):
        models = ", ".join(f"{prefix}PATH" for prefix in WITH_MODEL)
        raise ConfigError(
            f"{where} has {name!r}; expected one of {', '.join([*NAMED, *plugin_names('baselines')])}, {models}."
        )


def prefix_of(name: str) -> str | None:
    """Return the prefix of a baseline that is followed by the path of a model, or None."""
    return next((prefix for prefix in WITH_MODEL if name.startswith(prefix) and name != prefix), None)


def class_of(name: str) -> type[Baseline]:
    """Return the class of a baseline.

    Raises:
        ConfigError: There is no such baseline.
    """
    check_name(name, "The comparison")
    prefix = prefix_of(name)
    if prefix is None:
        return NAMED[name] if name in NAMED else cast("type[Baseline]", find_plugin("baselines", name))
    return FinetunedStatic if prefix == FINETUNE and _is_static(name) else WITH_MODEL[prefix]


def _is_static(name: str) -> bool:
    """Return whether the model of a `finetune:` baseline is a model2vec model; one on the hub is taken for a transformer."""
    try:
        return find_encoder(name.removeprefix(FINETUNE), name)[1]
    except ConfigError:
        return False


def make_baseline(
    name: str,
    settings: Settings | None = None,
    vectors: VectorSource | None = None,
    encoder: Encoder | None = None,
    words: Sequence[str] = (),
    kind: str = "",
) -> Baseline:
    """Create a baseline that is not fitted yet.

    Args:
        name: Name of the baseline as configured.
        settings: Settings to fit with; None to select them with validation texts.
        vectors: The pretrained word vectors, if the baseline uses them.
        encoder: Vectors of all texts, for a baseline on a sentence encoder; None to load the encoder.
        words: Words of the texts to classify, for a baseline that cannot take vectors of further words later.
        kind: Name of the class, for a model that is no longer at the path in its name.

    Raises:
        ConfigError: There is no such baseline.
    """
    made = FinetunedStatic if kind == FinetunedStatic.__name__ else class_of(name)
    if issubclass(made, FastText):
        return made(name, settings, vectors if made.uses_vectors else None, words)
    if issubclass(made, MeanVectors):
        return made(name, settings, vectors)
    if issubclass(made, EncodedRegression):
        return made(name, settings, encoder)
    return made(name, settings)


def short_name(name: str) -> str:
    """Return the name of a baseline in tables: `finetune mini_lm` for `finetune:models/mini_lm`."""
    prefix = prefix_of(name)
    if prefix is None:
        return name.replace(":", " ")
    path = name.removeprefix(prefix)
    package, _, _ = path.removeprefix(PACKAGE_SCHEME).partition("/")
    return f"{prefix.rstrip(':')} {package if path.startswith(PACKAGE_SCHEME) else Path(path).name}"


def forecast(name: str, texts: Sequence[str], train: int, val: int, test: int, on_folds: bool = False) -> float | None:
    """Estimate the time of a run of a baseline that takes minutes, by a few steps on typical texts, in seconds.

    The current number of threads is used. `train`, `val` and `test` are numbers of texts; with `on_folds`, the validation texts
    are a fold of the training texts. None for baselines that take seconds.

    Raises:
        ConfigError: A library is not installed, or cannot load the model.
    """
    kind = class_of(name)
    if not issubclass(kind, FinetunedTransformer | SetFit):
        return None
    baseline = kind(name)
    baseline.check_installed()
    speed = measure_speed(name.removeprefix(prefix_of(name) or ""), tuple(texts[:64]))
    if not on_folds:
        return baseline.seconds(speed, train, val, test)
    on_all = baseline.seconds(speed, train, 0, test)
    return on_all + (baseline.most_folds or 0) * baseline.seconds(speed, train - val, val, 0)
