import os
import pickle
import random
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

from lit_transfer import TextTransferClassifier
from lit_transfer.errors import ConfigError, DataError
from tests.samples import write_corpus, write_vectors


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimator")
    write_vectors(folder / "vectors.txt")
    write_corpus(folder / "corpus.tsv")
    return folder


@pytest.fixture(scope="module")
def data(folder):
    """Return texts and labels."""
    rows = [line.split("\t") for line in (folder / "corpus.tsv").read_text().splitlines()[1:]]
    return [text for text, _ in rows], [label for _, label in rows]


def make(folder, **arguments):
    defaults = {
        "vectors": str(folder / "vectors.txt"),
        "hidden_size": 8,
        "lr": 0.02,
        "batch_size": 16,
        "max_epochs": 6,
        "random_state": 0,
        "trainer_options": {"accelerator": "cpu"},
    }
    return TextTransferClassifier(**{**defaults, **arguments})


def shout(texts):
    return [text.upper() for text in texts]


@pytest.mark.parametrize("transfer", ["random", "init", "frozen", "slow"])
def test_it_learns_in_every_mode_and_knows_words_beyond_the_training_by_their_vectors(folder, data, transfer):
    classifier = make(folder, transfer=transfer, max_epochs=12).fit(*data)
    assert classifier.score(*data) > 0.9
    assert classifier.classes_.tolist() == ["negative", "positive"]
    assert classifier.predict(["good", "awful"]).tolist() == ["positive", "negative"]
    assert classifier.predict_proba(["good"]).sum() == pytest.approx(1)
    unseen, unknown = classifier.predict_proba(["brilliant", "zzz"])
    assert (unseen.tolist() == unknown.tolist()) is (transfer == "random")


def test_it_works_in_a_pipeline_a_search_over_transfer_and_a_cross_validation(folder, data):
    pipeline = make_pipeline(FunctionTransformer(shout), make(folder))
    search = GridSearchCV(pipeline, {"texttransferclassifier__transfer": ["frozen", "random"]}, cv=2)
    search.fit(*data)
    assert search.best_score_ > 0.9
    assert len(search.cv_results_["mean_test_score"]) == 2
    probabilities = cross_val_predict(make(folder), *data, cv=2, method="predict_proba")
    assert np.mean((probabilities[:, 1] > 0.5) == (np.array(data[1]) == "positive")) > 0.9


def test_cleanlab_finds_labels_that_were_swapped(folder, data):
    filter = pytest.importorskip("cleanlab.filter", reason="the extra audit is not installed")
    texts, labels = data[0], np.array([label == "positive" for label in data[1]]).astype(int)
    swapped = [5, 40, 77]
    labels[swapped] = 1 - labels[swapped]
    probabilities = cross_val_predict(make(folder), texts, labels, cv=3, method="predict_proba")
    found = filter.find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    assert set(swapped) <= set(found[:8])


def test_a_seed_decides_everything_and_nothing_of_the_users_generators_is_moved(folder, data):
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state(), dict(os.environ)
    first, second = (make(folder).fit(*data).predict_proba(data[0]) for _ in range(2))
    other = make(folder, random_state=1).fit(*data).predict_proba(data[0])
    assert (first == second).all() and not np.allclose(first, other)
    assert random.getstate() == before[0] and np.random.get_state()[1].tolist() == before[1]
    assert (torch.get_rng_state() == before[2]).all() and dict(os.environ) == before[3]


def test_a_clone_has_the_arguments_and_a_pickle_has_the_model_too(folder, data):
    classifier = make(folder, pooling="mean").fit(*data)
    assert clone(classifier).get_params() == classifier.get_params()
    assert not hasattr(clone(classifier), "classes_")
    copy = pickle.loads(pickle.dumps(classifier))
    assert (copy.predict_proba(data[0]) == classifier.predict_proba(data[0])).all()


def test_the_early_end_keeps_the_best_epoch_and_without_validation_all_epochs_are_trained(folder, data):
    short = make(folder, lr=1.0, max_epochs=30, patience=2).fit(*data)
    assert short.n_iter_ < 30
    assert make(folder, validation_fraction=0, max_epochs=3).fit(*data).n_iter_ == 3
    tiny = make(folder, max_epochs=2).fit(["a good film", "an awful film"], ["yes", "no"])
    assert tiny.classes_.tolist() == ["no", "yes"] and tiny.n_iter_ == 2


@pytest.mark.parametrize(
    "classes",
    [
        [10, 9],
        [True, False],
        [1.0, 2.0],
        ["1", "1.0"],
        ["Good", "good"],
        [" ", "x"],
        [("a", 1), ("b", 2)],
        np.array([2, 1], dtype=np.int8),
    ],
    ids=str,
)
def test_labels_may_be_of_any_hashable_type(folder, data, classes):
    labels = [classes[int(label == "positive")] for label in data[1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        classifier = make(folder).fit(data[0], labels)
    assert classifier.score(data[0], labels) > 0.9
    assert classifier.predict(["good"])[0] == classes[1] and classifier.predict(["awful"])[0] == classes[0]
    assert type(classifier.predict(["good"])[0]) is type(classes[1]) or isinstance(classes[1], bool | int | float | str)


def test_class_weights_are_given_by_label(folder, data):
    texts = data[0] + ["the film", "zzz", "a plot"]
    plain, heavy = (
        make(folder, max_epochs=2, class_weight=weight).fit(*data).predict(texts)
        for weight in (None, {"positive": 50.0})
    )
    assert (heavy == "positive").mean() > (plain == "positive").mean() + 0.2
    make(folder, max_epochs=1, class_weight="balanced").fit(*data)
    # As in scikit-learn, a fold may lack a class that has a weight.
    make(folder, max_epochs=1, class_weight={"positive": 2.0, "negative": 1.0, "neutral": 3.0}).fit(*data)


def test_it_is_quiet(folder, data, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        make(folder).fit(*data)
    assert capfd.readouterr() == ("", "")


def test_columns_are_taken_and_tables_are_refused(folder, data):
    table = pd.DataFrame({"text": data[0], "label": data[1]})
    classifier = make(folder, max_epochs=1).fit(table["text"], table["label"])
    assert classifier.predict(np.array(data[0], dtype=object)).shape == (len(table),)
    with pytest.raises(ConfigError, match="Give one column of it"):
        classifier.predict(table)
    with pytest.raises(ConfigError, match="got one str"):
        classifier.predict("a good film")


def test_invalid_training_data_are_an_error(folder, data):
    with pytest.raises(ConfigError, match="vectors is None"):
        TextTransferClassifier().fit(*data)
    with pytest.raises(DataError, match="120 texts and 2 labels"):
        make(folder).fit(data[0], ["a", "b"])
    with pytest.raises(DataError, match="got 1 class"):
        make(folder).fit(data[0], ["a"] * 120)
    with pytest.raises(ConfigError, match="got float at position 1"):
        make(folder).fit(["a", float("nan")], ["a", "b"])


class OfNumbers(TextTransferClassifier):
    """The classifier on numbers rounded and formatted as words, since the checks of scikit-learn have no texts."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.one_d_array, tags.input_tags.string = True, False, False
        return tags

    def _write(self, X, **options):
        X = validate_data(self, X, **options)
        return [" ".join(f"f{i}_{round(2 * value)}" for i, value in enumerate(row)) for row in X]

    def fit(self, X, y):
        texts = self._write(X)
        if y is not None:
            validate_data(self, X, y)
        return super().fit(texts, y)

    def predict_proba(self, X):
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)
        return super().predict_proba(self._write(X, reset=False))


# Checks of scikit-learn that fail, and the reasons.
EXCEPTIONS: dict[str, str] = {}


@pytest.mark.slow
def test_scikit_learns_checks_hold():
    classifier = OfNumbers(
        "random",
        hidden_size=4,
        lr=0.05,
        max_epochs=12,
        validation_fraction=0,
        random_state=0,
        trainer_options={"accelerator": "cpu"},
    )
    results = check_estimator(classifier, on_fail=None, on_skip=None, expected_failed_checks=EXCEPTIONS)
    failed = {
        result["check_name"]: str(result["exception"])[:300] for result in results if result["status"] == "failed"
    }
    assert failed == {}
    assert sum(result["status"] == "passed" for result in results) > 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"class_weight": {"positive": None}},
            r"class_weight is \{'positive': None\}; expected one number for each label",
        ),
        (
            {"class_weight": {"Positive": 2.0}},
            "class_weight has a weight for 'Positive', but the labels are negative, positive",
        ),
        ({"class_weight": {"positive": 0, "negative": 0}}, "expected finite weights of at least 0, not all of them 0"),
        ({"max_epochs": 0}, "Not a single step was trained: max_epochs is 0"),
        ({"trainer_options": {"max_steps": 0}}, "Not a single step was trained: .*max_steps is 0"),
        ({"lr": "0.01"}, "lr is the text '0.01', but it must be a number"),
        ({"lr": None}, "lr is None, but it must be a number"),
        ({"hidden_size": None}, "hidden_size is None, but it must be a whole number"),
    ],
)
def test_arguments_that_are_no_numbers_are_errors(folder, data, arguments, message):
    with pytest.raises(ConfigError, match=message):
        make(folder, **arguments).fit(*data)
