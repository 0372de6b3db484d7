"""The heading of the page, and the command that uses the recommended method."""

from __future__ import annotations

from lit_transfer.compare.methods import Method
from lit_transfer.compare.recommended import next_steps
from lit_transfer.compare.results import Results

# Command that delivers the recommended model of a finished comparison.
TRAIN = "lightning compare --config compare.yaml --compare.deliver true"

# Recommendations by the name of a baseline; names that end with a colon are followed by the name of a model.
BASELINES = {
    "majority": "Always answer the most frequent class",
    "tfidf": "Use TF-IDF with logistic regression",
    "tfidf:characters": "Use TF-IDF of characters with logistic regression",
    "nbsvm": "Use NBSVM: logistic regression on log-count ratios",
    "mean": "Use mean word vectors with logistic regression",
    "fasttext": "Use fastText",
    "fasttext:subwords": "Use fastText with parts of words",
    "fasttext:vectors": "Use fastText with the vectors",
}
MODELS = {
    "static:": "Use the static embeddings of {} with logistic regression",
    "sentence:": "Use the sentence vectors of {} with logistic regression",
    "finetune:": "Fine-tune {}",
    "setfit:": "Train {} by SetFit",
}


def heading(results: Results) -> str:
    """Return the recommendation as a heading."""
    if not results.verdict.last.beats_guessing:
        return "Label more texts: nothing is certain to beat guessing yet"
    return describe(results.recommended)


def describe(method: Method) -> str:
    """Return the recommendation of a method, without a full stop."""
    if method.is_baseline:
        for prefix, sentence in MODELS.items():
            if method.kind.startswith(prefix):
                return sentence.format(method.name.removeprefix(prefix.rstrip(":")).strip())
        return BASELINES.get(method.kind, f"Use {method.name}")
    if method.overrides:
        return f"Train the network “{method.name}”"
    if method.from_random:
        return "Train the network without pretrained vectors"
    if method.is_frozen:
        return "Train the network, and leave the vectors as they are"
    if method.is_slow:
        return "Train the network, and let the vectors change slowly"
    return "Train the network with the vectors as initial values"


def command(results: Results) -> tuple[str, str]:
    """Return the command that uses the recommended model, or trains it if it is not delivered, with an explanation."""
    name = results.recommended.name
    if results.config.comparison.deliver:
        return f"To use {name}, which is trained on all labels:", next_steps(results)[-1][1]
    return f"To train {name} on all labels, with the configuration at the end of this page:", TRAIN
