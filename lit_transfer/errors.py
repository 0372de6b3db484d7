"""Errors that bad input can cause. Each message says what was given, what was expected, and what to do."""


class LitTransferError(ValueError):
    """Base of all errors a user can cause; the command line prints it without a traceback and exits with 2."""


class ConfigError(LitTransferError):
    """An argument, a flag or a YAML value that is invalid, alone or together with another."""


class DataError(LitTransferError):
    """Labelled text that is missing, unreadable, or not as the configuration describes it."""


class VectorsError(LitTransferError):
    """A vectors file that is missing, damaged, of an unknown format, or of another dimension."""


class TokenizerError(LitTransferError):
    """A tokenizer that is unknown, cannot be imported, or does not return a list of str."""


class CheckpointError(LitTransferError):
    """A checkpoint that lacks what prediction needs, or contradicts the given configuration."""


class RunError(LitTransferError):
    """A run of a comparison failed; the finished ones are kept."""
