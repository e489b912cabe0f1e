"""The Runs page."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import insert, select

from core.runs.lineage import differences
from core.runs.run_lists import RunFilter
from core.runs.schema import evaluations, metrics, runs
from pages.parts.runs import table


def choose(page, *ids):
    """Tick the rows of these runs, as a click does."""
    table = page.dataframe[0]
    rows = [list(table.value["#"]).index(id) for id in ids]
    page.session_state[table.key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return page.run()


def names(page):
    return list(page.dataframe[0].value["Run"])


def test_empty_it_says_what_to_do(app, said):
    assert "No runs yet" in said(app("runs"))


def test_it_lists_runs_newest_first(app, make_run):
    make_run("sinusoid-maml")
    make_run("doodles-5w1s", "failed", error="Out of memory.")
    page = app("runs")
    table = page.dataframe[0].value
    assert list(table["Run"]) == ["doodles-5w1s", "sinusoid-maml"]
    assert [list(one) for one in table["Status"]] == [["failed"], ["finished"]]
    assert list(table["Progress"]) == [30.0, 100.0]


def test_a_time_budget_counts_where_it_is_further_than_the_iterations(app, make_run, store):
    budgeted = make_run("doodles-5w1s", "running")
    training = budgeted.config["training"] | {"minutes": 0.5}
    store.update(budgeted.id, config=budgeted.config | {"training": training})
    assert list(app("runs").dataframe[0].value["Progress"]) == [40.0]  # 12 s of 30, and 3 iterations of 10


def test_first_order_is_part_of_a_learners_name_and_can_be_filtered(app, make_run):
    make_run("omniglot-5w1s-fomaml")
    make_run("doodles-5w1s")
    page = app("runs")
    assert list(page.dataframe[0].value["Learner"]) == ["maml", "maml, first order"]
    page.selectbox("filter-learner").set_value("maml, first order").run()
    assert names(page) == ["omniglot-5w1s-fomaml"]


@pytest.mark.parametrize(
    ("search", "left"),
    [
        ("sinus", ["sinusoid-maml"]),
        ("#2", ["doodles-5w1s"]),
        ("remarkable", ["doodles-5w1s"]),
        ("score>0.9", []),
        ("inner_steps:5 -status:failed", ["sinusoid-maml"]),
        ("lr:1 sinus", ["sinusoid-maml"]),
    ],
)
def test_the_address_carries_the_search(app, said, make_run, search, left):
    make_run("sinusoid-maml", changed=["algorithm.inner_steps=5"])
    make_run("doodles-5w1s", "failed", note="remarkable")
    page = app("runs", q=search)
    assert page.text_input("filter-text").value == search
    assert (names(page) if left else page.dataframe.values) == left
    assert ("lr:1 is left out" in said(page)) is ("lr:1" in search)


def test_menus_write_into_the_search_and_follow_it(app, make_run):
    make_run("sinusoid-maml")
    make_run("doodles-5w1s", "failed")
    page = app("runs", q="-tag:x")
    assert (page.selectbox("filter-family").value, page.selectbox("filter-learner").value) == (None, None)
    page.multiselect("filter-status").set_value(["failed", "lost"]).run()
    assert page.query_params["q"] == "-tag:x status:failed,lost"
    assert names(page) == ["doodles-5w1s"]
    page.selectbox("filter-family").set_value("sinusoid").run()
    assert not page.dataframe
    page.text_input("filter-text").input("family:sinusoid").run()
    assert (names(page), page.multiselect("filter-status").value) == (["sinusoid-maml"], [])
    assert page.selectbox("filter-family").value == "sinusoid"
    page.text_input("filter-text").input("").run()
    assert len(names(page)) == 2 and "q" not in page.query_params


def test_a_search_is_kept_picked_and_forgotten(app, store, make_run):
    make_run("sinusoid-maml")
    make_run("doodles-5w1s")
    page = app("runs", q="family:doodles")
    page.text_input("search-name").input("mine")
    page.button("keep-search").click().run()
    assert store.searches() == {"mine": "family:doodles"}
    page.text_input("filter-text").input("").run()
    page.button("search-mine").click().run()
    assert names(page) == ["doodles-5w1s"]
    page.button("forget-mine").click().run()
    assert store.searches() == {}


def test_the_columns_that_are_shown_are_remembered(app, make_run):
    make_run("sinusoid-maml")
    page = app("runs")
    assert "Note" not in page.dataframe[0].value and "Status" in page.dataframe[0].value
    page.get("button_group")[0].set_value(["Seed", "Test", "Group"]).run()
    assert list(app("runs").dataframe[0].value) == ["#", "Star", "Run", "Test", "Seed", "Group"]


def test_chosen_runs_are_starred_tagged_and_archived(app, said, store, make_run):
    ids = [make_run("doodles-5w1s").id, make_run("sinusoid-maml").id]
    page = choose(app("runs"), *ids)
    assert "#1 and #2 are chosen." in said(page)
    page.button("star-runs").click().run()
    assert [run.starred for run in store.runs()] == [True, True] and list(page.dataframe[0].value["Star"]) == ["★", "★"]
    page.button("star-runs").click().run()
    assert [run.starred for run in store.runs()] == [False, False]
    store.tag([ids[0]], ["old", "both"])
    store.tag([ids[1]], ["both"])
    page.run().button("tag-runs").click().run()
    page.multiselect("tags-2-1").set_value(["New"])
    page.button("tags-save").click().run()
    assert [run.tags for run in store.runs()] == [("new",), ("new", "old")]
    page.button("archive-runs").click().run()
    assert "No run matches" in said(page) and not names_of_recent(app)
    page.button("show-archived").click().run()
    choose(page, *ids)
    page.button("archive-runs").click().run()
    page.button("show-all").click().run()
    assert len(names(page)) == 2


def names_of_recent(app):
    return [link.proto.label for link in app("home").get("page_link") if "doodles" in link.proto.label]


def test_a_deletion_is_undone_at_once_or_later(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    page = choose(app("runs"), run.id)
    page.button("delete-runs").click().run()
    assert "For 7 days this can be undone." in said(page)
    page.button("delete-confirm").click().run()
    assert store.runs() == [] and f"Run #{run.id} doodles-5w1s is deleted." in said(page)
    page.button("undo-delete").click().run()
    assert names(page) == ["doodles-5w1s"]
    store.set_aside(run.id)
    page.run().button("show-deleted").click().run()
    choose(page, run.id).button("restore-runs").click().run()
    assert [one.id for one in store.runs()] == [run.id]


def test_deleted_runs_are_removed_for_good_when_that_is_asked(app, store, make_run):
    run = make_run("doodles-5w1s")
    store.update(run.id, host=None)
    store.set_aside(run.id)
    page = app("runs", q="is:deleted")
    page.button("empty-deleted").click().run()
    page.button("empty-confirm").click().run()
    assert store.count(RunFilter("is:deleted")) == 0


def test_an_open_page_removes_what_was_deleted_long_ago(app, store, make_run):
    old, new = make_run("doodles-5w1s"), make_run("doodles-5w1s")
    for run, days in ((old, 8), (new, 6)):
        store.update(run.id, host=None, deleted=time.time() - days * 86_400)
    app("home")
    assert [run.id for run in store.page(RunFilter("is:deleted"))] == [new.id]


def test_a_deleted_runs_address_says_so_and_offers_it_back(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    store.set_aside(run.id)
    page = app("run", run=run.id)
    assert f"Run {run.id} was deleted" in said(page)
    page.button(f"restore-{run.id}").click().run()
    assert "doodles-5w1s" in said(page) and store.get(run.id).deleted is None


def test_a_run_is_marked_on_its_page(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    page = app("run", run=run.id)
    page.button(f"star-{run.id}").click().run()
    page.button(f"archive-{run.id}").click().run()
    assert "starred · archived" in said(page)
    page.button(f"tags-of-{run.id}").click().run()
    page.multiselect(f"tags-{run.id}").set_value(["paper"])
    page.button("tags-save").click().run()
    assert store.get(run.id).tags == ("paper",) and "tags paper" in said(page)


def test_a_filter_that_matches_nothing_says_so(app, said, make_run):
    make_run("sinusoid-maml")
    page = app("runs")
    page.text_input("filter-text").input("nothing like this").run()
    assert "No run matches" in said(page)


def test_rename_and_note(app, store, make_run):
    run = make_run("doodles-5w1s")
    page = choose(app("runs"), run.id)
    page.button("edit-run").click().run()
    page.text_input(f"edit-name-{run.id}").input("first try")
    page.text_area(f"edit-note-{run.id}").input("too slow")
    page.button("edit-save").click().run()
    assert (store.get(run.id).name, store.get(run.id).note) == ("first try", "too slow")


def test_delete_asks_first(app, store, make_run):
    kept, gone = make_run("doodles-5w1s"), make_run("sinusoid-maml")
    page = choose(app("runs"), gone.id)
    page.button("delete-runs").click().run()
    assert {run.id for run in store.runs()} == {kept.id, gone.id}
    page.button("delete-confirm").click().run()
    assert [run.id for run in store.runs()] == [kept.id]


def test_a_running_one_cannot_be_deleted(app, make_run):
    run = make_run("doodles-5w1s", "running")
    page = choose(app("runs"), run.id)
    assert page.button("delete-runs").disabled
    assert not page.button("stop-runs").disabled


def test_a_choice_stays_with_its_run_when_the_rows_move(app, store, make_run):
    run = make_run("doodles-5w1s")
    page = choose(app("runs"), run.id)
    make_run("sinusoid-maml")
    page.run()
    assert names(page) == ["sinusoid-maml", "doodles-5w1s"]
    page.button("delete-runs").click().run()
    page.button("delete-confirm").click().run()
    assert [left.name for left in store.runs()] == ["sinusoid-maml"]


@pytest.fixture
def many(store, make_run):
    """1100 runs with ten points each, all copies of one."""
    run = make_run("doodles-5w1s")
    with store.database.writing() as connection:
        (row,) = connection.execute(select(runs).where(runs.c.id == run.id)).mappings().all()
        copies = [dict(row) | {"id": id, "name": f"copy {id}"} for id in range(2, 1101)]
        connection.execute(insert(runs), copies)
        point = {"seconds": 0.1, "key": "train/query_loss", "value": 1.0}
        rows = [point | {"run_id": id, "iteration": i} for id in range(2, 1101) for i in range(10)]
        connection.execute(insert(metrics), rows)
        (first,) = connection.execute(select(evaluations).limit(1)).mappings().all()
        scored = [dict(first) | {"id": 10 * id + i, "run_id": id} for id in range(2, 1101) for i in range(3)]
        connection.execute(insert(evaluations), scored)


@pytest.mark.usefixtures("many")
def test_a_thousand_runs_open_on_a_page_of_fifty(app, said, asked):
    page = app("runs")
    assert names(page) == [f"copy {id}" for id in range(1100, 1050, -1)]
    assert "1–50 of 1\u202f100" in said(page)
    asked.clear()
    page.run()
    assert len(asked) < 40, asked
    assert all(len(statement) < 3000 for statement in asked), "a term for each run"
    assert not [statement for statement in asked if "FROM metrics" in statement or "FROM evaluations" in statement]
    whole = [statement for statement in asked if "runs.config" in statement]
    assert whole and all("LIMIT" in statement for statement in whole)


@pytest.mark.usefixtures("many")
def test_pages_are_turned_and_what_is_chosen_stays_so(app, said):
    page = choose(app("runs"), 1100, 1090)
    page.pagination[0].set_value(2).run()
    assert names(page)[0] == "copy 1050"
    assert "51–100 of" in said(page)
    assert "2 of 2 chosen are not on this page." in said(page)
    assert not page.button("compare-runs").disabled
    choose(page, 1040)
    assert "2 of 3 chosen are not on this page." in said(page)
    page.pagination[0].set_value(1).run()
    assert "1 of 3 chosen is not on this page." in said(page)
    page.button("clear-runs").click().run()
    assert page.button("compare-runs").disabled
    assert page.button("delete-runs").disabled


@pytest.mark.usefixtures("many")
def test_a_filter_starts_over_at_the_first_page(app, said):
    page = app("runs")
    page.pagination[0].set_value(22).run()
    assert names(page) == [f"copy {id}" for id in range(50, 1, -1)] + ["doodles-5w1s"]
    page.text_input("filter-text").input("#10").run()
    assert names(page)[0] == "copy 1099"
    assert "1–50 of 111" in said(page)


@pytest.mark.usefixtures("many")
def test_a_page_that_is_no_more_becomes_the_last(app, store):
    page = app("runs")
    page.pagination[0].set_value(22).run()
    with store.database.writing() as connection:
        connection.execute(runs.delete().where(runs.c.id <= 60))
    assert names(page.run())[-1] == "copy 61"


def test_chosen_runs_are_compared_on_a_page_of_their_own(app, said, make_run):
    first, second = make_run("doodles-5w1s"), make_run("omniglot-5w1s-pretrain")
    page = app("runs")
    assert page.button("compare-runs").disabled
    page = choose(page, first.id, second.id)
    (hint,) = [link.proto for link in page.get("page_link") if "Compare the 2 chosen" in link.proto.label]
    assert hint.query_string == "runs=1%2C2"
    page.button("compare-runs").click().run()
    assert page.query_params["runs"] == "1,2"
    assert "What differs" in said(page)


def test_differences_name_paths_and_fill_gaps():
    one = {"seed": 0, "model": {"name": "mlp", "widths": [40]}, "same": {"a": 1}}
    other = {"seed": 0, "model": {"name": "conv4"}, "same": {"a": 1}}
    assert differences([one, other]) == {"model.name": ["mlp", "conv4"], "model.widths": [[40], None]}


def test_scores_that_a_browsers_table_cannot_hold_are_shown_and_sort(make_run):
    means = [0.7, 9e28, None, 5e27, 1e300, 1e12, 3.0]
    runs = [make_run("sinusoid-maml") for _ in means]
    runs = [replace(run, test=mean and run.test | {"mean": mean}) for run, mean in zip(runs, means, strict=True)]
    style = table.styled(runs)
    values = style.data["Test"].tolist()
    order = sorted((place for place, mean in enumerate(means) if mean), key=values.__getitem__)
    assert order == [0, 6, 5, 3, 1, 4] and max(values[place] for place in order) < 2**53
    assert "9.0×10²⁸ ± 0.01" in style.to_html() and "9.0e28" not in style.to_html()


def test_a_name_or_note_that_is_too_long_is_refused_with_a_word(app, said, store, make_run):
    run = make_run("doodles-5w1s")
    page = choose(app("runs"), run.id)
    page.button("edit-run").click().run()
    page.text_input(f"edit-name-{run.id}").input("x" * 500)
    page.text_area(f"edit-note-{run.id}").input("y" * 2001).run()
    text = said(page)
    assert "has 500 characters" in text and "The note has 2001 characters" in text
    assert page.button("edit-save").disabled
    assert store.get(run.id).name == "doodles-5w1s"
