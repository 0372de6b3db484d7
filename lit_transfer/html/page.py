"""Rendering of pages from templates."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from lit_transfer.files import atomic_write

if TYPE_CHECKING:
    from jinja2 import Environment

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""HTTP headers of a page that loads scripts and styles from its own server only."""


def render(template: str, **values: object) -> str:
    """Render a template with autoescaping.

    Pages extend `html/base.html.j2`, which contains the style sheet; `html/parts.html.j2` has macros for charts and tables.

    Args:
        template: Path of the template in the package, such as `compare/page/report.html.j2`.
        values: Values of the template's variables; a variable without a value is an error.

    Returns:
        The page, which refers to no other files.
    """
    return _environment().get_template(template).render(**{"layout": "html/base.html.j2", **values})


def fragment(template: str, **values: object) -> str:
    """Render the content of a template for a notebook, with a style sheet that applies to it alone.

    The template extends `layout`, a variable, in place of `html/base.html.j2`.
    """
    return _environment().get_template(template).render(layout="html/fragment.html.j2", **values)


def write_page(path: Path, template: str, **values: object) -> None:
    """Render a template as in `render`, and write the page to a file."""
    page = render(template, **values)
    with atomic_write(path) as file:
        file.write(page)


def scripts(package: str) -> dict[str, str]:
    """Return the scripts of a page by file name: those of its package, and `page.js`, which all pages share.

    The package is the name of that of the page, such as `lit_transfer.deploy.try_page`.
    """
    found = [files("lit_transfer.html").joinpath("page.js"), *files(package).iterdir()]
    return {each.name: each.read_text(encoding="utf-8") for each in found if each.name.endswith(".js")}


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow to import, and needed for pages only

    environment = Environment(
        loader=PackageLoader("lit_transfer", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["nested"] = _nested
    return environment


def _nested(rules: str) -> Markup:
    """Return a style sheet whose rules for the page apply to an element, for nesting below a rule for that element."""
    return Markup(re.sub(r"(^|\s)(?::root|body)(?= \{)", r"\1&", str(rules)))
