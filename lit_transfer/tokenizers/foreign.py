"""Tokenizers from outside the package: torchtext, spaCy, or any callable that can be imported."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Callable
from typing import Any

from lit_transfer.errors import TokenizerError
from lit_transfer.tokenizers.normalization import normalize

Tokenizer = Callable[[str], list[str]]


class ForeignTokenizer:
    """A tokenizer from outside, whose every result is checked to be a list of str. It pickles if the callable does.

    Args:
        function: The callable, str -> list of str.
        name: What messages call it, and what `get_tokenizer` finds it by if it can be imported.
    """

    def __init__(self, function: Callable[[str], Any], name: str):
        self.function = function
        self.name = name

    def __call__(self, text: str) -> list[str]:
        """The tokens of a text; a TokenizerError if the callable gives anything but a list of str."""
        tokens = self.function(text)
        if not isinstance(tokens, list):
            raise TokenizerError(
                f"The tokenizer {self.name!r} gave {type(tokens).__name__} for {text[:50]!r}; a list of str is wanted."
            )
        for token in tokens:
            if not isinstance(token, str):
                raise TokenizerError(
                    f"The tokenizer {self.name!r} gave a list with {token!r} ({type(token).__name__}) for "
                    f"{text[:50]!r}; a list of str is wanted."
                )
        return tokens

    def __repr__(self) -> str:
        return f"ForeignTokenizer({self.name!r})"


def from_torchtext(name: str) -> Tokenizer:
    """Get a tokenizer of torchtext.

    Raises:
        TokenizerError: Torchtext, or a package or model that the tokenizer needs, is not installed.
    """
    try:
        from torchtext.data.utils import get_tokenizer as torchtext_tokenizer
    except ImportError as error:
        raise TokenizerError(
            f"The tokenizer 'torchtext:{name}' needs torchtext 0.6.0, which is not installed. "
            'Install it with: pip install "lit_transfer[torchtext]"'
        ) from error
    except Exception as error:  # torchtext >= 0.7 loads a compiled library that does not fit a current torch
        raise TokenizerError(
            f"The tokenizer 'torchtext:{name}' needs torchtext 0.6.0; the one installed does not load beside this "
            f'torch ({error}). Install the right one with: pip install "lit_transfer[torchtext]"'
        ) from error
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what the error below says
            return torchtext_tokenizer(name)
    except ValueError as error:
        raise TokenizerError(
            f"torchtext has no tokenizer {name!r}. It has: basic_english, spacy, moses, toktok, revtok, subword."
        ) from error
    except (ImportError, OSError, AttributeError) as error:  # spacy fails with the last two where its model is missing
        raise TokenizerError(
            f"The tokenizer 'torchtext:{name}' needs a package or a model that is not installed: {error}. "
            "Install it, or choose one of the built-in tokenizers."
        ) from error


class SpacyTokenizer:
    """The rules of spaCy's blank pipeline for a language: a tokenizer without a trained model.

    Args:
        language: spaCy's code of the language, as in `en`, `de`, `ja` or `xx` (any language).

    Raises:
        TokenizerError: spaCy or a package that the language needs is not installed, or spaCy has no such language.
    """

    def __init__(self, language: str) -> None:
        # The code becomes part of a module's name, and may come out of a checkpoint.
        if not re.fullmatch("[a-z]{2,3}", language):
            raise TokenizerError(f"The tokenizer 'spacy:{language}' needs a language code, as in spacy:de or spacy:xx.")
        self._language = language
        try:
            import spacy
        except ImportError as error:
            raise TokenizerError(
                f"The tokenizer 'spacy:{language}' needs spaCy, which is not installed. "
                'Install it with: pip install "lit_transfer[spacy]"'
            ) from error
        try:
            pipeline = spacy.blank(language)
        except (ImportError, OSError) as error:
            if isinstance(error.__cause__, ModuleNotFoundError) or "E048" in str(error):
                raise TokenizerError(
                    f"spaCy {spacy.__version__} has no language {language!r}. Its codes are at "
                    "https://spacy.io/usage/models#languages; xx is for any language."
                ) from error
            raise TokenizerError(
                f"The tokenizer 'spacy:{language}' needs a package that is not installed: {' '.join(str(error).split())}"
            ) from error
        self._split = pipeline.tokenizer
        self.cache_key = spacy.__version__

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of a text, without those of white space."""
        return [token.text for token in self._split(normalize(text)) if not token.is_space]

    def __reduce__(self) -> tuple[type[SpacyTokenizer], tuple[str]]:
        return SpacyTokenizer, (self._language,)


def from_import_path(name: str, module: str, attribute: str) -> Tokenizer:
    """Import a callable; this runs the code of its module.

    Raises:
        TokenizerError: The module or the attribute does not exist, or it is not callable.
    """
    try:
        found: Any = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except ImportError as error:
        raise TokenizerError(
            f"The tokenizer {name!r} cannot be imported: {error}. Is its module installed or on PYTHONPATH?"
        ) from error
    except AttributeError as error:
        raise TokenizerError(f"The tokenizer {name!r} is not there: {error}.") from error
    if not callable(found):
        raise TokenizerError(f"The tokenizer {name!r} is {type(found).__name__}, not callable; str -> list is wanted.")
    return found
