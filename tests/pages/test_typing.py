"""What somebody types while a page is drawn anew stays: a drawing writes no field that shows the value already."""

import pytest
from streamlit.testing.v1 import AppTest

TYPED = ("text_input", "text_area", "number_input")


def fields(page: AppTest) -> dict[str, bool]:
    """The fields that can be typed in, and whether the drawing sends its value to the browser, which drops what is typed."""
    assert not page.exception, page.exception[0].value
    return {one.key: one.proto.set_value for kind in TYPED for one in page.get(kind) if not one.proto.disabled}


def written(page: AppTest) -> list[str]:
    found = fields(page)
    assert found
    return [key for key, sent in found.items() if sent]


def key_of(page: AppTest, path: str) -> str:
    return next(key for key in fields(page) if key.endswith(f"-{path}"))


@pytest.mark.parametrize("name", ["sinusoid-maml", "intents-5w1s-protonet", "navigation-maml"])
def test_the_form_is_drawn_again_around_what_is_typed(app, name):
    page = app("train", preset=name)
    assert page.text_input(key_of(page, "training.iterations")).value
    assert written(page)  # the first drawing fills the form, whatever the browser still holds
    assert written(page.run()) == []


def test_a_number_is_written_only_where_it_was_understood_as_another_text(app):
    page = app("train", preset="sinusoid-maml")
    key = key_of(page.run(), "training.iterations")
    page.text_input(key).set_value("1e3").run()
    assert written(page) == [key]
    assert written(page.run()) == []


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("runs", {"q": "status:finished alpha"}),
        ("tournament", {}),
        ("datasets", {"set": "doodles"}),
        ("playground", {"mode": "bring"}),
    ],
)
def test_other_pages_too(app, make_run, page, query):
    make_run("doodles-5w1s", name="alpha")
    assert written(app(page, **query).run()) == []


def test_the_search_is_written_when_another_one_is_chosen(app, make_run):
    make_run("doodles-5w1s", name="alpha")
    page = app("runs", q="alpha").run()
    page.selectbox("filter-learner").set_value("maml").run()
    assert page.text_input("filter-text").value == "alpha learner:maml"
    assert written(page) == ["filter-text"]
