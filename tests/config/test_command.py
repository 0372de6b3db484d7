"""Commands made from functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_transfer.config.command import run


@dataclass(frozen=True)
class File:
    """A file.

    Args:
        name: Name of the file.
    """

    name: str = ""


EMPTY = File()
CALLS: list[dict[str, object]] = []


def sample(
    ckpt: str,
    *text: str,
    top_k: int | None = None,
    form: Literal["tsv", "csv"] = "tsv",
    per_class: bool = False,
    data: File = EMPTY,
) -> None:
    """Do something.

    Examples:
      lightning sample a.ckpt

    Args:
        ckpt: The checkpoint.
        text: Some texts.
        top_k: Number of classes.
        form: Format of
            the output.
        per_class: Whether classes are apart.
        data: The data.
    """
    CALLS.append({"ckpt": ckpt, "text": text, "top_k": top_k, "form": form, "per_class": per_class, "data": data})


def called(*args: str) -> dict[str, object]:
    run(sample, "lightning sample", args)
    return CALLS.pop()


WORDS = st.text(min_size=1).filter(lambda word: not word.startswith("-"))


@given(ckpt=WORDS, texts=st.lists(WORDS, max_size=4), place=st.integers(0, 5))
def test_positional_arguments_are_verbatim_before_and_after_options(ckpt, texts, place):
    words = [ckpt, *texts]
    place = min(place, len(words))
    found = called(*words[:place], "--top_k", "3", "--per_class", *words[place:])
    follows = place < len(words) and words[place] in ("true", "false")  # the value of --per_class
    if not follows:
        assert (found["ckpt"], found["text"]) == (ckpt, tuple(texts))
        assert found["top_k"] == 3 and found["per_class"] is True


def test_a_hyphen_a_text_with_a_hyphen_and_all_after_two_hyphens_are_positional():
    assert called("a.ckpt", "-", "- a text", "--", "--top_k")["text"] == ("-", "- a text", "--top_k")


def test_a_flag_takes_true_and_false_and_groups_have_a_prefix():
    found = called("a.ckpt", "--per_class", "false", "a", "--data.name=b.tsv", "--form", "csv")
    assert found == {
        "ckpt": "a.ckpt",
        "text": ("a",),
        "top_k": None,
        "form": "csv",
        "per_class": False,
        "data": File(name="b.tsv"),
    }


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a.ckpt", "--topk", "3"], "There is no option --topk. Did you mean --top_k?"),
        (["a.ckpt", "--top_k", "many"], "--top_k is many; expected int or null."),
        (["a.ckpt", "--form", "xml"], "--form is xml; expected tsv, csv."),
        (["a.ckpt", "--top_k"], "argument --top_k: expected one argument"),
        ([], "required: ckpt"),
    ],
)
def test_wrong_arguments_end_with_a_sentence_and_code_2(capsys, args, message):
    with pytest.raises(SystemExit) as stop:
        called(*args)
    assert stop.value.code == 2 and message in capsys.readouterr().err


def test_a_command_works_without_docstrings_as_with_python_oo(monkeypatch, capsys):
    monkeypatch.setattr(sample, "__doc__", None)
    assert called("a.ckpt", "a text", "--top_k", "3")["top_k"] == 3
    with pytest.raises(SystemExit) as stop:
        called("--help")
    assert stop.value.code == 0 and "--top_k" in capsys.readouterr().out


def test_the_help_is_the_docstring(capsys):
    with pytest.raises(SystemExit) as stop:
        called("--help")
    said = capsys.readouterr().out
    assert stop.value.code == 0
    assert said.startswith(
        "usage: lightning sample CKPT [TEXT ...] [OPTIONS]\n\nDo something.\n\nExamples:\n  lightning sample a.ckpt\n\n"
    )
    assert "Format of the output." in " ".join(said.split()) and "Args:" not in said
