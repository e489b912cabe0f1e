"""What somebody types while a page is drawn anew stays: a drawing writes no widget that shows the value already."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.looks import evaluated, five_classes, validated


def written(page: AppTest) -> list[str]:
    """The widgets whose value the drawing sends to the browser, which drops what is being typed there."""
    assert not page.exception, page.exception[0].value
    protos = [element.proto for element in page._tree if getattr(element, "proto", None) is not None]
    return [proto.id for proto in protos if getattr(proto, "set_value", False) and not proto.disabled]


@pytest.mark.parametrize("name", ["sinusoid-maml", "intents-5w1s-protonet", "navigation-maml"])
def test_the_form_is_drawn_again_around_what_is_typed(app, name):
    page = app("train", preset=name)
    assert written(page)  # the first drawing fills the form
    assert written(page.run()) == []


def test_a_number_is_written_only_where_it_was_understood_as_another_text(app):
    page = app("train", preset="sinusoid-maml")
    page.run()
    key = next(one.key for one in page.text_input if (one.key or "").endswith("-training.iterations"))
    page.text_input(key).set_value("1e3").run()
    assert [id.endswith(key) for id in written(page)] == [True]
    assert written(page.run()) == []


@pytest.mark.parametrize("mode", ["draw", "versus", "drag", "bring"])
def test_the_playground_is_drawn_again(app, mode):
    page = app("playground", mode=mode)
    assert written(page.run()) == []


def test_runs_and_comparisons_are_drawn_again(app, make_run, store, home):
    runs = [make_run("doodles-5w1s", name=name) for name in ("alpha", "beta")]
    for run in runs:
        validated(home, run, five_classes())
        evaluated(store, home, run, np.random.default_rng(run.id).uniform(0.5, 1, 600), five_classes())
    for page in (
        app("run", run=runs[1].id, beside=runs[0].id),
        app("runs", q="status:finished alpha"),
        app("compare", runs=",".join(str(run.id) for run in runs)),
        app("tournament"),
    ):
        assert written(page.run()) == []
