"""The README of an exported folder, with a program that needs only onnxruntime and numpy."""

from __future__ import annotations

from lit_transfer.runtime.folder import Config
from lit_transfer.tasks import MultiLabel

# Source code for the program, from a text in NFC to its tokens; other tokenizers are imported from this package.
_TOKENIZERS = {
    "whitespace": """\
    tokens = text.split()[:config["max_length"]] or [""]
""",
    "basic_english": """\
    text = re.sub("[;:]|<br />", " ", text.lower().replace('"', ""))
    tokens = re.sub(r"(['.,()!?])", r" \\1 ", text).split()[:config["max_length"]] or [""]
""",
}
_OTHER_TOKENIZER = """\
    tokens = lit_transfer.tokenizers.get_tokenizer({name!r})(text)[:config["max_length"]] or [""]
"""
FORM_SOURCES = {
    "exact": "w",
    "composed": 'unicodedata.normalize("NFC", w)',
    "decomposed": 'unicodedata.normalize("NFD", w)',
    "lower case": "w.lower()",
    "Capitalized": "w.capitalize()",
    "UPPER": "w.upper()",
    "digits as #": 're.sub(r"\\d", "#", w)',
    "digits as 0": 're.sub(r"\\d", "0", w)',
}
_ONE = """\
    odds = np.exp(logits - logits.max())
    print(json.dumps(dict(zip(config["labels"], (odds / odds.sum()).tolist()))))
"""
_SEVERAL = """\
    shares = dict(zip(config["labels"], (1 / (1 + np.exp(-logits))).tolist()))
    least = config["threshold"] if isinstance(config["threshold"], dict) else dict.fromkeys(shares, config["threshold"] or 0.5)
    print(json.dumps({"labels": [c for c in shares if shares[c] >= least.get(c, 0.5)], "probabilities": shares}))
"""
_README = """\
# A text classifier

Classes: {labels}. Written by lit_transfer {version}. `config.json` has the tokenizer and the temperature, `vocabulary.json`
the words by id, and `model.onnx` the network.

With lit_transfer (torch is not imported):

```python
import lit_transfer.runtime

print(lit_transfer.runtime.load(".").predict(["a great film"]))
```

Without it, with only onnxruntime and numpy{exception}:

```python
{program}```
"""


def program(config: Config) -> str:
    """Return the source of a program that classifies the texts on its command line when run in the folder."""
    own = config.tokenizer in _TOKENIZERS
    split = _TOKENIZERS.get(config.tokenizer, _OTHER_TOKENIZER.format(name=config.tokenizer))
    forms = ", ".join(FORM_SOURCES[form] for form in config.forms)
    before, ids = "", "    token_ids = [ids.get(w, 1) for w in tokens]\n"
    feed = """\
    feed = {"token_ids": np.array([token_ids]), "lengths": np.array([len(tokens)], np.int32)}
"""
    if forms:
        before = """\
rows = {word: i for i, word in enumerate(json.load(open("unseen_words.json")))}
vectors = np.load("unseen_vectors.npy", mmap_mode="r")
scales = np.load("unseen_scales.npy") if vectors.dtype == np.int8 else np.ones(len(rows))
"""
        ids = f"""\
    places = [None if w in ids else next((rows[f] for f in ({forms},) if f in rows), None) for w in tokens]
    unseen = [i for i in places if i is not None]
    numbers = iter(range(len(words), len(words) + len(unseen)))
    token_ids = [ids.get(w, 1) if i is None else next(numbers) for w, i in zip(tokens, places)]
"""
        feed += """\
    feed["unseen"] = (vectors[unseen] * scales[unseen, None]).astype(np.float32)
"""
    answer = _SEVERAL if config.task == MultiLabel.name else _ONE
    return f"""\
import json, re, sys, unicodedata
import numpy as np, onnxruntime{"" if own else ", lit_transfer.tokenizers"}
config, words = json.load(open("config.json")), json.load(open("vocabulary.json"))
ids = {{word: i for i, word in enumerate(words) if i > 1}}
session = onnxruntime.InferenceSession("model.onnx")
{before}for text in (unicodedata.normalize("NFC", text) for text in sys.argv[1:]):
{split}{ids}{feed}\
    logits = session.run(None, feed)[0][0].astype(float) / config["temperature"]
{answer}"""


def readme(config: Config) -> str:
    """Return the README of a folder."""
    known = config.tokenizer in _TOKENIZERS
    return _README.format(
        labels=", ".join(f"`{label}`" for label in config.labels).replace("\n", " "),
        version=config.made_by,
        exception="" if known else f" (and the tokenizer `{config.tokenizer}` of lit_transfer, which needs no torch)",
        program=program(config),
    )
