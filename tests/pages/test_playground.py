"""The page on which visitors try learners out."""

import pytest

from core.playground import versus as game
from core.runs.store import RunStore
from pages.parts.playground import versus
from tests.core.tiny import finished


@pytest.fixture
def trained(home, store: RunStore):
    """Puts a run into the store that was trained on tiny tasks of three signs."""

    def make(*assignments: str):
        run, result = finished(home, "doodles", *assignments)
        store.update(run.id, test=result.as_json(run.id))
        return store.get(run.id)

    return make


def test_without_a_learner_there_is_a_way_to_one(app, said):
    page = app("playground", mode="versus")
    assert not page.exception
    assert "Nobody to play against yet" in said(page)
    assert page.segmented_control(key="playground-mode").value == "versus"


def test_learners_answer_and_who_cannot_play_says_why(app, said, trained):
    protonet, maml = trained("algorithm=protonet"), trained("algorithm=maml")
    page = app("playground", mode="versus")
    assert not page.exception
    picked = page.multiselect(key="playground-picked-versus")
    assert picked.value == [str(maml.id), str(protonet.id)]  # the newest first
    text = said(page).replace("\\", "")
    assert f"#{maml.id} a run does not play: " in text and "output layer for 3 classes" in text
    picked.set_value([str(protonet.id)]).run()
    assert page.query_params["run"] in (str(protonet.id), [str(protonet.id)])
    assert "does not play" not in said(page)


def test_the_address_says_which_game_it_is(app, said, trained):
    run = trained("algorithm=protonet")
    page = app("playground", mode="versus", ways=10, seed=7, run=f"{run.id},99")
    assert page.segmented_control(key="versus-ways").value == 10
    assert page.multiselect(key="playground-picked-versus").value == [str(run.id)]
    page.segmented_control(key="versus-tasks").set_value("alphabets").run()
    assert "are not here" in said(page)  # Omniglot's files


def test_all_are_scored_on_the_questions_that_the_visitor_has_answered():
    class Drawn(game.Game):
        right = (0, 1, 2, 0)

    drawn = Drawn(None, ())
    mine, other = game.Answers((0, 1), (1.0, 3.0)), game.Answers((2, 1, 2, 0), (0.1,) * 4)
    rows = versus.standings(drawn, mine, {"protonet": other})
    assert [(row.name, row.words) for row in rows] == [("You", "2 of 2"), ("protonet", "1 of 2")]
    assert versus.standings(drawn, game.Answers((), ()), {"protonet": other}) == []
