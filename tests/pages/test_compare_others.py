"""Curves of other tools on the Compare page."""

import numpy as np
import pytest

from core.imported import Curves
from pages.parts.compare import figures, others
from tests.pages.test_say import HOSTILE

CONTENT = b"step,value\n1,2\n3,1\n"


@pytest.fixture
def curves(home):
    return Curves(home.curves)


@pytest.fixture
def names(monkeypatch):
    """What the page draws, by chart: the names of its curves."""
    charts, encode = {}, figures.encode

    def noted(chart, *size):
        charts[chart.label.split()[0]] = [trace.name for trace in chart.traces if trace.listed]
        return encode(chart, *size)

    monkeypatch.setattr(figures, "encode", noted)
    return charts


def test_an_uploaded_curve_is_drawn_and_in_the_address(app, said, make_run, curves, names):
    make_run("sinusoid-maml")
    page = app("compare", runs=1)
    page.file_uploader[0].set_value(("loss.csv", CONTENT, "text/csv")).run()
    page.text_input("curve-new-upload-0-0").set_value("theirs").run()
    page.button("curve-import").click().run()
    (kept,) = curves.all()
    assert page.query_params["curves"] == kept.id
    text = said(page)
    assert "imported from loss.csv on" in text and "It has no episodes, and so cannot be judged" in text
    assert names["Query"] == ["maml", "theirs, imported"] and names["Validation"] == ["maml"]
    assert "theirs" not in text.partition("Verdict")[2].partition("Curves of other tools")[0].replace(
        "theirs, imported", ""
    )


def test_it_is_renamed_laid_elsewhere_and_removed(app, said, make_run, curves, names):
    make_run("doodles-5w1s")
    kept = curves.add("theirs", "a.csv", "loss", np.arange(2.0), np.ones(2))
    page = app("compare", runs=1, curves=kept.id)
    page.text_input(f"curve-name-{kept.id}").set_value("others'").run()
    page.selectbox(f"curve-place-{kept.id}").set_value("percent").run()
    page.button(f"curve-save-{kept.id}").click().run()
    said(page)
    assert names["Validation"] == ["maml", "others', imported"] and names["Query"] == ["maml"]
    page.button(f"curve-remove-{kept.id}").click().run()
    assert "curves" not in page.query_params and "others'" not in said(page)
    assert curves.all() == []


def test_what_there_is_can_be_put_on_and_taken_off(app, said, make_run, curves):
    make_run("doodles-5w1s")
    kept = curves.add("theirs", "a.csv", "loss", np.arange(2.0), np.ones(2))
    page = app("compare", runs=1, curves="nobody,../x")
    page.multiselect(others.PICKED).set_value([kept.id]).run()
    assert page.query_params["curves"] == kept.id and "imported from a.csv" in said(page)
    page.multiselect(others.PICKED).set_value([]).run()
    assert "curves" not in page.query_params and "imported from" not in said(page)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.csv", b"a,b\n1,2\n", "The file has no column step; it has a, b. Give it a first line"),
        (f"{HOSTILE[:40]}.csv", b"step,value\n1,much\n", "much in line 2 is not a number."),
        ("events.out.tfevents.1", b"nothing", "There is no curve in it."),
    ],
)
def test_what_cannot_be_read_is_said_in_the_form(app, said, make_run, curves, name, content, text):
    make_run("sinusoid-maml")
    page = app("compare", runs=1)
    page.file_uploader[0].set_value((name, content, "text/csv")).run()
    assert text in said(page)
    assert curves.all() == []


def test_of_several_curves_one_is_chosen(app, said, make_run, curves):
    make_run("sinusoid-maml")
    page = app("compare", runs=1)
    content = b"name,step,value\na,1,2\n__init__ ![x](y),1,3\n"
    page.file_uploader[0].set_value(("two.csv", content, "text/csv")).run()
    page.selectbox("curve-which-upload-0").set_value(1).run()
    page.button("curve-import").click().run()
    said(page)
    assert [(one.name, one.values) for one in curves.all()] == [("__init__ ![x](y)", [3])]
    assert all("![x](" not in one.value for kind in ("markdown", "caption") for one in page.get(kind))
