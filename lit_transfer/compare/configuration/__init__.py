"""Configuration of a comparison, and of each of its runs."""

from lit_transfer.compare.configuration.configuration import (
    ClassArguments,
    Configuration,
    check_ways,
    parse_arguments,
    read_configuration,
)
from lit_transfer.compare.configuration.parser import add_fit_arguments, build, make_parser, plain_of
from lit_transfer.compare.configuration.run import config_of
from lit_transfer.compare.configuration.settings import defaults_of, settings_of

__all__ = [
    "ClassArguments",
    "Configuration",
    "add_fit_arguments",
    "build",
    "check_ways",
    "config_of",
    "defaults_of",
    "make_parser",
    "parse_arguments",
    "plain_of",
    "read_configuration",
    "settings_of",
]
