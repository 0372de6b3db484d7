"""Tokenizers for Korean: `hangul` and `jamo` (rules), `kiwi` and `mecab-ko` (morphological analysis)."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from lit_transfer.errors import TokenizerError
from lit_transfer.tokenizers.normalization import normalize

EMPTY_FINAL = "∅"
"""Placeholder for a missing final consonant, so that every syllable has three letters."""

_LETTER = "가-힣\u3131-\u318e"
_RUNS = re.compile(rf"[가-힣]+|[\u3131-\u318e]+|[0-9]+|(?:(?![{_LETTER}])[^\W\d_])+|\S")
_REPEATS = re.compile(r"([\u3131-\u318e가-힣]|[^\w\s])\1{2,}")


def hangul(text: str) -> list[str]:
    """Split into runs of Hangul syllables, jamo, other letters or digits, and single other characters; lowercase.

    Nouns keep their particles and verbs their endings.
    """
    return _RUNS.findall(normalize(text).lower())


def jamo(text: str) -> list[str]:
    """Split into letters; a Hangul syllable becomes initial, vowel and final (`EMPTY_FINAL` if it has none).

    White space is dropped. The letters are the conjoining jamo of Unicode's canonical decomposition (NFD).
    """
    return list("".join(spell_in_jamo(text).lower().split()))


def spell_in_jamo(text: str) -> str:
    """Replace each Hangul syllable by its three letters, and keep all other characters."""
    return re.sub("[가-힣]", lambda syllable: _letters(syllable[0]), normalize(text))


@lru_cache(maxsize=11_172)
def _letters(syllable: str) -> str:
    letters = unicodedata.normalize("NFD", syllable)
    return letters if len(letters) == 3 else letters + EMPTY_FINAL


def shorten_repeats(text: str) -> str:
    """Shorten three or more equal Hangul letters, syllables or marks in a row to two: ㅋㅋㅋㅋ and ㅋㅋㅋ become ㅋㅋ."""
    return _REPEATS.sub(r"\1\1", text)


class Kiwi:
    """The morphological analyser of kiwipiepy, which analyses several texts in parallel, on all cores if `threads` is None."""

    distributions = ("kiwipiepy", "kiwipiepy_model")

    def __init__(self, threads: int | None = None) -> None:
        from kiwipiepy import Kiwi

        self._kiwi = Kiwi(num_workers=threads or os.cpu_count())

    def one(self, text: str) -> list[tuple[str, str]]:
        """Return the morphemes of a text, each with its part of speech."""
        return [(token.form, token.tag) for token in self._kiwi.tokenize(text)]

    def many(self, texts: Iterable[str]) -> Iterator[list[tuple[str, str]]]:
        """Yield the morphemes of each text."""
        for tokens in self._kiwi.tokenize(texts):
            yield [(token.form, token.tag) for token in tokens]


class Mecab:
    """The morphological analyser mecab-ko, with the dictionary of the python-mecab-ko package."""

    distributions = ("python-mecab-ko", "python-mecab-ko-dic")

    def __init__(self) -> None:
        from mecab import MeCab

        self.one = MeCab().pos

    def many(self, texts: Iterable[str]) -> Iterator[list[tuple[str, str]]]:
        """Yield the morphemes of each text."""
        return map(self.one, texts)


class Runs:
    """The rules of `hangul`, with an empty part of speech for each run."""

    distributions = ()

    def one(self, text: str) -> list[tuple[str, str]]:
        """Return the runs of a text, each with an empty part of speech."""
        return [(run, "") for run in hangul(text)]

    def many(self, texts: Iterable[str]) -> Iterator[list[tuple[str, str]]]:
        """Yield the morphemes of each text."""
        return map(self.one, texts)


ANALYSERS: dict[str, Any] = {"hangul": Runs, "kiwi": Kiwi, "mecab-ko": Mecab}
_EXTRAS = {"kiwi": "korean", "mecab-ko": "mecab"}
_OPTIONS = ("tags", "repeats", "jamo")


class KoreanTokenizer:
    """A Korean tokenizer with options in its name.

    It can be pickled, used by several threads, and used after a fork.

    Args:
        name: A name in `ANALYSERS`, with options after a colon, as in `kiwi:tags,repeats`:

            * `tags`: each morpheme gets its part of speech as a suffix, as in `영화/NNG` (not for `hangul`);
            * `repeats`: `shorten_repeats` is applied to the text first;
            * `jamo`: `spell_in_jamo` is applied to each token, for fastText vectors with n-grams of letters
              (Park et al. 2018, "Subword-level Word Vector Representations for Korean").

    Raises:
        TokenizerError: The analyser or an option is unknown, or a package is not installed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._base, _, given = name.partition(":")
        options = given.split(",") if given else []
        allowed = [option for option in _OPTIONS if option != "tags" or self._base != "hangul"]
        if unknown := [option for option in options if option not in allowed]:
            raise TokenizerError(
                f"The tokenizer {name!r} has an unknown option {unknown[0]!r}. The options of {self._base} are "
                f"{', '.join(allowed)}, as in {self._base}:{','.join(allowed)}."
            )
        self._tags, self._repeats, self._jamo = (option in options for option in _OPTIONS)
        _ = self._analyser  # reports a missing package early

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of a text.

        Raises:
            TokenizerError: The analyser rejects the text.
        """
        try:
            return self._finish(self._analyser.one(self._prepare(text)))
        except Exception as error:  # a compiled library may raise any exception
            raise TokenizerError(f"{self.name} cannot split the text {text[:50]!r}: {error}") from error

    def many(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """Yield the tokens of each text, on all cores if the analyser supports it.

        Raises:
            TokenizerError: The analyser rejects a text.
        """
        try:
            for pairs in self._analyser.many(map(self._prepare, texts)):
                yield self._finish(pairs)
        except Exception as error:
            raise TokenizerError(f"{self.name} cannot split one of the texts: {error}") from error

    @property
    def cache_key(self) -> str:
        """Key that changes whenever the tokens may change: the name and the versions of the packages it uses."""
        return " ".join([self.name, *map(version, self._analyser.distributions)])

    @property
    def _analyser(self) -> Any:
        return load_analyser(self._base, os.getpid())  # the threads of an analyser do not survive a fork

    def _prepare(self, text: str) -> str:
        text = normalize(text)
        return shorten_repeats(text) if self._repeats else text

    def _finish(self, pairs: list[tuple[str, str]]) -> list[str]:
        # The dictionary has names of several words, but many vectors files cannot store a token with a space.
        tokens = [f"{form}/{tag}" if self._tags else form for form, tag in pairs]
        tokens = [token.replace(" ", "_") if " " in token else token for token in tokens]
        return [spell_in_jamo(token) for token in tokens] if self._jamo else tokens

    def __reduce__(self) -> tuple[type[KoreanTokenizer], tuple[str]]:
        """Pickle the name; an analyser cannot be pickled."""
        return KoreanTokenizer, (self.name,)

    def __repr__(self) -> str:
        return f"KoreanTokenizer({self.name!r})"


@lru_cache(maxsize=len(ANALYSERS))
def load_analyser(base: str, process: int) -> Any:
    """Return the analyser of this process, created once: loading takes seconds and hundreds of megabytes."""
    try:
        return ANALYSERS[base]()
    except ImportError as error:
        raise TokenizerError(
            f"The tokenizer {base!r} needs a package that is not installed ({error}). Install it with: "
            f'pip install "lit_transfer[{_EXTRAS[base]}]"'
        ) from error
