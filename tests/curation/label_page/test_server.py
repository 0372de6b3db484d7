"""The page's requests: who may ask, and what is answered."""

import csv
import io
import json
import re

import pytest

pytest.importorskip("fastapi", reason="the extra `label` is not installed")
from fastapi.testclient import TestClient

from lit_transfer.curation.label_page.server import make_app
from lit_transfer.curation.labelling.records import Record
from lit_transfer.curation.labelling.session import Session
from tests.curation.labelling.samples import CLASSES, make_states, tickets

EVIL = "<script>alert(1)</script> & \"'"


@pytest.fixture
def page(tmp_path):
    session = Session([EVIL, *tickets(30)], Record(tmp_path / "x.jsonl"), [*CLASSES, EVIL], make_states)
    app, path = make_app(session, EVIL, {"fit": f"lightning fit {EVIL}"})
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client, path, session
    session.close()


def test_without_the_token_and_from_other_names_there_is_nothing(page):
    client, path, _ = page
    assert client.get(path).status_code == 200 and len(path) >= 20
    for other in ("/", "/state", "/wrong/state", path[:-2] + "/state", "/docs", "/openapi.json"):
        assert client.get(other).status_code == 404, other
    for name in ("evil.example", "127.0.0.1.evil.example"):
        assert client.get(path + "state", headers={"Host": name}).status_code == 400
    assert make_app(page[2], "x", {})[1] != path


def test_the_page_names_no_other_machine_and_may_ask_none(page):
    client, path, _ = page
    response = client.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "script-src 'self'" in policy
    assert response.headers["referrer-policy"] == "no-referrer" and response.headers["cache-control"] == "no-store"
    served = re.findall(r'src="([^"]+)"', response.text)
    assert served == ["languages.js", "page.js", "label.js"] and client.get(path + "other.js").status_code == 404
    for content in (response.text, *(client.get(path + script).text for script in served)):
        assert not re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", content)
        assert "innerHTML" not in content and "<script>alert" not in content
    assert "&lt;script&gt;alert(1)" in response.text


def test_a_text_an_answer_and_the_next(page):
    client, path, session = page
    state = client.get(path + "state").json()
    next_state = client.post(path + "answer", json={"turn": state["turn"], "labels": ["card"]}).json()
    assert next_state["answers"] == 1 and next_state["text"] != state["text"]
    assert "chosen_by" not in json.dumps(next_state), "the labeller must not know which texts are random"
    stale = client.post(path + "answer", json={"turn": state["turn"], "labels": ["card"]})
    expected = {"detail": "This text was answered in another window.", "sentence": "stale", "values": []}
    assert (stale.status_code, stale.json()) == (409, expected)
    assert client.get(path + "hint", params={"turn": state["turn"]}).status_code == 409
    assert client.post(path + "undo").json()["text"] == state["text"]
    assert session.record.answers == []


@pytest.mark.parametrize(
    ("to", "body", "status", "words"),
    [
        ("answer", {"labels": ["card"]}, 422, "turn"),
        ("answer", {"turn": "x", "labels": "card"}, 422, "list"),
        ("answer", {"turn": "x", "labels": ["card"], "more": 1}, 422, "Extra"),
        ("classes", {"name": "CARD"}, 400, "a class 'CARD' already"),
        ("correct", {"text": "none", "labels": ["card"]}, 400, "no answer to this text"),
    ],
)
def test_bad_requests_are_told_and_change_nothing(page, to, body, status, words):
    client, path, session = page
    response = client.post(path + to, json=body)
    assert response.status_code == status and words in response.text
    assert session.record.all == []
    if status == 400:  # the page says it in the reader's language
        assert response.json()["sentence"] in ("has_class", "not_answered")


def test_labels_can_be_taken_away_in_three_formats(page):
    client, path, _ = page
    state = client.get(path + "state").json()
    client.post(path + "answer", json={"turn": state["turn"], "labels": ["card"]})
    response = client.get(path + "labelled.csv")
    assert "attachment" in response.headers["content-disposition"]
    assert [row["text"] for row in csv.DictReader(io.StringIO(response.text))] == [state["text"]]
    assert client.get(path + "labelled.json").json()[0]["data"]["text"] == state["text"]
    assert client.get(path + "labelled.txt").text.startswith("__label__card ")
    assert client.get(path + "labelled.exe").status_code == 404
