"""The pages of the documentation, for the tests of their commands and of their figures."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in ROOT.glob("docs/**/*.md")}
PAGES |= {page: (ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "README.ko.md")}
