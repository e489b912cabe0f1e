"""The page on which visitors try learners out."""

import re

import pytest

from core.playground import versus as game
from core.playground.shipped import shipped
from core.runs.store import RunStore
from data.language import speaking
from pages.parts.playground import players, translate, versus
from tests.core.tiny import finished
from tests.data.frozen_nets import frozen_network
from tests.data.made_up_texts import made_up_texts
from tests.data.photographs import content


@pytest.fixture
def trained(home, store: RunStore):
    """Puts a run into the store that was trained on tiny tasks of three signs."""

    def make(*assignments: str):
        run, result = finished(home, "doodles", *assignments)
        store.update(run.id, test=result.as_json(run.id))
        return store.get(run.id)

    return make


def test_without_a_run_those_that_come_along_play(app, said):
    page = app("playground", mode="versus")
    assert not page.exception
    assert page.multiselect(key="playground-picked-versus").value == list(of_signs())
    assert "does not play" not in said(page)
    assert page.segmented_control(key="playground-mode").value == "versus"


def test_in_chinese_what_a_run_reaches_is_said_in_chinese(make_run):
    run = make_run("doodles-5w1s")
    with speaking("zh"):
        assert players._score(run) == "80.00 ± 1.00 %，最终测试"
    assert players._score(run) == "80.00 ± 1.00 %, final test"


def test_without_any_learner_there_is_a_way_to_one(app, said, monkeypatch):
    monkeypatch.setattr(players, "shipped", dict)
    assert "Nobody to play against yet" in said(app("playground", mode="versus"))


def of_signs():
    return [name for name, one in shipped().items() if one.family == "doodles"]


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


def test_those_that_play_at_first_are_of_different_groups_and_trained():
    def run(number, learner):
        return players.Candidate(str(number), "", "", learner, "")

    there = [run(9, "nearest-centroid"), run(8, "scratch"), run(7, "pretrain"), run(6, "maml"), run(5, "protonet")]
    there += [run(4, "proto-maml"), run(3, "maml"), run(2, "anil")]
    assert [one.key for one in players.at_first(there)] == ["7", "6", "5", "4"]
    assert [one.key for one in players.at_first(there[:2] + there[3:4])] == ["9", "8", "6"]


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


@pytest.fixture
def of_texts(home, store: RunStore):
    """A run that learned to tell a person's texts apart."""
    file = made_up_texts(home.root / "mine.csv")
    family = ("family=own-texts", f"family.file={file}", "family.n_way=2", "family.n_query=4", "evaluation.n_query=4")
    run, result = finished(home, "doodles", *family, "model=bag", "algorithm=protonet")
    store.update(run.id, test=result.as_json(run.id))
    return run


def test_without_a_run_that_reads_texts_it_is_said_how_to_make_one(app, said):
    page = app("playground", mode="bring", of="texts")
    assert "No learner of texts yet" in said(page) and "trains one" in said(page)


def told(page):
    (one,) = [part.value for part in page.get("html") if '<dl class="told">' in part.value]
    return [float(share) for share in re.findall(r"--share: ([\d.]+)", one)]


@pytest.mark.usefixtures("of_texts")
def test_texts_that_a_visitor_gives_are_told_apart_and_what_is_asked_follows(app, said):
    page = app("playground", mode="bring", of="texts")
    assert not page.exception
    text = said(page)
    assert "do I need an umbrella today" in text and "book a table" in text, "it is filled in at first"
    page.text_area(key="bring-asked-texts").set_value("open the door\npaint <b>it</b>").run()
    text = said(page)
    assert "<dt>open the door</dt>" in text and "<dt>paint &lt;b&gt;it&lt;/b&gt;</dt>" in text
    shares = told(page)
    assert len(shares) == 2 * 3 and sum(shares[:3]) == pytest.approx(1, abs=1e-3)
    page.slider(key="bring-ways").set_value(2).run()
    assert len(told(page)) == 2 * 2
    page.text_area(key="bring-texts-1").set_value(" \n").run()
    assert "Give examples of two classes at least" in said(page)


@pytest.mark.usefixtures("of_texts")
def test_two_classes_of_one_name_are_kept_apart(app, said):
    page = app("playground", mode="bring", of="texts")
    page.text_input(key="bring-name-1").set_value("book a table").run()
    assert "<span>book a table (2)</span>" in said(page)


@pytest.fixture
def of_names(home, store: RunStore):
    """A run that learned to translate, hardly."""
    run, result = finished(home, "names", "family.longest=16")
    store.update(run.id, test=result.as_json(run.id))
    return run


def tables(page):
    """Rows of cells of each table of translations."""
    found = [part.value for part in page.get("html") if 'class="of-task"' in part.value]
    return [[re.findall(r"<t[hd][^>]*>(.*?)</t", row) for row in re.findall(r"<tr>(.*?)</tr>", one)] for one in found]


@pytest.mark.usefixtures("of_names")
def test_names_are_translated_into_a_language_that_a_visitor_chooses(app, said):
    page = app("playground", mode="bring", of="translations")
    assert not page.exception
    ((head, *rows),) = tables(page)
    assert head == ["name", "before adapting", "after 1 step", "in CLDR"] and len(rows) == translate.ASKED
    assert "chrF before adapting " in said(page).replace("\\", "")
    pairs = next(one for one in page.text_area if one.label.startswith("A name"))
    assert len(pairs.value.splitlines()) == translate.FIRST
    chosen = page.selectbox(key="bring-language")
    assert "new to it" in chosen.options[1] and chosen.options[-1].endswith("of its training")
    page.selectbox(key="bring-language").set_value("hu").run()
    assert page.query_params["language"] in ("hu", ["hu"])
    page.slider(key="bring-examples").set_value(2).run()
    pairs = next(one for one in page.text_area if one.label.startswith("A name"))
    assert len(pairs.value.splitlines()) == 2 and " = " in pairs.value
    pairs.set_value(f"{pairs.value}\nno pair").run()
    assert "1 line, such as “no pair”, is no pair and was left out" in said(page).replace("\\", "")


@pytest.mark.usefixtures("of_names")
def test_a_language_of_ones_own_is_learned_from_what_is_typed(app, said):
    page = app("playground", mode="bring", of="translations", language="own")
    assert not page.exception and "Give a name with its translation first" in said(page)
    assert tables(page) == []
    pairs = next(one for one in page.text_area if one.label.startswith("A name"))
    pairs.set_value("May = <b>maj</b>\n" + "x" * 30 + " = y").run()
    assert "takes 30 signs" in said(page).replace("\\", "")
    pairs = next(one for one in page.text_area if one.label.startswith("A name"))
    pairs.set_value("May = <b>maj</b>").run()
    asked = next(one for one in page.text_area if one.label.startswith("Names in English"))
    asked.set_value("<i>June</i>").run()
    ((head, row),) = tables(page)
    assert head == ["name", "before adapting", "after 1 step"] and row[0] == "&lt;i&gt;June&lt;/i&gt;"


def test_without_a_run_that_translates_it_is_said_how_to_make_one(app, said):
    page = app("playground", mode="bring", of="translations")
    assert "No learner of translations yet" in said(page) and "trains one" in said(page)


def upload(page, *queries: bytes):
    """Two classes of pictures and what is asked, as a visitor drops them."""
    for label in range(2):
        field = page.file_uploader(key=f"bring-pictures-{label}")
        field.upload("a.png", content(label), "image/png").upload("b.png", content(label + 7), "image/png")
    for number, one in enumerate(queries):
        page.file_uploader(key="bring-asked").upload(f"{number}.png", one, "image/png")
    return page.run()


def test_pictures_are_told_by_a_frozen_networks_features_where_own_code_may_run(home, store, app, said, monkeypatch):
    run, result = finished(home, "doodles", "algorithm=protonet", "model=mlp", *frozen_network(home.root))
    store.update(run.id, test=result.as_json(run.id))
    monkeypatch.setenv("INNERLOOP_OWN_NETWORKS", "on")
    page = upload(app("playground", mode="bring", run=run.id), content(0))
    assert not page.exception and sum(told(page)) == pytest.approx(1, abs=1e-3)
    monkeypatch.setenv("INNERLOOP_OWN_NETWORKS", "off")
    text = said(upload(app("playground", mode="bring", run=run.id), content(0)))
    assert "switched off on this server" in text and '<dl class="told">' not in text


def test_fewer_classes_than_a_learner_has_outputs_for_are_told_apart(home, store, app, said):
    run, result = finished(home, "doodles", "algorithm=maml")  # of three classes
    store.update(run.id, test=result.as_json(run.id))
    page = upload(app("playground", mode="bring", run=run.id), content(0), content(1))
    assert len(told(page)) == 4 and "3 classes apart" in said(page).replace("\\", "")
