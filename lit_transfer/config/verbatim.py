"""Parsing of configurations with verbatim values, in any encoding that can be detected with certainty."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, get_loader, set_loader
from jsonargparse.typing import Path_fr

from lit_transfer.files.configurations import check_configuration, quote_arguments, quote_written, read_configuration

_load_yaml = get_loader("yaml")
# For all parsers: in a configuration, the values of `where` and `label_names` are verbatim.
set_loader("yaml", lambda text: _load_yaml(quote_written(text)), exceptions=(yaml.YAMLError,))


class VerbatimMixin(ArgumentParser):
    """Mixin for parsers that take the values of `where`, `label_names` and the like verbatim: 001 remains 001."""

    def parse_args(self, args: Sequence[str] | None = None, *others: Any, **options: Any) -> Any:  # type: ignore[override]
        """Parse the arguments of a command line."""
        return super().parse_args(quote_arguments(list(sys.argv[1:] if args is None else args)), *others, **options)

    def parse_path(self, path: str | os.PathLike[str], *others: Any, **options: Any) -> Any:  # type: ignore[override]
        """Parse a configuration file, whatever the encoding of the locale.

        Raises:
            ConfigError: The file is in an unknown encoding, is not YAML, or has a key twice.
        """
        if Path(path).is_file():  # a pipe can be read only once, and addresses are left to jsonargparse
            content = read_configuration(os.fspath(path))
            check_configuration(content, os.fspath(path))
            if content.encode(locale.getpreferredencoding(False), "replace") != Path(path).read_bytes():
                with Path_fr(path).relative_path_context():
                    return self.parse_string(content, os.path.basename(path), *others, **options)
        return super().parse_path(path, *others, **options)
