"""Self-contained HTML pages: one environment of templates, one style sheet, and charts as inline SVG."""

from lit_transfer.html.page import fragment, render, write_page

__all__ = ["fragment", "render", "write_page"]
