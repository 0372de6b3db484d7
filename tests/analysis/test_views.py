"""Colours of explanations: the contrast with the page increases with the weight, in light and in dark mode."""

import re

import pytest

from lit_transfer.analysis.views import as_html


def luminance(colour):
    """Return the relative luminance as defined by WCAG 2.1."""
    digits = colour.removeprefix("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("scheme", "number"), [("light", 0), ("dark", 1)])
@pytest.mark.parametrize("kind", ["for", "against"])
def test_larger_weights_stand_out_more_from_the_page_and_words_stay_readable(scheme, number, kind):
    page = as_html([])
    paper = re.findall(r"--paper: (#\w+)", page)[number]
    rules = re.findall(rf"\.{kind}(\d) {{ background: (#\w+); color: (#\w+); }}", page)
    assert [int(shade) for shade, _, _ in rules] == 2 * [1, 2, 3, 4]
    rules = rules[4 * number : 4 * number + 4]
    distances = [contrast(background, paper) for _, background, _ in rules]
    assert distances == sorted(distances) and distances[0] < 1.3
    assert all(contrast(background, ink) > 4.5 for _, background, ink in rules)
