"""The README of an exported folder, with a program that needs only onnxruntime and numpy."""

from __future__ import annotations

from lit_transfer.runtime.folder import Config

# Source code of tokenizers for the program; other tokenizers are imported from this package.
_TOKENIZERS = {
    "whitespace": "    return text.split()\n",
    "basic_english": """\
    text = text.lower().replace('"', "").replace("<br />", " ").replace(";", " ").replace(":", " ")
    for sign in "'.,()!?":
        text = text.replace(sign, f" {sign} ")
    return text.split()
""",
}
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
    split = _TOKENIZERS.get(config.tokenizer)
    own = (
        f"    from lit_transfer.tokenizers import get_tokenizer\n    return get_tokenizer({config.tokenizer!r})(text)\n"
    )
    lines = """\
import json, re, sys, unicodedata
import numpy as np, onnxruntime

config, words = json.load(open("config.json")), json.load(open("vocabulary.json"))
ids = {word: i for i, word in enumerate(words) if i > 1}
session = onnxruntime.InferenceSession("model.onnx")
"""
    if config.forms:
        lines += """\
rows = {word: i for i, word in enumerate(json.load(open("unseen_words.json")))}
vectors = np.load("unseen_vectors.npy", mmap_mode="r")
scales = np.load("unseen_scales.npy") if vectors.dtype == np.int8 else np.ones(len(rows))
"""
    lines += f"""
def tokenize(text):
{split or own}
def classify(text):
    tokens = tokenize(unicodedata.normalize("NFC", text))[:config["max_length"]] or [""]
"""
    if config.forms:
        forms = ", ".join(FORM_SOURCES[form] for form in config.forms)
        lines += f"""\
    places = [None if w in ids else next((rows[f] for f in ({forms},) if f in rows), None) for w in tokens]
    unseen = [i for i in places if i is not None]
    numbers = iter(range(len(words), len(words) + len(unseen)))
    token_ids = [ids.get(w, 1) if i is None else next(numbers) for w, i in zip(tokens, places)]
    feed = {{"unseen": (vectors[unseen] * scales[unseen, None]).astype(np.float32)}}
"""
    else:
        lines += "    token_ids, feed = [ids.get(w, 1) for w in tokens], {}\n"
    return (
        lines
        + """\
    feed |= {"token_ids": np.array([token_ids]), "lengths": np.array([len(token_ids)], np.int32)}
    logits = session.run(None, feed)[0][0] / config["temperature"]
    odds = np.exp(logits - logits.max())
    return dict(zip(config["labels"], (odds / odds.sum()).tolist()))

for text in sys.argv[1:]:
    print(json.dumps(classify(text)))
"""
    )


def readme(config: Config) -> str:
    """Return the README of a folder."""
    known = config.tokenizer in _TOKENIZERS
    return _README.format(
        labels=", ".join(f"`{label}`" for label in config.labels).replace("\n", " "),
        version=config.made_by,
        exception="" if known else f" (and the tokenizer `{config.tokenizer}` of lit_transfer, which needs no torch)",
        program=program(config),
    )
