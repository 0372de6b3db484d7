"""A labelling session without its page."""

import threading
import time

import numpy as np
import pytest

from lit_transfer.curation.labelling import outlook
from lit_transfer.curation.labelling.choice import APART, EVERY, places
from lit_transfer.curation.labelling.records import Record
from lit_transfer.curation.labelling.session import Session, StaleError
from lit_transfer.errors import ConfigError
from tests.curation.labelling.samples import CLASSES, make_states, tickets


@pytest.fixture
def start(tmp_path):
    opened = []

    def start(texts, classes=CLASSES, make=make_states, several=False, **options):
        session = Session(list(texts), Record(tmp_path / "labelled.jsonl", several), classes, make, **options)
        opened.append(session)
        return session

    yield start
    for session in opened:
        session.close()


def settle(session, seconds=60):
    """Wait until the thread knows all answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = session.state()
        if not state["working"]:
            return state
        time.sleep(0.02)
    raise TimeoutError(session.state())


def label(session, truth, count):
    for _ in range(count):
        state = session.state()
        session.answer(state["turn"], [truth[state["text"]]])
    return settle(session)


def test_a_session_learns_and_says_how_good_it_is(start):
    truth = tickets(200)
    session = start(truth, wanted=0.5, second=dict.fromkeys(list(truth)[:50], ("refund",)))
    settle_start(session)
    state = label(session, truth, 100)
    assert state["answers"] == 100 == state["today"] and state["left"] == 100
    assert state["accuracy"]["count"] == 20 and state["accuracy"]["correct"] >= 18
    assert state["accuracy"]["low"] < 0.95 < state["accuracy"]["high"] and state["reached"]
    assert [each["further"] for each in state["expected"]] == [50, 100, 200]
    assert state["choosing"]["count"] == 20
    chosen = [each.chosen_by for each in session.record.answers]
    assert chosen.count("random") == 20 and chosen.count("varied") >= 15 and chosen.count("margin") >= 50
    place = dict(zip(truth, places(list(truth)), strict=True))
    assert all((place[each.text] < APART) == (each.chosen_by == "random") for each in session.record.answers)
    hint = session.hint(session.turn, suggestion=True)
    assert hint["marks"] and set(hint["suggestion"]["probabilities"]) == set(CLASSES)
    agreement = session.agreement()
    assert agreement["common"] == sum(each.text in session.second for each in session.record.answers)
    assert len(agreement["contradictions"]) == agreement["common"] - agreement["agreed"] > 0


def test_one_may_stop_only_where_no_class_lacks_texts(start):
    truth = tickets(220)
    session = start(truth, classes=[*CLASSES, "rare"])
    settle_start(session)
    state = label(session, truth, 150)
    assert (
        state["agreement"] >= state["stop_at"] == outlook.AGREEMENT
        and state["agrees"]
        and state["lacking"] == ["rare"]
        and not state["stable"]
    )
    session.close()
    state = settle(start(truth))
    assert state["agrees"] and state["lacking"] == [] and state["stable"]


def wait_until(holds):
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def settle_start(session):
    wait_until(lambda: session.background.insight.encode is not None)


def test_it_goes_on_where_it_stopped_with_the_same_random_texts(start):
    truth = tickets(60)
    session = start(truth)
    label(session, truth, 12)
    session.skip(session.turn)
    kept = session.record.all
    session.close()
    again = start([*list(truth), "a further text"])
    assert [(each.text, each.labels) for each in again.record.all] == [(each.text, each.labels) for each in kept]
    state = label(again, {**truth, "a further text": "other"}, 20)
    assert state["answers"] == 32 and state["skipped"] == 1
    texts = [each.text for each in again.record.answers]
    assert len(set(texts)) == len(texts)
    drawn = [each.text for each in again.record.answers if each.chosen_by == "random"]
    order = sorted(truth, key=lambda text: places([text])[0])
    assert len(drawn) == 32 // EVERY or len(drawn) == 32 // EVERY + 1
    assert [text for text in order if text in drawn] == drawn


def test_undo_shows_the_text_again_with_the_same_reason_and_takes_back_its_line(start):
    truth = tickets(40)
    session = start(truth)
    shown = []
    for _ in range(8):
        session.answer(session.turn, [truth[session.state()["text"]]])
        shown.append((session.record.answers[-1].text, session.record.answers[-1].chosen_by))
    for text, reason in reversed(shown):
        session.undo()
        assert session.state()["text"] == text
        session.answer(session.turn, [truth[text]])
        assert session.record.answers[-1].chosen_by == reason
        session.undo()
    assert session.record.answers == [] and not session.state()["can_undo"]
    assert session.record.path.read_bytes() == b""
    session.undo()  # nothing is left to undo
    session.skip(session.turn, none_fits=True)
    assert session.state()["none_fits"] == 1
    session.undo()
    assert session.state()["none_fits"] == 0


def test_an_answer_to_an_earlier_text_is_refused(start):
    session = start(tickets(20))
    turn = session.turn
    session.answer(turn, ["card"])
    with pytest.raises(StaleError):
        session.answer(turn, ["card"])
    with pytest.raises(StaleError):
        session.skip(turn)
    assert len(session.record.answers) == 1


@pytest.mark.parametrize("labels", [[], ["card", "other"], ["unknown"]])
def test_labels_that_cannot_be_are_refused(start, labels):
    session = start(tickets(20))
    with pytest.raises(ConfigError):
        session.answer(session.turn, labels)
    assert session.record.answers == [] and session.state()["answers"] == 0


def test_a_class_may_be_added_at_any_time(start):
    truth = tickets(60)
    session = start(truth, classes=[])
    assert session.state()["classes"] == []
    for name in CLASSES:
        session.add_class(f"  {name} ")
    with pytest.raises(ConfigError, match="a class 'Card' already"):
        session.add_class("Card")
    with pytest.raises(ConfigError, match="needs a name"):
        session.add_class(" ")
    label(session, truth, 10)
    session.add_class("new")
    session.answer(session.turn, ["new"])
    state = label(session, truth, 10)
    assert {each["name"]: each["count"] for each in state["classes"]}["new"] == 1
    assert "new" in state["lacking"] and state["has_model"]


def test_one_class_alone_has_no_model_and_all_texts_come_to_an_end(start):
    truth = dict.fromkeys(tickets(12), "card")
    session = start(truth, classes=["card"])
    state = label(session, truth, 12)
    assert state["text"] is None and not state["has_model"] and state["left"] == 0 and "accuracy" not in state
    with pytest.raises(StaleError):
        session.answer(session.turn, ["card"])
    session.undo()
    assert session.state()["text"] is not None


class ManyStates:
    """Made-up states, in place of 20 seconds of computing."""

    def __init__(self, texts, report):
        rng = np.random.default_rng(0)
        self.truth = rng.integers(0, 3, len(texts))
        self.states = (rng.normal(size=(len(texts), 6)) + 2 * np.eye(3, 6)[self.truth]).astype(np.float32)


def test_a_hundred_thousand_texts_are_ranked_and_measured(start):
    texts = [f"text {number}" for number in range(100_000)]
    session = start(texts, make=ManyStates)
    settle_start(session)
    truth = {text: CLASSES[number] for text, number in zip(texts, ManyStates(texts, None).truth, strict=True)}
    state = label(session, truth, 60)
    assert (state["total"], state["left"], state["accuracy"]["count"]) == (100_000, 99_940, 12)
    insight = session.background.insight
    margins = insight.task.margin(insight.task.probabilities(insight.model.logits(insight.encode.states)))
    apart = places(texts) < APART
    done = {each.text for each in session.record.all}
    left = [row for row in np.argsort(margins, kind="stable") if not apart[row] and texts[row] not in done]
    assert set(insight.ranked) == set(left[: len(insight.ranked)]) and len(insight.ranked) == 200


def test_doubtful_answers_leave_out_the_random_fifth_and_can_be_corrected(start):
    pytest.importorskip("cleanlab", reason="the extra `label` is not installed")
    truth = tickets(150)
    session = start(truth)
    settle_start(session)
    # All texts have an answer, so that the errors do not depend on which ones the thread chose in time.
    wrong = {text: CLASSES[(CLASSES.index(name) + 1) % 3] for text, name in list(truth.items())[::10]}
    label(session, {**truth, **wrong}, len(truth))
    found = session.doubts()
    random = {each.text for each in session.record.answers if each.chosen_by == "random"}
    assert found and not {each["text"] for each in found} & random
    right = [each for each in found if each["text"] in wrong]
    assert len(right) >= 8 and all(each["suggested"] == [truth[each["text"]]] for each in right[:2])
    session.correct(right[0]["text"], right[0]["suggested"])
    assert {each.text: each.labels for each in session.record.answers}[right[0]["text"]] == (truth[right[0]["text"]],)
    with pytest.raises(ConfigError, match="no answer"):
        session.correct("something else", ["card"])


def test_a_problem_with_the_encoder_is_reported_and_labelling_goes_on(start):
    def broken(texts, report):
        raise ConfigError("The vectors are gone.")

    session = start(tickets(20), make=broken)
    wait_until(lambda: session.state()["problem"])
    assert session.state()["problem"] == "The vectors are gone."
    session.answer(session.turn, ["card"])
    assert session.state()["answers"] == 1


def test_a_step_that_takes_long_shows_its_progress_and_texts_come_meanwhile(start):
    done = threading.Event()

    def slow(texts, report):
        report("computing states", 7)
        done.wait(60)
        return make_states(texts, report)

    truth = tickets(40)
    session = start(truth, make=slow)
    wait_until(lambda: session.state()["step"] == "computing states")
    state = session.state()
    assert state["step_done"] == 7
    session.answer(state["turn"], [truth[state["text"]]])
    done.set()
    assert session.record.answers[0].chosen_by in ("shuffled", "random")


def test_texts_with_several_labels_have_a_model_of_independent_classes(start):
    truth = tickets(120)
    session = start(truth, several=True)
    settle_start(session)
    for number in range(60):
        text = session.state()["text"]
        extra = ["card"] if number % 4 == 0 else []
        session.answer(session.turn, [] if number == 7 else [truth[text], *extra])
    state = settle(session)
    assert state["problem"] == "" and state["has_model"] and state["accuracy"]["count"] == 12
    assert isinstance(session.doubts(), list)
    shares = session.hint(session.turn, suggestion=True)["suggestion"]["probabilities"]
    assert set(shares) == set(CLASSES) and sum(shares.values()) != pytest.approx(1, abs=1e-6)
    assert session.record.answers[7].labels == ()
