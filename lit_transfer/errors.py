"""What a user can be told: every error that bad input can cause, each saying what came, what was wanted, what to do."""


class LitTransferError(ValueError):
    """The base of all errors a user can cause; the command line prints it without a traceback and exits with 2."""


class ConfigError(LitTransferError):
    """An argument, a flag or a YAML value that cannot be used, alone or beside another."""


class DataError(LitTransferError):
    """Labelled text that is missing, unreadable, or not of the shape that the configuration says."""


class VectorsError(LitTransferError):
    """A file of pretrained vectors that is missing, broken, of an unknown format, or of another dimension."""


class TokenizerError(LitTransferError):
    """A tokenizer that is not known, cannot be imported, or does not give a list of str."""


class CheckpointError(LitTransferError):
    """A checkpoint that lacks what prediction needs, or contradicts the configuration it is used with."""


class RunError(LitTransferError):
    """A run of a comparison failed; those that are finished stay."""
