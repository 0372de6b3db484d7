"""Marks of the words that decide."""

from lit_transfer.curation.labelling.marks import find_marks, suggest
from lit_transfer.curation.labelling.regression import fit
from lit_transfer.tasks import SingleLabel
from tests.curation.labelling.samples import CLASSES, make_states, tickets

TASK = SingleLabel(tuple(CLASSES))


def model_of(found):
    states = make_states(list(found))
    return states, fit(states.states, TASK.encode(list(found.values())), 3)


def test_the_words_of_the_class_are_marked_and_the_class_is_suggested():
    states, model = model_of(tickets())
    text = "please refund the money now"
    marked = [text[start:end] for start, end, _ in find_marks(TASK, model, states, text)]
    assert set(marked) <= {"refund", "money"} and marked
    shares = suggest(TASK, model, states, text)["probabilities"]
    assert max(shares, key=shares.get) == "refund" and abs(sum(shares.values()) - 1) < 1e-6


def test_words_are_marked_while_a_class_has_no_text_yet():
    found = {text: name for text, name in tickets().items() if name != "other"}
    states = make_states(list(found))
    model = fit(states.states, TASK.encode(list(found.values())), 3)
    text = "please refund the money now"
    assert {text[start:end] for start, end, _ in find_marks(TASK, model, states, text)} & {"refund", "money"}


def test_positions_are_those_of_javascript():
    states, model = model_of(tickets())
    text = "🎬🎬 now the refund"
    units = text.encode("utf-16-le")
    marked = [units[2 * start : 2 * end].decode("utf-16-le") for start, end, _ in find_marks(TASK, model, states, text)]
    assert "refund" in marked


def test_a_text_of_one_word_or_of_many_is_no_obstacle():
    states, model = model_of(tickets())
    assert find_marks(TASK, model, states, "refund") == [] == find_marks(TASK, model, states, "")
    assert (0, 6, 2) in find_marks(TASK, model, states, "refund " + "please " * 3000)
