"""Errors that bad input can cause. Each message says what was given, what was expected, and what to do."""

import os
import sys
import sysconfig
import warnings
from types import FrameType

# Folders of code other than the user's: this package, installed libraries, and the standard library.
_LIBRARIES = (
    os.path.join(os.path.dirname(os.path.abspath(__file__)), ""),
    *(os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib", "stdlib")),
    "<frozen ",
)


# Names of the program; LitServe installs another one with the first name.
PROGRAMS = ("lightning", "lit-transfer")


class LitTransferError(ValueError):
    """Base of all errors a user can cause; the command line prints it without a traceback and exits with 2."""


class ConfigError(LitTransferError):
    """An invalid argument, flag or YAML value, or an invalid combination of them."""


class DataError(LitTransferError):
    """Data that are missing, unreadable, or inconsistent with the configuration."""


class VectorsError(LitTransferError):
    """A vectors file that is missing, damaged, in an unknown format, or of an unexpected dimension."""


class TokenizerError(LitTransferError):
    """A tokenizer that is unknown, cannot be imported, or does not return a list of str."""


class CheckpointError(LitTransferError):
    """A checkpoint that lacks what prediction needs, or contradicts the given configuration."""


class RunError(LitTransferError):
    """A failed run of a comparison; the results of finished runs are kept."""


class TrainingError(LitTransferError):
    """Training cannot continue, since the loss or the weights are not finite."""


def one_line(error: BaseException) -> str:
    """Return the message of an exception on one line."""
    return " ".join(str(error).split())


def missing_package(feature: str, package: str, extra: str, error: ImportError | None = None) -> str:
    """Return the message about an optional package that is not installed.

    Args:
        feature: What needs the package, as the subject of the sentence.
        package: Name of the package.
        extra: Extra of this package that installs it.
        error: The exception, which names the missing module: the package itself, or one that it needs.
    """
    reason = f" ({error})" if error is not None else ""
    return f'{feature} needs {package}, which is not installed{reason}. Install it with: pip install "lit_transfer[{extra}]"'


def program_name() -> str:
    """Return the name by which the program was called, `lightning` or `lit-transfer`."""
    called = os.path.basename(sys.argv[0])
    return called if called in PROGRAMS else PROGRAMS[0]


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn with the user's line as the place: the innermost one outside of this package and of installed libraries."""
    frame: FrameType | None = sys._getframe(1)
    place = frame
    while frame is not None:
        place = frame
        generated = frame.f_globals.get("__name__", "").startswith("lit_transfer.")  # such as __init__ of a dataclass
        if not generated and not frame.f_code.co_filename.startswith(_LIBRARIES):
            break
        frame = frame.f_back
    assert place is not None
    warnings.warn_explicit(
        message,
        category,
        place.f_code.co_filename,
        place.f_lineno,
        place.f_globals.get("__name__"),
        place.f_globals.setdefault("__warningregistry__", {}),
    )


def warn_deprecated(name: str, removed_in: str, instead: str) -> None:
    """Warn that a public name will be removed; it keeps working for two minor versions.

    Args:
        name: The name, as the user writes it.
        removed_in: Version that removes it.
        instead: What to use instead.
    """
    warn(
        f"{name} is deprecated, and will be removed in lit_transfer {removed_in}. Use {instead}.",
        FutureWarning,
    )
