import importlib.util
import io
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from lit_transfer import fonts
from lit_transfer.analysis.contexts import Contexts, plot_similarities
from lit_transfer.fonts import fonts_for
from lit_transfer.prediction.selective import plot_coverage
from lit_transfer.training.plots import plot_confusion

# Importing the package would change the fonts of all plots.
packaged = pytest.mark.skipif(
    importlib.util.find_spec("koreanize_matplotlib") is None, reason="the extra `korean` is not installed"
)


@pytest.fixture
def only_the_default_font(monkeypatch):
    """No font is installed but those of matplotlib, which have no Hangul, and no package has one."""
    own = [
        font for font in font_manager.fontManager.ttflist if "matplotlib" in font.fname and "korean" not in font.fname
    ]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(fonts, "PACKAGE", "no_such_package_of_fonts")
    fonts.families_for.cache_clear()
    yield
    fonts.families_for.cache_clear()


def drawn(text):
    """The pixels of a plot with a title, in the fonts that apply now."""
    figure, file = Figure(figsize=(2, 1), dpi=60), io.BytesIO()
    figure.add_subplot().set_title(text)
    figure.savefig(file, format="rgba")
    return file.getvalue()


@packaged
def test_a_plot_has_the_glyphs_of_korean_words_by_the_font_of_the_package(capsys, recwarn):
    fonts.families_for.cache_clear()
    with fonts_for(["긍정", "good"]):
        assert matplotlib.rcParams["font.family"] == ["sans-serif", "NanumGothic"]
        assert drawn("긍정") != drawn("부정")  # boxes for missing glyphs would be alike
    assert not [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)]
    assert capsys.readouterr().out == ""
    assert matplotlib.rcParams["font.family"] == ["sans-serif"]


@packaged
@pytest.mark.filterwarnings("error:Glyph")
@pytest.mark.parametrize(
    "plot",
    [
        lambda file: plot_confusion(np.eye(2), ["긍정", "부정"], file),
        lambda file: plot_similarities(Contexts("연기", [["연기"], ["연기"]], np.eye(2)), file),
        lambda file: plot_coverage([("긍정", [], None)], 0.9, file),
    ],
    ids=["confusion matrix", "contexts", "coverage"],
)
def test_each_plot_with_words_of_the_user_has_their_glyphs(plot):
    plot(io.BytesIO())


@packaged
def test_using_the_font_does_not_change_the_fonts_of_other_plots():
    with fonts_for(["긍정"]):
        pass
    assert "koreanize_matplotlib" not in sys.modules


def test_plots_of_latin_text_keep_matplotlibs_font(only_the_default_font, capsys):
    with fonts_for(["naïve", "x_1 $y$\n", ""]):
        assert matplotlib.rcParams["font.family"] == ["sans-serif"]
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:Glyph")
def test_characters_that_no_font_has_are_reported_with_a_remedy(only_the_default_font, capsys):
    with fonts_for(["긍정"]):
        drawn("긍정")
    words = capsys.readouterr().out.split()
    assert " ".join(words) == 'plot no installed font has 긍정: pip install "lit_transfer[korean]" has one for Korean'
