"""The scripts of the pages, and their words in two languages."""

import inspect
import re
from importlib.resources import files
from pathlib import Path

import pytest

from lit_transfer.cli.label import next_commands
from lit_transfer.curation.labelling import background, session, states
from lit_transfer.html import scripts

PAGES = {"lit_transfer.curation.label_page": "label.html.j2", "lit_transfer.deploy.try_page": "try.html.j2"}


def words_of(package):
    """Return the words of a page by language."""
    english, korean = scripts(package)["languages.js"].split("\n  ko: {")
    return [dict(re.findall(r'(\w+): "((?:[^"\\]|\\.)*)"', part)) for part in (english, korean)]


@pytest.mark.parametrize("package", PAGES)
def test_both_languages_say_the_same_things_with_the_same_values(package):
    english, korean = words_of(package)
    assert len(english) > 20 and list(english) == list(korean)
    for name, text in english.items():
        assert set(re.findall(r"\{(\d)", text)) == set(re.findall(r"\{(\d)", korean[name])), name
        assert re.search("[가-힣]", korean[name]), name


@pytest.mark.parametrize("package", PAGES)
def test_whatever_a_page_says_has_words_and_no_words_are_left_over(package):
    [english, _], template = words_of(package), files(package).joinpath(PAGES[package]).read_text(encoding="utf-8")
    code = "".join(text for name, text in scripts(package).items() if name != "languages.js")
    said = re.findall(r'say\("(\w+)"', code) + re.findall(r'data-(?:say|label)="(\w+)"', template)
    assert set(said) <= set(english) and len(said) > 20
    shown = {f"command_{name}" for name in next_commands(Path("x.jsonl"), None, "whitespace")}
    refused = refusals()
    for name in english:
        assert name in shown | refused or re.search(rf"[\"'{{ ]{name}[\"',: ]", code + template), name


def refusals():
    """Return the names of the sentences with which a session refuses a request."""
    return set(re.findall(r'(?:RefusedError|__init__)\(f?"[^"]*(?:"[^"]*)?", "(\w+)"', inspect.getsource(session)))


def test_each_refusal_of_the_session_has_words():
    refused = refusals()
    assert len(refused) == 6 and refused <= set(words_of("lit_transfer.curation.label_page")[0])


def test_the_steps_that_are_reported_have_words():
    reported = re.findall(r'progress\("([^"]+)"', inspect.getsource(states)) + re.findall(
        r'step="([^"]+)"', inspect.getsource(background)
    )
    text = scripts("lit_transfer.curation.label_page")["languages.js"]
    assert len(set(reported)) == 4 and all(text.count(f'"{step}": "') == 2 for step in reported)


def test_a_page_has_its_own_scripts_and_the_common_one():
    assert set(scripts("lit_transfer.deploy.try_page")) == {"languages.js", "page.js", "try.js"}
