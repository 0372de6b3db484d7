"""Plug-ins of installed packages: entry points in the groups `lit_transfer.KIND`."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Literal

from lit_transfer.errors import ConfigError

Kind = Literal["tokenizers", "vector_formats", "baselines", "objectives"]
"""Kinds of plug-ins.

- `tokenizers`: a callable from a text to a list of tokens.
- `vector_formats`: a `lit_transfer.vectors.formats.Format`.
- `baselines`: a subclass of `lit_transfer.baselines.baseline.Baseline`.
- `objectives`: a subclass of `lit_transfer.pretraining.objectives.Objective`.
"""


def plugin_names(kind: Kind) -> list[str]:
    """Return the names of the installed plug-ins of a kind, sorted."""
    return sorted({point.name for point in entry_points(group=f"lit_transfer.{kind}")})


def find_plugin(kind: Kind, name: str) -> Any:
    """Import a plug-in by name; None if there is none of that name.

    Raises:
        ConfigError: The plug-in cannot be imported.
    """
    for point in entry_points(group=f"lit_transfer.{kind}", name=name):
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            package = point.dist.name if point.dist is not None else "a package"
            raise ConfigError(
                f"The plug-in {name} of {package} ({point.value}) cannot be imported: {error}. Update or uninstall the package."
            ) from error
    return None
