"""Self-contained HTML pages: one environment of templates, one style sheet, and charts as inline SVG."""

from lit_transfer.html.page import SECURITY_HEADERS, fragment, render, scripts, write_page

__all__ = ["SECURITY_HEADERS", "fragment", "render", "scripts", "write_page"]
