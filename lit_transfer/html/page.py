"""Rendering of pages from templates."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lit_transfer.files import atomic_write

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **values: object) -> str:
    """Render a template with autoescaping.

    Pages extend `html/base.html.j2`, which contains the style sheet; `html/parts.html.j2` has macros for charts and tables.

    Args:
        template: Path of the template in the package, such as `compare/page/report.html.j2`.
        values: Values of the template's variables; a variable without a value is an error.

    Returns:
        The page, which refers to no other files.
    """
    return _environment().get_template(template).render(**values)


def write_page(path: Path, template: str, **values: object) -> None:
    """Render a template as in `render`, and write the page to a file.

    Args:
        path: File to write.
        template: Path of the template in the package.
        values: Values of the template's variables.
    """
    page = render(template, **values)
    with atomic_write(path) as file:
        file.write(page)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow to import, and needed for pages only

    return Environment(
        loader=PackageLoader("lit_transfer", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
