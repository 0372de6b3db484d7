"""The modules that torch and Lightning import, recorded before the package is imported; see `prepared.context`."""

import sys

import lightning.pytorch  # noqa: F401

BEFORE = frozenset(sys.modules)
