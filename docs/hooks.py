"""Hook of mkdocs for notebooks: their links to pages, and the headings that their tables of contents link to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

# A heading of a notebook with the link to itself, as mkdocs-jupyter writes it.
HEADING = re.compile(r'<(h[1-6]) id="[^"]*"(>[^\n]*?<a class="anchor-link" )href="[^"]*"')


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Return the HTML of a notebook with links to the pages of the site instead of their Markdown files.

    mkdocs-jupyter leaves links as they are, and gives a Korean heading another id than its entry in the table of contents.

    Args:
        html: The page.
        page: The page of mkdocs.
    """
    if not page.file.src_uri.endswith(".ipynb"):
        return html
    ids = _ids(page.toc)

    def with_id(found: re.Match[str]) -> str:
        id_ = next(ids, None)
        return found[0] if id_ is None else f'<{found[1]} id="{id_}"{found[2]}href="#{id_}"'

    return re.sub(r'href="\.\./(\w+)\.md(#[^"]*)?"', r'href="../../\1/\2"', HEADING.sub(with_id, html))


def _ids(items: Iterable[Any]) -> Iterator[str]:
    for item in items:
        yield item.id
        yield from _ids(item.children)
