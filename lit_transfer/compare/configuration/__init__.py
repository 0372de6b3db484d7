"""Configuration of a comparison, and of each of its runs."""

from lit_transfer.compare.configuration.configuration import (
    ClassArguments,
    Configuration,
    check_methods,
    compare_parser,
    parse_arguments,
    read_configuration,
)
from lit_transfer.compare.configuration.run import config_of
from lit_transfer.compare.configuration.settings import defaults_of, settings_of

__all__ = [
    "ClassArguments",
    "Configuration",
    "check_methods",
    "compare_parser",
    "config_of",
    "defaults_of",
    "parse_arguments",
    "read_configuration",
    "settings_of",
]
