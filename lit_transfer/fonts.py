"""Fonts of plots with labels and words in any script."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from lit_transfer.console import print_line

# Package with a font for Korean, of which only the file is used; importing it would change the fonts of all plots.
PACKAGE, FONT_FILE = "koreanize_matplotlib", "fonts/NanumGothic.ttf"
# Matplotlib's font of placeholders for all characters.
_PLACEHOLDERS = "Last Resort High-Efficiency"


@contextlib.contextmanager
def fonts_for(texts: Iterable[str]) -> Iterator[None]:
    """Draw and save plots with fonts that have the characters of their texts, beside matplotlib's default font.

    Prints which characters no installed font has.
    """
    import matplotlib

    families, missing = families_for(frozenset("".join(texts)))
    if missing:
        shown = "".join(sorted(missing)[:10])
        print_line("plot", f'no installed font has {shown}: pip install "lit_transfer[korean]" has one for Korean')
    with matplotlib.rc_context({"font.family": list(families)}):
        yield


@cache
def families_for(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return font families, by decreasing priority, and the characters that none of them has."""
    import matplotlib
    from matplotlib import font_manager

    families = list(matplotlib.rcParams["font.family"])
    missing = _lacking(font_manager.findfont(font_manager.FontProperties()), characters)
    for path, family in _fonts() if missing else ():
        left = _lacking(path, missing)
        if len(left) < len(missing):
            families.append(family)
            missing = left
        if not missing:
            break
    return tuple(families), missing


def _fonts() -> Iterator[tuple[str, str]]:
    """Return the files and families of the fonts to try: that of the package, then the installed ones."""
    from matplotlib import font_manager

    package = importlib.util.find_spec(PACKAGE)
    if package is not None and package.origin is not None:
        path = Path(package.origin).parent / FONT_FILE
        if path.is_file():
            font_manager.fontManager.addfont(path)
            yield str(path), font_manager.FontProperties(fname=path).get_name()
    seen = {_PLACEHOLDERS}
    for font in sorted(font_manager.fontManager.ttflist, key=lambda font: ("Sans" not in font.name, font.name)):
        if font.style == "normal" and font.weight in (400, "normal", "regular") and font.name not in seen:
            seen.add(font.name)
            yield font.fname, font.name


def _lacking(path: str, characters: frozenset[str]) -> frozenset[str]:
    """Return the printable characters that a font lacks."""
    from matplotlib.ft2font import FT2Font

    glyphs = FT2Font(path).get_charmap()
    return frozenset(c for c in characters if c.isprintable() and ord(c) not in glyphs)
