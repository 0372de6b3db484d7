"""The recommendation in words: the recommended method, its nearest alternative, and the certainty."""

from __future__ import annotations

from lit_transfer.compare.evidence.verdict import SizeVerdict
from lit_transfer.compare.scores import NAMES
from lit_transfer.compare.wording import duration, listed, points

# Probability above which the recommended method is called almost certain.
ALMOST_CERTAIN = 0.95
# A method is called faster or slower if its cost differs by more than this factor.
FASTER = 2.0
# Probability of being as good as the best below which a method is no alternative.
LEAST_CHANCE = 0.02


def advise(size: SizeVerdict, metric: str, guess: str) -> list[str]:
    """Return the recommendation at a training size as sentences: the method, the alternative, and the certainty."""
    name = size.recommended
    lines = [f"Use {name}: {NAMES[metric]} {_percent(size.scores[name])} with {size.label}."]
    if not size.beats_guessing:
        scored = f"({NAMES[metric]} {_percent(size.scores[str(size.guess)])} with {size.label})"
        lines = [f"Label more texts first: nothing is certain to beat always {guess} {scored}."]
        if name == size.guess:
            return [*lines, f"No method is expected to be more than {points(size.smallest)} points better."]
        lines.append(f"The best guess is {name} ({_percent(size.scores[name])}).")
    return [*lines, *_alternative(size), _certainty(size)]


def _alternative(size: SizeVerdict) -> list[str]:
    """Return a sentence on the method that costs less or scores more than the recommended one, or else on the next best."""
    name = size.recommended
    others = {
        other: size.losses[other]
        for other in size.scores
        if other not in (name, size.guess) and size.posterior.near_best(other, size.smallest) >= LEAST_CHANCE
    }
    cheaper = {other: loss for other, loss in others.items() if size.cost(other) * FASTER < size.cost(name)}
    better = {other: loss for other, loss in others.items() if loss < size.losses[name]}
    chosen = better or cheaper or others
    if not chosen:
        return []
    other = min(chosen, key=lambda one: chosen[one])
    mean, low, high = size.posterior.difference(other, name)
    shown = points(abs(mean))
    if shown == "0.0":
        comparison = "about as good"
    else:
        comparison = f"probably {shown} point{'s' * (shown != '1.0')} {'better' if mean > 0 else 'worse'}"
    return [f"{other} is {comparison} ({points(low, sign=True)} to {points(high, sign=True)}){_time(size, other)}."]


def _time(size: SizeVerdict, other: str) -> str:
    """Return the time of another method, if it differs from that of the recommended one."""
    name = size.recommended
    if not {name, other} <= set(size.costs):
        return ""
    seconds, mine = size.costs[other].seconds, size.costs[name].seconds
    if seconds * FASTER < mine or mine * FASTER < seconds:
        return f" and trains in {duration(seconds)} ({name} in {duration(mine)})"
    if size.cost(name) * FASTER < size.cost(other):
        return " and classifies more slowly"
    return " and classifies faster" if size.cost(other) * FASTER < size.cost(name) else ""


def _certainty(size: SizeVerdict) -> str:
    """Return a sentence on the certainty of the recommendation, and on the significant differences."""
    name = size.recommended
    chance = size.posterior.near_best(name, size.smallest)
    sure = "almost certainly" if chance >= ALMOST_CERTAIN else f"with a probability of {100 * chance:.0f} %"
    beaten = [
        pair.second if pair.first == name else pair.first
        for pair in size.pairs
        if pair.shown and pair.better == name and size.guess not in (pair.first, pair.second)
    ]
    certain = f"; it certainly beats {listed(list(dict.fromkeys(beaten)))}" if beaten else ""
    return f"{name} is the best, or within {points(size.smallest)} points of it, {sure}{certain}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
