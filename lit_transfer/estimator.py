"""A scikit-learn estimator for text classification, trained with Lightning."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any, Literal

import numpy as np
from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.cli import instantiate_class
from lightning.pytorch.utilities.seed import isolate_rng
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from typing_extensions import Self

from lit_transfer.checkpoints.files import read_checkpoint
from lit_transfer.checkpoints.record import load_weights
from lit_transfer.classifier import TextClassifier
from lit_transfer.config.callbacks import default_callbacks
from lit_transfer.console import errors_only
from lit_transfer.data.given_labels import GivenLabels, as_iterable
from lit_transfer.datamodule import TextDataModule
from lit_transfer.errors import ConfigError, DataError
from lit_transfer.layers.architecture import Pooling
from lit_transfer.prediction.loading import Loaded, load
from lit_transfer.runtime.base_predictor import as_texts
from lit_transfer.tasks import MultiLabel
from lit_transfer.tasks.task import few
from lit_transfer.training.fit_and_predict import fit_model
from lit_transfer.transfer import Transfer, get_mode

# Environment variable of Lightning's global seed.
_SEED = "PL_GLOBAL_SEED"


class TextTransferClassifier(ClassifierMixin, BaseEstimator):
    """LSTM text classifier with pretrained word vectors, compatible with scikit-learn pipelines and searches.

    Args:
        transfer: Transfer mode: `random` (no pretrained vectors), `init` (vectors as initial values), `frozen` (fixed
            vectors) or `slow` (vectors as initial values with a separate learning rate).
        vectors: File of pretrained vectors, or name of an installed package of vectors (`glove-6b-50d`); required by all
            modes except `random`.
        lr: Learning rate.
        embedding_lr: Learning rate of the embedding in the mode `slow`; None for 1e-6.
        hidden_size: Size of the hidden state of the LSTM in each direction.
        num_layers: Number of LSTM layers.
        bidirectional: Whether the LSTM is bidirectional.
        dropout: Dropout probability before the softmax layer and between LSTM layers.
        pooling: Pooling of word states to a text state: `last`, `max` or `mean`, or a list of them, with
            `embedding_mean` for the mean of the embedded words.
        class_weight: Weights of the classes in the loss: `balanced`, or a dict from labels to weights.
        tokenizer: Name of a tokenizer, or a callable from a text to a list of words.
        min_freq: Minimum frequency of a word in the training texts; rarer words are unknown.
        max_length: Maximum number of words per text; longer texts are truncated. None for no limit.
        batch_size: Number of texts per batch.
        max_epochs: Maximum number of epochs.
        patience: Number of epochs without a lower validation loss after which training stops; None for all epochs.
        validation_fraction: Share of the training texts, 0 to 1, for validation; the epoch with the lowest validation
            loss is kept. With 0, or with too few texts for validation, the last epoch is kept.
        random_state: Seed, or a generator to draw it from; None for a different seed in each call of `fit`.
        model_options: Further arguments of `TextClassifier`.
        data_options: Further arguments of `TextDataModule`.
        trainer_options: Further arguments of `lightning.Trainer`, such as `{"accelerator": "gpu"}`.

    Attributes:
        classes_: Labels, sorted if they are sortable.
        model_: The trained `TextClassifier`.
        predictor_: The `Predictor` of the trained model, or the `BaselinePredictor` of `from_pretrained`.
        multilabel_: How several labels were given, `matrix` or `lists`; None for one label.
        n_iter_: Number of epochs trained.
    """

    def __init__(
        self,
        transfer: Transfer = "frozen",
        vectors: str | None = None,
        *,
        lr: float = 1e-3,
        embedding_lr: float | None = None,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.5,
        pooling: Pooling | list[Pooling] = "max",
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        tokenizer: str | Callable[[str], list[str]] = "basic_english",
        min_freq: int = 1,
        max_length: int | None = 400,
        batch_size: int = 50,
        max_epochs: int = 20,
        patience: int | None = 3,
        validation_fraction: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
        model_options: Mapping[str, Any] | None = None,
        data_options: Mapping[str, Any] | None = None,
        trainer_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.transfer = transfer
        self.vectors = vectors
        self.lr = lr
        self.embedding_lr = embedding_lr
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bidirectional = bidirectional
        self.dropout = dropout
        self.pooling = pooling
        self.class_weight = class_weight
        self.tokenizer = tokenizer
        self.min_freq = min_freq
        self.max_length = max_length
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state
        self.model_options = model_options
        self.data_options = data_options
        self.trainer_options = trainer_options

    def fit(self, X: Iterable[str], y: Iterable[Any], sample_weight: Sequence[float] | None = None) -> Self:
        """Fit the classifier.

        Args:
            X: Texts, as a list, an array or a column of str.
            y: Labels of any hashable type, one per text; or several labels per text, as an indicator matrix (an array of 0 and
                1, *Shape:* `(texts, classes)`) or a list of lists of str or int.
            sample_weight: Weight of each text in the loss, at least 0, relative to their mean; None for equal weights.

        Returns:
            The fitted classifier.

        Raises:
            ConfigError: An argument is invalid, the vectors are missing, or `X` does not contain str.
            DataError: The numbers of texts and labels differ, or there is only one class.
            VectorsError: The vectors cannot be read.
        """
        texts = _one_column(X)
        if y is None:
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        given = GivenLabels.of(y, len(texts))
        if get_mode(self.transfer).pretrained and self.vectors is None:
            raise ConfigError(
                f"transfer={self.transfer!r} starts from pretrained vectors, but vectors is None. Give a vectors file "
                "(or 'glove-6b-50d'), or choose transfer='random'."
            )
        weights = () if sample_weight is None else (_weights(sample_weight, len(texts)),)
        seed = int(check_random_state(self.random_state).randint(2**31))
        held_out = self.validation_fraction if round(self.validation_fraction * len(texts)) >= 1 else 0.0
        if held_out and len(texts) == len(given.classes):
            held_out = 0.0
        with _quiet(), _seeded(seed), tempfile.TemporaryDirectory() as folder:
            data = TextDataModule.from_lists(
                (texts, given.labels, *weights),
                weight_column="weight" if weights else None,
                vectors=None if self.vectors is None else str(self.vectors),
                tokenizer=self.tokenizer,
                min_freq=self.min_freq,
                max_length=self.max_length,
                batch_size=self.batch_size,
                val_fraction=held_out,
                seed=seed,
                label_columns=given.names if given.form == "matrix" else None,
                **(self.data_options or {}),
            )
            model = self._make_model(given, data.labels)
            trainer = self._make_trainer(folder, validates=bool(held_out))
            fit_model(trainer, model, data)
            if not trainer.global_step:
                limits = f"max_epochs is {trainer.max_epochs}, max_steps is {trainer.max_steps}"
                raise ConfigError(f"Not a single step was trained: {limits}. Give at least 1, or -1 for no limit.")
            if held_out:
                best: Any = trainer.checkpoint_callback
                load_weights(model, read_checkpoint(best.best_model_path), best.best_model_path)
        model.trainer = None  # it holds the texts
        self.n_iter_ = trainer.current_epoch
        self.classes_, self.multilabel_ = given.classes, given.form
        self.model_ = model.cpu().eval()
        self.predictor_: Loaded = model.predictor(tokenizer=data.text.split_tokens)
        self._columns = [model.labels.index(name) for name in given.names]
        return self

    @classmethod
    def from_pretrained(cls, path: str | os.PathLike[str], **options: Any) -> Self:
        """Return a fitted classifier that predicts with a trained model, such as the one that a comparison recommends.

        Args:
            path: A model for `lit_transfer.load`: a checkpoint, a folder of `save_pretrained`, the folder `recommended` of a
                comparison, or a name on the Hugging Face hub.
            options: Further arguments of `lit_transfer.load`.

        Returns:
            The classifier; `fit` trains a new network with its arguments, which are the defaults.

        Raises:
            CheckpointError: The model is missing or damaged.
        """
        fitted = cls()
        fitted.predictor_ = load(path, **options)
        names = fitted.predictor_.classes_
        order = sorted(range(len(names)), key=names.__getitem__)
        fitted.classes_ = np.array([names[column] for column in order])
        fitted._columns = order
        fitted.multilabel_ = "lists" if fitted.predictor_.task.several else None
        return fitted

    def predict_proba(self, X: Iterable[str]) -> np.ndarray:
        """Return class probabilities, in the order of `classes_`. *Shape:* `(texts, num_classes)`."""
        check_is_fitted(self)
        return self.predictor_.predict_proba(_one_column(X))[:, self._columns]

    def predict(self, X: Iterable[str]) -> Any:
        """Return the most probable label of each text. *Shape:* `(texts,)`.

        With several labels, those that reach their threshold: an indicator matrix (*Shape:* `(texts, classes)`, int64) or a
        list of lists, as given to `fit`.
        """
        probabilities = self.predict_proba(X)
        if self.multilabel_ is None:
            return self.classes_[probabilities.argmax(axis=1)]
        task = MultiLabel(tuple(self.predictor_.classes_[column] for column in self._columns))
        decisions = task.decide(probabilities, self.predictor_.threshold)
        if self.multilabel_ == "matrix":
            return decisions.astype(np.int64)
        return [self.classes_[row].tolist() for row in decisions]

    def score(self, X: Iterable[str], y: Iterable[Any], sample_weight: Sequence[float] | None = None) -> float:
        """Return the accuracy on texts and labels, 0 to 1; with several labels, the share of exact matches."""
        y = y.toarray() if hasattr(y, "toarray") else y
        if self.multilabel_ == "lists":
            correct = [set(found) == set(label) for found, label in zip(self.predict(X), y, strict=True)]
        else:
            correct = [bool(np.all(found == label)) for found, label in zip(self.predict(X), y, strict=True)]
        return float(np.average(correct, weights=sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that the input is a column of str."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags

    def _make_model(self, given: GivenLabels, order: Sequence[str]) -> TextClassifier:
        weight: Any = self.class_weight
        if isinstance(weight, Mapping):
            by_name = dict(zip(given.names, given.classes.tolist(), strict=True))
            unknown = [label for label in weight if label not in by_name.values()]
            # As in scikit-learn, a fold may lack a class that has a weight.
            if unknown and any(label not in weight for label in by_name.values()):
                raise ConfigError(
                    f"class_weight has a weight for {unknown[0]!r}, but the labels are {few(given.names)}."
                )
            weight = [weight.get(by_name[name], 1.0) for name in order]
            if not all(isinstance(number, Real) for number in weight):
                raise ConfigError(f"class_weight is {self.class_weight}; expected one number for each label.")
            weight = [float(number) for number in weight]
        model = TextClassifier(
            transfer=self.transfer,
            lr=self.lr,
            embedding_lr=self.embedding_lr,
            hidden_size=self.hidden_size,
            num_layers=self.num_layers,
            bidirectional=self.bidirectional,
            dropout=self.dropout,
            pooling=self.pooling,
            class_weight=weight,
            **(self.model_options or {}),
        )
        model.quiet = True
        return model

    def _make_trainer(self, folder: str, validates: bool) -> Trainer:
        callbacks = default_callbacks("val_loss", self.patience, dirpath=folder, save_weights_only=True)
        defaults: dict[str, Any] = {
            "max_epochs": self.max_epochs,
            "devices": 1,
            "logger": False,
            "callbacks": [instantiate_class((), each) for each in callbacks] if validates else [],
            "enable_checkpointing": validates,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "num_sanity_val_steps": 0,
            "default_root_dir": folder,
            **({} if validates else {"limit_val_batches": 0}),
        }
        return Trainer(**{**defaults, **(self.trainer_options or {})})


def _one_column(X: Any) -> list[str]:
    """Return the texts of a list, an array or a column."""
    X = as_iterable(X)
    if getattr(X, "ndim", 1) != 1:
        raise ConfigError(
            f"Expected texts as a list or another iterable of str, got {type(X).__name__} of the shape {X.shape}. Give one "
            "column of it. Reshape your data to one dimension."
        )
    return as_texts(X)


def _weights(sample_weight: Sequence[float], num_texts: int) -> np.ndarray:
    """Return the weights of the texts. *Shape:* `(texts,)`."""
    try:
        weights = np.asarray(sample_weight, dtype=float)
    except (TypeError, ValueError) as error:
        kind = type(sample_weight).__name__
        raise DataError(
            f"sample_weight is a {kind} that is no list of numbers; expected {num_texts} of them."
        ) from error
    if weights.shape != (num_texts,) or not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise DataError(
            f"sample_weight has the shape {weights.shape}; expected {num_texts} finite numbers of at least 0, not all of them 0."
        )
    return weights


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence log messages and warnings of Lightning, but not this package's warnings."""
    with errors_only("lightning.pytorch"), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        yield


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed all random generators, and restore their states afterwards."""
    before = os.environ.get(_SEED)
    with isolate_rng():
        try:
            seed_everything(seed, verbose=False)
            yield
        finally:
            os.environ.pop(_SEED, None)
            if before is not None:
                os.environ[_SEED] = before
