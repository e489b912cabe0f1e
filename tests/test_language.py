"""What people are told is translated: nothing is missing, nothing is left over, and what is put into a sentence stays."""

import re
import runpy
import string
import subprocess
import sys

import pytest

from core.runs.home import PROJECT
from data import language
from data.errors import InnerloopError
from data.language import ENGLISH, LANGUAGES, joined, plural, speaking, tr

COLLECT = runpy.run_path(str(PROJECT / "locale" / "collect.py"))
FILES = sorted((PROJECT / "locale").glob("*.po"))
# What must be the same in a text and its translation: links, code, formulas, icons.
KEPT = re.compile(r"\]\([^)]*\)|`[^`]*`|\$[^$]+\$|:material/\w+:")


def fields(text: str) -> set[tuple[str, str | None, str | None]]:
    """What is put into a text: names, with their format and conversion."""
    return {(name, form, how) for _, name, form, how in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_text_of_the_source_is_translated_and_no_other(file):
    source, there = COLLECT["collected"](), COLLECT["translated"](file)
    texts = {message.id for message in source if message.id}
    known = {message.id for message in there if message.id}
    assert texts - known == set() and known - texts == set(), "make messages"
    left = [one for one in there if one.id and (one.fuzzy or not one.string or not all(_strings(one.string)))]
    assert [one.id for one in left] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_translation_has_what_is_put_into_a_sentence_and_its_marks(file):
    wrong = []
    for message in COLLECT["translated"](file):
        many = _strings(message.id)[-1]
        for text in _strings(message.string) if message.id else ():
            if "{" in many and fields(text) - {("n", "", None)} != fields(many) - {("n", "", None)}:
                wrong.append((many, text, "fields"))
            if sorted(KEPT.findall(text)) != sorted(KEPT.findall(many)) or text.count("**") != many.count("**"):
                wrong.append((many, text, "marks"))
    assert wrong == []


def test_every_language_has_a_file():
    assert {file.stem for file in FILES} == set(LANGUAGES) - {ENGLISH}


def _strings(string: str | tuple[str, ...]) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else string


def test_texts_are_translated_where_they_are_made():
    assert tr("Runs") == "Runs"
    with speaking("zh"):
        assert tr("Runs") != "Runs" and language.current() == "zh"
        with speaking(ENGLISH):
            assert tr("{n} running", n=3) == "3 running"
        assert "3" in tr("{n} running", n=3)
    assert language.current() == ENGLISH


def test_a_text_without_a_translation_is_given_back():
    with speaking("zh"):
        assert tr("of this nobody has heard {yet}") == "of this nobody has heard {yet}" and tr("") == ""


def test_between_sentences_there_is_a_space_where_the_script_wants_one():
    assert joined(["It ends.", "", "Begin anew."]) == "It ends. Begin anew."
    assert joined(["它结束了。", "重新开始。"]) == "它结束了。重新开始。"
    assert str(InnerloopError("它结束了。", "重新开始。")) == "它结束了。重新开始。"
    assert (
        str(InnerloopError("It ends.", "Begin anew.")) == "It ends. Begin anew." and str(InnerloopError("a.")) == "a."
    )


def test_one_and_many_are_told_apart():
    assert [plural("{n} sign of {whose}", "{n} signs of {whose}", n, whose="mine") for n in (0, 1, 2)] == [
        "0 signs of mine",
        "1 sign of mine",
        "2 signs of mine",
    ]


def test_who_reads_english_does_not_wait_for_babel():
    asked = "import sys; from data.language import tr; tr('Runs'); print('babel' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
