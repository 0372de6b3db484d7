"""Tokenizers from outside the package: torchtext, spaCy, or any callable that can be imported."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
from collections.abc import Callable
from typing import Any

from lit_transfer.errors import TokenizerError, missing_package, one_line
from lit_transfer.tokenizers.normalization import normalize

Tokenizer = Callable[[str], list[str]]


class ExternalTokenizer:
    """A tokenizer from outside the package; checks that every result is a list of str. Picklable if the callable is.

    Args:
        function: Callable from a str to a list of str.
        name: Name in messages, and for `get_tokenizer` if the callable can be imported.
    """

    def __init__(self, function: Callable[[str], Any], name: str):
        self.function = function
        self.name = name

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of a text.

        Raises:
            TokenizerError: The callable did not return a list of str.
        """
        tokens = self.function(text)
        if not isinstance(tokens, list):
            raise TokenizerError(
                f"The tokenizer {self.name!r} returned {type(tokens).__name__} for {text[:50]!r}; expected a list of str."
            )
        for token in tokens:
            if not isinstance(token, str):
                raise TokenizerError(
                    f"The tokenizer {self.name!r} returned a list with {token!r} ({type(token).__name__}) for "
                    f"{text[:50]!r}; expected a list of str."
                )
        return tokens

    def __repr__(self) -> str:
        return f"ExternalTokenizer({self.name!r})"


def from_torchtext(name: str) -> Tokenizer:
    """Return a tokenizer of torchtext.

    Raises:
        TokenizerError: Torchtext, or a package or model that the tokenizer needs, is not installed.
    """
    try:
        from torchtext.data.utils import get_tokenizer as torchtext_tokenizer
    except ImportError as error:
        raise TokenizerError(
            missing_package(f"The tokenizer 'torchtext:{name}'", "torchtext 0.6.0", "torchtext", error)
        ) from error
    except Exception as error:  # torchtext >= 0.7 loads a compiled library that is incompatible with a current torch
        raise TokenizerError(
            f"The tokenizer 'torchtext:{name}' needs torchtext 0.6.0; the installed version is incompatible with "
            f'the installed torch ({error}). Install 0.6.0 with: pip install "lit_transfer[torchtext]"'
        ) from error
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what the error below reports
            return torchtext_tokenizer(name)
    except ValueError as error:
        raise TokenizerError(
            f"torchtext has no tokenizer {name!r}. It has: basic_english, spacy, moses, toktok, revtok, subword."
        ) from error
    except (ImportError, OSError, AttributeError) as error:  # spaCy raises the last two if its model is missing
        raise TokenizerError(
            f"The tokenizer 'torchtext:{name}' needs a package or a model that is not installed: {error}. "
            "Install it, or choose one of the built-in tokenizers."
        ) from error


class SpacyTokenizer:
    """The tokenizer of spaCy's blank pipeline for a language, which needs no trained model.

    Args:
        language: Language code of spaCy, such as `en`, `de`, `ja` or `xx` (any language).

    Raises:
        TokenizerError: SpaCy or a package that the language needs is not installed, or spaCy lacks the language.
    """

    def __init__(self, language: str) -> None:
        # The code becomes part of a module name and may come from a checkpoint, so it is checked first.
        if not re.fullmatch("[a-z]{2,3}", language):
            raise TokenizerError(
                f"The tokenizer 'spacy:{language}' has no valid language code; expected one as in spacy:de or spacy:xx."
            )
        self._language = language
        try:
            import spacy
        except ImportError as error:
            raise TokenizerError(
                missing_package(f"The tokenizer 'spacy:{language}'", "spaCy", "spacy", error)
            ) from error
        try:
            pipeline = spacy.blank(language)
        except (ImportError, OSError) as error:
            if isinstance(error.__cause__, ModuleNotFoundError) or "E048" in str(error):
                raise TokenizerError(
                    f"spaCy {spacy.__version__} has no language {language!r}. See "
                    "https://spacy.io/usage/models#languages for the codes, or use xx for any language."
                ) from error
            raise TokenizerError(
                f"The tokenizer 'spacy:{language}' needs a package that is not installed: {one_line(error)}"
            ) from error
        self._split = pipeline.tokenizer
        self.cache_key = spacy.__version__

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of a text without white space tokens."""
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
            f"The tokenizer {name!r} cannot be imported: {error}. Install its module, or add it to PYTHONPATH."
        ) from error
    except AttributeError as error:
        raise TokenizerError(f"The tokenizer {name!r} does not exist: {error}.") from error
    if not callable(found):
        raise TokenizerError(
            f"The tokenizer {name!r} has the type {type(found).__name__}; expected a callable from str to list of str."
        )
    return found
