"""The tour, on a home that has nothing: each scene has its address, its words and what is real in it."""

import pytest

from core.playground.recorded import recorded
from data.language import speaking
from pages.parts.present import tour, tour_scenes


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """What the browser was sent."""
    found: list[dict] = []
    monkeypatch.setattr(tour, "show_tour", lambda data: found.append(data))
    return found


@pytest.mark.parametrize("address", ["1", "5", "x"])
def test_it_begins_with_drawing(app, said, shown, address, store):
    page = app("present", tour=address)
    said(page)
    assert [one["place"] for one in shown] == [1] and "nobody has drawn" in shown[0]["big"]
    assert not store.runs()


def test_it_shows_what_each_step_changes(app, said, shown):
    said(app("present", tour="2"))
    (scene,) = shown
    assert len(scene["steps"]["shares"]) == len(scene["steps"]["heads"]) == 4
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in scene["steps"]["shares"])
    assert scene["big"].startswith("Sign E: ") and "after 3 inner steps" in scene["big"]
    assert scene["chart"]["traces"] and "Recorded on" in scene["note"]


def test_it_compares_what_was_recorded(app, said, shown):
    said(app("present", tour="3"))
    (scene,) = shown
    assert scene["big"] == "3 learners, 3 seeds each" and scene["seconds"] > 0
    assert [trace["name"] for trace in scene["chart"]["traces"]] == ["MAML", "ProtoNet", "Pretraining"]


def test_it_ends_in_the_verdict_that_comparing_gives(app, said, shown):
    page = app("present", tour="4")
    said(page)
    (scene,) = shown
    assert "is better than" in scene["big"] and "100 shared tasks" in scene["big"] and len(scene["more"]) == 2
    assert [row["name"] for row in scene["rows"]][-1] == "Pretraining"
    assert len(page.get("page_link")) == 2


def test_who_leaves_comes_back_to_where_it_was_opened(app, said, monkeypatch):
    monkeypatch.setattr(tour, "show_tour", lambda _: True)
    assert "Learn" in said(app("present", tour="3", back="learn"))
    assert "Innerloop" in said(app("present", tour="3", back="nowhere"))


@pytest.mark.parametrize("page", ["home", "learn", "playground", "present"])
def test_there_is_a_way_to_it(app, page):
    assert "Take the tour" in [link.label for link in app(page).get("page_link")]


def test_the_groups_have_names_in_the_readers_language():
    with speaking("zh"):
        assert tour_scenes.judging(recorded()).rows[-1].name == "预训练"
