"""The page on which a model can be tried, in a browser and by its requests."""

import csv
import io

import pytest

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
import numpy as np
from fastapi import FastAPI
from fastapi.testclient import TestClient
from lightning.pytorch import Trainer, seed_everything

from lit_transfer import TextClassifier, TextDataModule
from lit_transfer.deploy.try_page.page import add_page
from lit_transfer.prediction.loading import load
from tests.curation.label_page.pages import browser, served, violations
from tests.curation.label_page.test_page import wait

LONGEST = 1000


@pytest.fixture(scope="module")
def model(frozen_model):
    return frozen_model / "model.ckpt"


def application(path, has_network=True, **options):
    """Return an application with the page, and `POST /predict` as that of `lightning serve`."""
    predictor = load(path, **options)
    app = FastAPI()

    @app.get("/")
    def index():
        return "replaced"

    @app.post("/predict")
    def predict(given: dict):
        return {"predictions": [each.as_dict() for each in predictor.predictions(given["texts"])]}

    add_page(app, "<b>model</b>.ckpt", predictor.classes_, has_network, lambda: predictor, LONGEST)
    return app


@pytest.fixture
def client(model):
    with TestClient(application(model)) as client:
        yield client


def test_the_page_takes_the_place_of_the_servers_own_and_names_no_other_machine(client):
    response = client.get("/")
    assert "<textarea" in response.text and "&lt;b&gt;model&lt;/b&gt;" in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]
    for path in ("/", "/page/try.js", "/page/page.js", "/page/languages.js"):
        text = client.get(path).text
        assert "http://" not in text and "https://" not in text and "innerHTML" not in text
    assert client.get("/page/other.js").status_code == 404


def test_words_neighbours_and_states_are_those_of_the_commands(client, model):
    found = client.post("/page/words", json={"text": "a good film zzz"}).json()
    [of_best] = found["classes"]
    assert [mark["word"] for mark in of_best["marks"]] == ["a", "good", "film", "zzz"]
    assert [mark["status"] for mark in of_best["marks"]] == ["known", "known", "known", "unknown"] and found["cut"] == 0
    explained = load(model).explain("a good film zzz")
    assert of_best["name"] == explained.best
    expected = explained.toward(explained.best).tolist()
    assert [mark["weight"] for mark in of_best["marks"]] == pytest.approx(expected, abs=1e-5)
    near = client.post("/page/neighbours", json={"word": "Good"}).json()
    assert near["word"] == "good" and len(near["after"]) == 8
    contexts = client.post(
        "/page/contexts", json={"word": "film", "sentences": ["a good film", "film", "nothing"]}
    ).json()
    assert contexts["sentences"] == ["a good film", "film"] and contexts["similarities"][0][0] == pytest.approx(
        1, abs=1e-3
    )


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("words", {"text": "a" * (LONGEST + 1)}, 422, "at most 1,000 characters"),
        ("words", {}, 422, "Field required"),
        ("neighbours", {"word": "a" * 101}, 422, "at most 100 characters"),
        ("contexts", {"word": "film", "sentences": ["film"]}, 422, "expected at least two"),
        ("contexts", {"word": "two words", "sentences": ["a", "b"]}, 422, "Expected one word"),
        ("contexts", {"word": "film", "sentences": ["film"] * 21}, 422, "at most 20"),
    ],
)
def test_bad_requests_are_reported(client, path, body, status, words):
    response = client.post(f"/page/{path}", json=body)
    assert response.status_code == status and words in response.text


def test_an_export_has_labels_but_no_states(model):
    with TestClient(application(model, has_network=False)) as client:
        assert 'data-network="no"' in client.get("/").text


@pytest.mark.parametrize(
    ("name", "content", "column"),
    [
        ("texts.csv", b'text,id\n"a good film, really",1\nawful,2\n', "text"),
        ("../../texts.txt", b"a good film, really\nawful\n", "text"),
        ("c:\\texts.tsv", b"body\tid\na good film, really\t1\nawful\t2\n", "body"),
    ],
)
def test_a_file_comes_back_with_labels(client, model, name, content, column):
    response = client.post("/page/file", params={"file_name": name, "text_column": column}, content=content)
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert [row["text"] for row in rows] == ["a good film, really", "awful"]
    expected = load(model).predictions(["a good film, really", "awful"])
    assert [(row["label"], row["confidence"]) for row in rows] == [(e.label, f"{e.confidence:.6f}") for e in expected]


def test_a_file_that_cannot_be_read_is_told_by_its_own_name(client):
    response = client.post("/page/file", params={"file_name": "x.exe"}, content=b"MZ")
    assert response.status_code == 422 and response.text.startswith("x.exe has an unknown format")
    response = client.post("/page/file", params={"file_name": "x.csv"}, content=b"a,b\n1,2\n")
    assert response.status_code == 422 and "no column 'text'" in response.text and "/tmp" not in response.text


@pytest.fixture(scope="module")
def chromium():
    with browser() as opened:
        yield opened


# A file of two texts is dropped on the page.
DROP = """
const data = new DataTransfer();
data.items.add(new File(["body\\na good film\\n영화\\n"], "dropped.csv"));
document.getElementById("drop").dispatchEvent(new DragEvent("drop", {dataTransfer: data, cancelable: true}));
"""


LOOKS = [(1440, "light", "en"), (390, "dark", "ko-KR")]


@pytest.mark.parametrize(("width", "scheme", "locale"), LOOKS)
def test_a_text_is_tried_in_a_browser(chromium, model, tmp_path, width, scheme, locale):
    with served(application(model, threshold={"negative": 0.0, "positive": 2.0})) as address:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale)
        page = context.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.append(request.url) if "//127.0.0.1" not in request.url else None)
        page.goto(address)
        is_korean = locale != "en"
        assert page.locator("#ask button").inner_text() == ("분류하기" if is_korean else "Classify")
        page.locator("#text").fill("an awful film <img src=x onerror=alert(1)>")
        page.locator("#ask button").click()
        wait(page, "document.querySelectorAll('#words button').length > 2")
        assert page.locator("#words h3").all_inner_texts() == ["negative"]
        assert page.locator("#label").inner_text() == "negative" and page.locator("#unsure").is_hidden()
        colors = page.evaluate(
            "[...document.querySelectorAll('#words button')].map((at) => getComputedStyle(at).backgroundColor)"
        )
        assert len(set(colors)) > 1, "the words that decided are colored"
        assert page.locator("#shares tr").count() == 2 and page.locator("#words img").count() == 0
        page.locator("#words button", has_text="film").click()
        wait(page, "document.querySelectorAll('#nearest li').length >= 8")
        page.locator("#text").fill("a good film")
        page.locator("#ask button").click()
        wait(page, "!document.getElementById('unsure').hidden")
        assert page.locator("#label").inner_text() == ("확실하지 않음" if is_korean else "unsure")
        page.locator("#text").fill("a good zzz")
        page.locator("#ask button").click()
        wait(page, "document.getElementById('note').textContent !== ''")
        unknown = "단어 3개 중 1개는 모델이 모르는" if is_korean else "1 of 3 words is unknown to the model"
        assert unknown in page.locator("#note").inner_text() and page.locator("#words .unknown").inner_text() == "zzz"
        page.locator("#word").fill("nowhere")
        page.locator("#play button").click()
        wait(page, "document.getElementById('play-problem').textContent !== ''")
        needs = "단어 하나와" if is_korean else "Give one word, and at least two sentences"
        assert page.locator("#play-problem").inner_text().startswith(needs)
        page.locator("#word").fill("film")
        page.locator("#sentences").fill("a good film\nfilm of the year\nan awful film")
        page.locator("#play button").click()
        wait(page, "document.querySelectorAll('#states td').length === 9")
        (tmp_path / "texts.txt").write_text("a good film\nawful\n")
        with page.expect_download() as waiting:
            page.locator("#file").set_input_files(tmp_path / "texts.txt")
        assert waiting.value.suggested_filename == "texts-labelled.csv"
        with page.expect_download() as waiting:
            page.evaluate(DROP)
        with open(waiting.value.path(), encoding="utf-8", newline="") as file:
            assert [row["text"] for row in csv.DictReader(file)] == ["a good film", "영화"]
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#language").select_option("en" if is_korean else "ko")
        assert page.locator("#ask button").inner_text() == ("Classify" if is_korean else "분류하기")
        assert ("1 of 3 words is" in page.locator("#note").inner_text()) == is_korean
        page.reload()
        assert page.locator("#ask button").inner_text() == ("Classify" if is_korean else "분류하기")
        context.close()
        assert problems == []


FRUIT, SHIP, NEITHER = ["apple", "pear", "plum"], ["boat", "ferry", "yacht"], ["x", "y", "z"]


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Train a network on texts with any of two labels; return its checkpoint."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("several")
    has = rng.random((400, 2)) < 0.5
    drawn = [
        [rng.choice(NEITHER), *(rng.choice(words) for words, is_in in zip((FRUIT, SHIP), row, strict=True) if is_in)]
        for row in has
    ]
    labels = [[name for name, is_in in zip(("fruit", "ship"), row, strict=True) if is_in] for row in has]
    seed_everything(0, verbose=False)
    data = TextDataModule.from_lists(
        train=([" ".join(rng.permutation(words)) for words in drawn], labels), task="multi_label", val_fraction=0.2
    )
    model = TextClassifier(
        transfer="random", embedding_dim=8, hidden_size=8, lr=0.03, dropout=0.0, embedding_dropout=0.0
    )
    model.quiet = True
    trainer = Trainer(
        max_epochs=6, logger=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder
    )
    trainer.fit(model, data)
    trainer.save_checkpoint(folder / "model.ckpt")
    return folder / "model.ckpt"


def test_a_file_comes_back_with_several_labels_none_or_unsure(several):
    texts = ["boat apple", "ferry x", "x y"]
    for abstain, answers in ((False, ["fruit|ship", "ship", ""]), (True, ["fruit|ship", "ship", "unsure"])):
        with TestClient(application(several, abstain=abstain)) as client:
            response = client.post("/page/file", params={"file_name": "a.txt"}, content="\n".join(texts).encode())
        rows = list(csv.DictReader(io.StringIO(response.text)))
        assert [(row["text"], row["labels"]) for row in rows] == list(zip(texts, answers, strict=True))
        shares = load(several).predictions(texts)[0].probabilities
        assert rows[0]["confidences"] == f"{shares['fruit']:.6f}|{shares['ship']:.6f}"


@pytest.mark.parametrize(("width", "scheme", "locale"), LOOKS)
def test_a_model_of_several_labels_is_tried_in_a_browser(chromium, several, width, scheme, locale):
    is_korean = locale != "en"
    with served(application(several)) as address, served(application(several, abstain=True)) as of_abstaining:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale=locale)
        page = context.new_page()
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))

        def ask(text):
            page.evaluate("last = lastWords = null")
            page.locator("#text").fill(text)
            page.locator("#text").press("Tab")
            page.keyboard.press("Enter")
            wait(page, "lastWords !== null && !document.getElementById('why').hidden")

        def color(heading, word):
            line = page.locator("#words h3", has_text=heading).locator("xpath=following-sibling::p[1]")
            return line.get_by_role("button", name=word, exact=True).get_attribute("class")

        page.goto(address)
        ask("boat x apple")
        assert page.locator("#label").inner_text() == "fruit, ship"
        assert sorted(page.locator("#shares .chosen th").all_inner_texts()) == ["fruit", "ship"]
        assert page.locator("#words h3").all_inner_texts() == ["fruit", "ship"]
        assert "for4" in color("fruit", "apple") and "for4" in color("ship", "boat")
        assert "for" not in color("fruit", "boat") and "for" not in color("ship", "apple")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        ask("ferry y")
        assert page.locator("#label").inner_text() == "ship"
        assert page.locator("#shares .chosen th").all_inner_texts() == ["ship"]
        assert page.locator("#words h3").all_inner_texts() == ["ship"]
        ask("x y")
        assert page.locator("#label").inner_text() == ("해당하는 분류 없음" if is_korean else "no label")
        assert page.locator("#shares .chosen").count() == 0 and page.locator("#unsure").is_hidden()
        page.locator("#language").select_option("en" if is_korean else "ko")
        assert page.locator("#label").inner_text() == ("no label" if is_korean else "해당하는 분류 없음")
        page.locator("#language").select_option("ko" if is_korean else "en")
        page.goto(of_abstaining)
        ask("x y")
        assert page.locator("#label").inner_text() == ("확실하지 않음" if is_korean else "unsure")
        assert page.locator("#unsure").is_visible() and violations(page) == []
        context.close()
    assert problems == []
