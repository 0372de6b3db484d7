"""Rendering of explanations in the terminal and in HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from lit_transfer.escaping import printable
from lit_transfer.html import render
from lit_transfer.prediction.explain import OWN_VECTOR, UNKNOWN, Explanation
from lit_transfer.prediction.formats import UNSURE

# Headline of a text without any of several labels.
NO_LABEL = "no label"
# Background colours for black text, from the smallest to the largest weight.
FOR = ("#e6f2e6", "#c3e2c3", "#94cc94", "#5fb35f")
AGAINST = ("#fbe9e4", "#f5cbbf", "#ec9f89", "#e27055")
# The same for white text on dark pages: small weights are close to the background of the page in either mode.
DARK_FOR = ("#1b2a1d", "#1e4224", "#235c2d", "#2a7a38")
DARK_AGAINST = ("#2f1f1b", "#532a1f", "#7d3524", "#ad4329")
# Pairs of backgrounds for the templates, by color scheme.
SHADES = {"light": [*zip(FOR, AGAINST, strict=True)], "dark": [*zip(DARK_FOR, DARK_AGAINST, strict=True)]}
# Weights below this share of the largest one get no colour.
LEAST_SHADE = 0.1


def shades(weights: np.ndarray) -> list[int]:
    """Return a shade for each weight: 1 to 4 if positive, -1 to -4 if negative, 0 if small. *Shape:* `(words,)`."""
    largest = float(np.abs(weights).max(initial=0.0)) or 1.0
    share = weights / largest
    return [0 if abs(each) < LEAST_SHADE else int(np.sign(each) * min(int(abs(each) * 4) + 1, 4)) for each in share]


def note(explanation: Explanation) -> str:
    """Return remarks on an explanation, such as unknown words."""
    notes = []
    unknown = explanation.status.count(UNKNOWN)
    own = explanation.status.count(OWN_VECTOR)
    if unknown:
        notes.append(f"{unknown} of {len(explanation.words)} words unknown to the model, which treats them alike")
    if own:
        notes.append(f"{own} not in the vocabulary, but with a pretrained vector")
    if explanation.completeness_error is not None:
        notes.append(f"completeness error {explanation.completeness_error:.1e}")
    if explanation.num_cut:
        notes.append(f"the last {explanation.num_cut} words are not explained")
    if not explanation.words:
        notes.append("no words")
    return "; ".join(notes)


def headline(explanation: Explanation, label: str | None = None) -> str:
    """Return the prediction; if the model is unsure or gives no label, with the explained or the most probable class."""
    prediction, best = explanation.prediction, label or explanation.best
    share = f"{prediction.probabilities[best]:.3f}"
    if prediction.label is not None:
        return f"{best} {share}"
    return f"{UNSURE if prediction.labels is None else NO_LABEL} ({best}) {share}"


def for_terminal(explanation: Explanation) -> RenderableType:
    """Return the words coloured by their weights, and a table of the weights if the text is short."""
    lines = [part for label in explanation.shown for part in _line(explanation, label)]
    return Group(*lines, *([Text(note(explanation), "dim")] if note(explanation) else []))


def _line(explanation: Explanation, label: str) -> tuple[Text, Text]:
    line = Text()
    for mark in as_marks(explanation, label):
        shade, is_unknown = mark["shade"], mark["status"] == UNKNOWN
        styles = [f"black on {(FOR if shade > 0 else AGAINST)[abs(shade) - 1]}"] if shade else []
        styles += ["underline dim"] if is_unknown else []
        line.append(printable(mark["word"]) + ("?" if is_unknown else ""), " ".join(styles))
        line.append(f" {mark['weight']:+.2f}", "dim")
        line.append("  ")
    head = Text.assemble((printable(headline(explanation, label)), "bold"), "  contribution of each word, in logits")
    return head, line


def as_marks(explanation: Explanation, label: str | None = None) -> list[dict[str, Any]]:
    """Return the words as values for the templates, for a class or the most probable one."""
    toward = explanation.toward(label or explanation.best)
    return [
        {"word": word, "status": status, "weight": weight, "shade": shade}
        for word, status, weight, shade in zip(
            explanation.words, explanation.status, toward.tolist(), shades(toward), strict=True
        )
    ]


def as_html(explanations: Sequence[Explanation]) -> str:
    """Return a self-contained HTML page of explanations."""
    entries = [
        {"headline": headline(one, label), "note": note(one), "marks": as_marks(one, label)}
        for one in explanations
        for label in one.shown
    ]
    return render("analysis/explanations.html.j2", entries=entries, shades=SHADES)
