"""The page in a browser, by keyboard."""

import json
import re
import time

import pytest

pytest.importorskip("fastapi", reason="the extra `label` is not installed")

from tests.curation.label_page.pages import browser, labelling, violations
from tests.curation.labelling.samples import CLASSES, tickets


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


@pytest.fixture
def visit(chromium):
    """Open a page, which must cause no error of scripts and no request to another machine."""
    opened = []

    def visit(address, width=1440, height=900, scheme="light", locale="en"):
        size = {"width": width, "height": height}
        context = chromium.new_context(viewport=size, color_scheme=scheme, locale=locale)
        page = context.new_page()
        page.set_default_timeout(30_000)
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
        page.on("request", lambda request: problems.append(request.url) if "//127.0.0.1:" not in request.url else None)
        opened.append((context, problems))
        page.goto(address)
        wait(page, "state !== null && document.getElementById('classes').children.length > 0")
        return page

    yield visit
    for context, problems in opened:
        context.close()
        assert problems == []


def wait(page, expression, argument=None):
    """Wait until an expression is true; `wait_for_function` would need a policy that allows `eval`."""
    end = time.monotonic() + 60
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, expression
        time.sleep(0.02)


def shown(page):
    return page.locator("#text").inner_text()


def press(page, key):
    """Press a key, and wait for what it causes."""
    before = page.evaluate("state.turn")
    page.keyboard.press(key)
    wait(page, "(before) => !busy && state.turn !== before", before)


def test_thirty_answers_by_keyboard_with_undo_a_new_class_and_a_reload(visit, tmp_path):
    truth = tickets(80)
    path = tmp_path / "labelled.jsonl"
    with labelling(path, truth) as (session, address):
        page = visit(address)
        for _ in range(10):
            press(page, str(CLASSES.index(truth[shown(page)]) + 1))
        undone = shown(page)
        press(page, "2")
        press(page, "ArrowLeft")
        assert shown(page) == undone
        page.keyboard.press("+")
        page.keyboard.type("fourth class")
        page.keyboard.press("Enter")
        wait(page, "state.classes.length === 4")
        press(page, "4")
        press(page, "ArrowRight")
        press(page, "0")
        page.reload()
        wait(page, "state !== null")
        for _ in range(19):
            press(page, str(CLASSES.index(truth[shown(page)]) + 1))
        counts = page.locator("#counts").inner_text()
        assert "30 labels, 30 today" in counts and "1 skipped" in counts and "1 in none of the classes" in counts
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert len(rows) == 30 and len({row["text"] for row in rows}) == 30
        assert [row["label"] for row in rows].count("fourth class") == 1
        assert sum(row["chosen_by"] == "random" for row in rows) == 6
        # The accuracy follows in the background, after the model has been trained on the last answer.
        wait(page, "document.querySelector('#accuracy').innerText.includes('on 6 random texts; with 95 % certainty')")
    with labelling(path, truth, classes=[]) as (session, address):
        page = visit(address)
        assert "30 labels" in page.locator("#counts").inner_text()
        assert [each["name"] for each in session.state()["classes"]].count("fourth class") == 1


def test_two_windows_show_one_text_and_never_answer_it_twice(visit, tmp_path):
    with labelling(tmp_path / "x.jsonl") as (session, address):
        first, second = visit(address), visit(address)
        assert shown(first) == shown(second)
        press(first, "1")
        text = shown(first)
        second.keyboard.press("2")
        wait(second, "document.getElementById('message').textContent.includes('another window')")
        assert shown(second) == text and len(session.record.answers) == 1
        press(second, "2")
        assert [each.labels for each in session.record.answers] == [("refund",), ("card",)]


ODD = {
    "html": "<img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script><b>bold</b> & &amp;",
    "emoji": "🎬🏳️‍🌈 great 👍🏽 film",
    "right to left": "שלום עולם זה טקסט",
    "long": "word " * 4000,
    "one word of 20,000 letters": "x" * 20_000,
    "lines": "first\nsecond\n\n\tthird",
}


@pytest.mark.parametrize(("locale", "sentence"), [("en", "stop at 0.95."), ("ko", "0.95 이상이면 그만두어도 됩니다.")])
def test_the_agreement_at_which_to_stop_is_shown(visit, tmp_path, locale, sentence):
    unstable = {"agreement": 0.9, "stop_at": 0.95, "agrees": False, "stable": False, "wanted": None}
    with labelling(tmp_path / "x.jsonl") as (_, address):
        said = visit(address, locale=locale).evaluate(
            "(found) => (Object.assign(state, found), stopAdvice())", unstable
        )
    assert "0.90" in said and said.endswith(sentence)


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.01, 0.2, {"en": "Choosing the texts helps: 80", "ko": "도움이 됩니다. 고른 글로 80"}),
        (-0.2, -0.01, {"en": "Choosing the texts does not help here: 80", "ko": "도움이 되지 않습니다. 고른 글로 80"}),
        (-0.1, 0.1, {"en": "helps here is not shown yet: 80", "ko": "아직 알 수 없습니다. 고른 글로 80"}),
    ],
)
def test_the_page_says_whether_choosing_helps_does_not_or_is_not_known(visit, tmp_path, low, high, says):
    found = {"chosen": 0.8, "random": 0.7, "low": low, "high": high, "count": 60}
    with labelling(tmp_path / "labelled.jsonl", tickets(30)) as (_, address):
        for locale, sentence in says.items():
            page = visit(address, locale=locale)
            page.evaluate("(found) => { state.choosing = found; showWorth(); }", found)
            assert page.locator("#choosing").is_visible()
            assert sentence in page.locator("#choosing").inner_text()
            page.evaluate("() => { state.choosing = null; showWorth(); }")
            assert page.locator("#choosing").is_hidden()


def test_odd_texts_are_shown_as_they_are_and_run_nothing(visit, tmp_path):
    with labelling(tmp_path / "x.jsonl", list(ODD.values()), classes=["<i>a</i>", "b"]) as (session, address):
        page = visit(address, width=390, height=844)
        seen = set()
        for _ in ODD:
            text = page.evaluate("state.text")
            seen.add(text)
            assert page.evaluate("document.getElementById('text').textContent === state.text")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            if "שלום" in text:
                assert page.evaluate("getComputedStyle(document.getElementById('text')).direction") == "rtl"
            press(page, "1")
        assert seen == set(ODD.values())
        assert page.title() == "Label tickets.csv" and page.locator("#classes b, #text b, #text img").count() == 0
        assert "All texts have an answer." in shown(page)
        assert len(session.record.answers) == len(ODD)


def test_sixty_classes_have_keys_and_can_be_found_by_a_part_of_their_names(visit, tmp_path):
    names = [f"class number {number}" for number in range(60)]
    with labelling(tmp_path / "x.jsonl", classes=names) as (session, address):
        page = visit(address, width=390, height=844)
        press(page, "a")
        press(page, "z")
        before = page.evaluate("state.turn")
        page.keyboard.press("/")
        page.keyboard.type("number 47")
        page.keyboard.press("Enter")
        wait(page, "(before) => state.turn !== before", before)
        assert [each.labels[0] for each in session.record.answers] == [names[9], names[34], names[47]]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_several_labels_are_chosen_and_confirmed(visit, tmp_path):
    with labelling(tmp_path / "x.jsonl", several=True) as (session, address):
        page = visit(address)
        page.keyboard.press("1")
        page.keyboard.press("3")
        page.keyboard.press("2")
        page.keyboard.press("2")
        assert page.locator("#classes [aria-pressed=true]").count() == 2
        press(page, "Enter")
        press(page, "0")
        assert [each.labels for each in session.record.answers] == [("refund", "other"), ()]


def test_the_suggestion_appears_only_where_it_is_asked_for(visit, tmp_path):
    truth = tickets()
    with labelling(tmp_path / "x.jsonl", truth) as (_, address):
        page = visit(address)
        for _ in range(25):
            press(page, str(CLASSES.index(truth[shown(page)]) + 1))
            assert page.locator("#suggestion").is_hidden()
        wait(page, "!state.working")
        press(page, str(CLASSES.index(truth[shown(page)]) + 1))
        page.wait_for_selector("#text mark")
        assert page.evaluate("document.getElementById('text').textContent === state.text")
        page.keyboard.press("?")
        page.wait_for_selector("#suggestion:not([hidden])")
        assert re.match(r"The model suggests \w+ \(\d+ %\)", page.locator("#suggestion").inner_text())
        press(page, "1")
        assert page.locator("#suggestion").is_hidden()


LOOKS = [(1440, "light", "en"), (1440, "dark", "ko-KR"), (390, "light", "ko-KR"), (390, "dark", "en")]


@pytest.mark.parametrize(("width", "scheme", "locale"), LOOKS)
def test_axe_finds_nothing_in_any_width_color_scheme_and_language(visit, tmp_path, width, scheme, locale):
    truth = tickets(150)
    second = dict.fromkeys(list(truth)[:60], ("refund",))
    with labelling(tmp_path / "x.jsonl", truth, second=second, wanted=0.9) as (session, address):
        for number in range(60):
            text = session.state()["text"]
            session.answer(session.turn, [CLASSES[0] if number % 9 == 4 else truth[text]])
        page = visit(address, width, 900, scheme, locale)
        wait(page, "state.accuracy !== undefined && !state.working")
        for button in ("#doubts", "#compare", "#suggest", "#search"):
            page.locator(button).click()
        page.wait_for_selector("#second .entry")
        page.locator("summary").click()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_everything_is_reached_by_the_tab_key_and_the_focus_is_seen(visit, tmp_path):
    with labelling(tmp_path / "x.jsonl") as (_, address):
        page = visit(address)
        reached = []
        for _ in range(30):
            page.keyboard.press("Tab")
            found = page.evaluate(
                "(at => at === document.body ? null : [at.id || at.textContent, getComputedStyle(at).outlineStyle])"
                "(document.activeElement)"
            )
            if found is None or found[0] in reached:
                break
            assert found[1] != "none", found[0]
            reached.append(found[0])
        assert {"text", "skip", "none", "add", "search", "suggest", "marks", "keys", "doubts"} <= set(reached)
        page.locator("#classes button").nth(1).focus()
        press(page, "Enter")
        assert page.evaluate("state.classes[1].count") == 1
        page.locator("#keys").uncheck()
        page.keyboard.press("1")
        page.locator("#classes button").nth(1).focus()
        press(page, "Enter")
        assert page.evaluate("[state.answers, state.classes[1].count]") == [2, 2], "the key 1 is off"


def test_a_server_that_is_gone_is_reported_and_nothing_is_lost(visit, tmp_path):
    with labelling(tmp_path / "x.jsonl") as (session, address):
        page = visit(address)
        press(page, "1")
        page.context.set_offline(True)
        page.keyboard.press("1")
        wait(page, "document.getElementById('message').textContent.includes('no answer is lost')")
        page.context.set_offline(False)
        press(page, "2")
        assert len(session.record.answers) == 2


def test_a_browser_in_korean_has_a_korean_page_and_the_language_can_be_chosen(visit, tmp_path):
    truth, names = tickets(60), [*(f"x{number}" for number in range(9)), *CLASSES]
    with labelling(tmp_path / "x.jsonl", truth, classes=names, wanted=0.9) as (session, address):
        page = visit(address, locale="ko-KR")
        assert page.evaluate("document.documentElement.lang") == "ko" and page.title() == "tickets.csv 라벨링"
        # The letters of a Korean keyboard are at the places of the Latin ones.
        before = page.evaluate("state.turn")
        page.evaluate(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'ㅁ', code: 'KeyA', bubbles: true}))"
        )
        wait(page, "(before) => !busy && state.turn !== before", before)
        assert session.record.answers[0].labels == (CLASSES[0],)
        for _ in range(24):
            press(page, "abc"[CLASSES.index(truth[shown(page)])])
        page.keyboard.press("+")
        page.keyboard.type("card")
        page.keyboard.press("Enter")
        assert page.locator("#message").inner_text() == "“card” 분류가 이미 있습니다."
        page.keyboard.press("Escape")
        for path, body, expected in (
            ("classes", {"name": "Card"}, "“Card” 분류가 이미 있습니다."),
            ("answer", {"turn": "x", "labels": ["none"]}, "“none” 분류가 없습니다."),
            ("correct", {"text": "none", "labels": ["card"]}, "이 글에는 더 이상 답이 없습니다."),
            ("correct", {"text": "none"}, "잘못된 요청입니다."),
            ("skip", {"turn": "x"}, "이 글은 다른 창에서 이미 답했습니다."),
        ):
            page.evaluate("([path, body]) => act(path, body)", [path, body])
            assert page.locator("#message").inner_text() == expected
        press(page, "ArrowRight")
        wait(page, "!state.working")
        assert page.locator("#counts").inner_text() == "라벨 25개, 오늘 25개 · 남은 글 34개 · 건너뜀 1개"
        words = page.locator("main").inner_text().replace("한국어", "").replace("언어", "")
        assert "무작위 글 5개로 잰 값입니다" in words
        given = " ".join(
            ["Language English CSV fastText Label Studio tickets.csv", shown(page), str(session.record.path)]
        )
        given += " " + " ".join(key + name for key, name in zip("abc", CLASSES, strict=True))
        assert set(re.findall("[A-Za-z]{3,}", words)) <= set(re.findall("[A-Za-z]{3,}", given)) | set(CLASSES)
        page.locator("#language").select_option("en")
        assert page.locator("#counts").inner_text() == "25 labels, 25 today · 34 texts left · 1 skipped"
        page.reload()
        wait(page, "state !== null")
        assert page.locator("#skip").inner_text().endswith("Skip") and page.title() == "Label tickets.csv"
        assert page.locator("#text").get_attribute("lang") == ""


def test_a_korean_text_is_marked_as_korean_for_a_screen_reader(visit, tmp_path):
    with labelling(tmp_path / "x.jsonl", ["정말 재미있는 영화", "또 보고 싶다"], classes=["긍정"]) as (_, address):
        page = visit(address)
        assert page.locator("#text").get_attribute("lang") == "ko"
        press(page, "1")
        press(page, "1")
        assert page.locator("#text").get_attribute("lang") == "en" and "All texts" in shown(page)
        assert page.locator("#counts").inner_text() == "2 labels, 2 today · 0 texts left"
